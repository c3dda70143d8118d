"""Dense terms: new tiles, tiles not seen for a while, and small penalties.

What keeps them from being farmed, with ``c`` the coefficient:

- ``exploration_new_tile`` pays a tile once an episode, so pacing, leaving and re-entering a room, and
  warping back and forth pay nothing after the first visit.
- ``exploration_recent_tile`` pays a tile that was not stepped on for ``exploration_recent_window`` steps,
  and halves with every payment for that tile: c, c/2, c/4, ... A circle of any length over n tiles
  therefore pays less than 2 n c in a whole episode, however long it is walked.
- A tile counts only when the map has held for two steps and the position moved no further than a ledge or a
  bicycle can in one action, so the mixture of an old and a new place while a map loads is no tile.
- What lies outside of a map is no tile, nor is anything of a map that does not exist.
- The tile that a blackout leads to pays nothing: nobody walked there.
- The penalties cannot be positive. ``penalty_stuck`` cannot be reset by starting battles and fleeing or
  losing them: that puts the counter back to where it was before the battle plus the battle's length.
"""

from __future__ import annotations

from envs.game.plausible_moments import on_map
from envs.ram import GameState
from rewards.base import EpisodeMemory, Term, VisitMemory

MAX_STRIDE = 3  # tiles in one action of 24 frames: bicycle 3, ledge 2, walking 1
IDLE_STEPS = 2  # what holds for one step may be a transient


def tile_key(state: GameState) -> int:
    """One number for the tile the player is on: map id, y and x, a byte each."""
    return state.map_id << 16 | state.y << 8 | state.x


def _near(tile: int, other: int) -> bool:
    """Whether one action can lead from one tile to the other."""
    dy, dx = (abs((tile >> shift & 255) - (other >> shift & 255)) for shift in (8, 0))
    return tile >> 16 == other >> 16 and dx + dy <= MAX_STRIDE


def settled(before: GameState, now: GameState) -> bool:
    """Whether the position of ``now`` is a place and not the middle of a map change."""
    stride = abs(now.x - before.x) + abs(now.y - before.y)
    return before.map_id == now.map_id and stride <= MAX_STRIDE and on_map(now)


def changed_nothing(before: GameState, now: GameState) -> bool:
    """Whether an action outside battles left position, facing, menu cursor and belongings as they were.

    The memory says nothing of collisions and the reward does not see the button, so this is the nearest
    thing to "walked into a wall": pressing A at nothing counts as well, and so does every further press in
    a conversation.
    """
    if before.battle > 0 or now.battle > 0 or now.joy_ignore or now.walk_counter:
        return False
    return (
        tile_key(before) == tile_key(now)
        and before.facing == now.facing
        and before.menu_item == now.menu_item
        and before.bag == now.bag
        and before.money == now.money
        and before.party == now.party
        and before.event_bytes == now.event_bytes
    )


def begin(memory: EpisodeMemory, state: GameState) -> None:
    """The tile an episode begins on was visited."""
    memory.places.last_tile = tile_key(state)
    memory.places.tiles[tile_key(state)] = (0, 0)


def observe(memory: EpisodeMemory, before: GameState, now: GameState, window: int) -> None:
    """Takes in one step: which tile, whether it is new, what share of the recent reward is due (``window``
    steps). Battles must have taken it in."""
    places = memory.places
    places.new_tile, places.recent_share = False, 0.0
    places.idle_steps = places.idle_steps + 1 if changed_nothing(before, now) else 0
    places.carried |= memory.battle.is_lost()
    if settled(before, now):
        _arrive(places, tile_key(now), memory.step, window)


def _arrive(places: VisitMemory, tile: int, step: int, window: int) -> None:
    """Visits ``tile``; for nothing when it is where a blackout led to, or where the player stood already."""
    last, places.last_tile = places.last_tile, tile
    carried_there = places.carried and not _near(tile, last)
    if tile == last or carried_there:
        places.tiles[tile] = (step, places.tiles.get(tile, (0, 0))[1])
    else:
        _visit(places, tile, step, window)
    places.carried &= tile == last


def _visit(places: VisitMemory, tile: int, step: int, window: int) -> None:
    seen = places.tiles.get(tile)
    places.new_tile = seen is None
    last, paid = seen or (step - window, 0)
    if step - last >= window:
        places.recent_share = 0.5**paid
        paid += 1
    places.tiles[tile] = (step, paid)


def observe_progress(memory: EpisodeMemory) -> None:
    """Counts the steps without a new tile, a battle or a milestone; call it when all layers took in the
    step."""
    battle, progress = memory.battle, memory.progress
    milestone = progress.new_badges or progress.new_events or progress.new_levels or progress.new_map
    memory.steps_without_progress += 1
    memory.steps_before_battle += 1
    if battle.started:
        memory.steps_before_battle = memory.steps_without_progress
        memory.steps_without_progress = 0
    if battle.ended in ("escaped", "lost"):
        memory.steps_without_progress = memory.steps_before_battle
    elif battle.ended is not None or memory.places.new_tile or milestone:
        memory.steps_without_progress = memory.steps_before_battle = 0


def penalty_stuck(stuck_after: int) -> Term:
    """1 for every step after ``stuck_after`` steps without a new tile, a battle or a milestone."""
    return Term(
        "penalty_stuck",
        "dense",
        lambda before, now, memory: float(memory.steps_without_progress > stuck_after),
    )


TERMS = (
    Term("exploration_new_tile", "dense", lambda before, now, memory: float(memory.places.new_tile)),
    Term("exploration_recent_tile", "dense", lambda before, now, memory: memory.places.recent_share),
    Term("penalty_step", "dense", lambda before, now, memory: 1.0),
    Term("penalty_wall", "dense", lambda before, now, memory: float(memory.places.idle_steps >= IDLE_STEPS)),
)
