"""Dense terms: new tiles, tiles not seen for a while, and small penalties.

Protections against farming, with ``c`` the coefficient:

- ``exploration_new_tile`` pays each tile once an episode. Pacing, re-entering rooms and warping back and
  forth pay nothing after the first visit.
- ``exploration_recent_tile`` pays a tile that was not stepped on for ``exploration_recent_window`` steps,
  and halves with every payment for that tile: c, c/2, c/4, ... Walking in circles over n tiles therefore
  pays less than 2 n c in a whole episode.
- ``exploration_forward_tile`` also pays each tile once, but nothing on key maps before the one on which the
  episode began, nor in the houses there. Otherwise episodes that begin far into the game (``"starts"``) would
  be paid for walking back.
- A tile counts only if the map has held for two steps and the position moved no further than a ledge or a
  bicycle allows in one action. The mixture of old and new coordinates while a map loads does not count.
- Positions outside of a map, or on a map that does not exist, do not count.
- The tile that a blackout leads to pays nothing, since it was not walked to.
- Penalties cannot be positive. Starting a battle and fleeing or losing it does not reset ``penalty_stuck``:
  the counter returns to its value before the battle plus the battle's length.
"""

from __future__ import annotations

from envs.game.plausible_moments import on_map
from envs.ram import GameState
from rewards.base import EpisodeMemory, Term, VisitMemory

MAX_STRIDE = 3  # tiles in one action of 24 frames: bicycle 3, ledge 2, walking 1
IDLE_STEPS = 2  # a single step may be a transient


def tile_key(state: GameState) -> int:
    """Encode the player's tile as one number: map id, y and x, a byte each."""
    return state.map_id << 16 | state.y << 8 | state.x


def _near(tile: int, other: int) -> bool:
    """Return whether one action can lead from one tile to the other."""
    dy, dx = (abs((tile >> shift & 255) - (other >> shift & 255)) for shift in (8, 0))
    return tile >> 16 == other >> 16 and dx + dy <= MAX_STRIDE


def settled(before: GameState, now: GameState) -> bool:
    """Return whether the position of ``now`` is a tile and not a transient of a map change."""
    stride = abs(now.x - before.x) + abs(now.y - before.y)
    return before.map_id == now.map_id and stride <= MAX_STRIDE and on_map(now)


def changed_nothing(before: GameState, now: GameState) -> bool:
    """Return whether an action outside of battles left position, facing, cursor and belongings unchanged.

    Memory has no flag for collisions and the reward does not see the button, so this is the closest proxy for
    walking into a wall. It also holds for pressing A at nothing and for further presses in a conversation.
    """
    if before.battle > 0 or now.battle > 0 or now.joy_ignore or now.walk_counter:
        return False
    return (
        before.x == now.x
        and before.y == now.y
        and before.map_id == now.map_id
        and before.facing == now.facing
        and before.menu_item == now.menu_item
        and before.bag == now.bag
        and before.money == now.money
        and before.party == now.party
        and before.event_bytes == now.event_bytes
    )


def begin(memory: EpisodeMemory, state: GameState) -> None:
    """Begin an episode: its first tile counts as visited."""
    memory.places.last_tile = tile_key(state)
    memory.places.tiles[tile_key(state)] = (0, 0)


def observe(memory: EpisodeMemory, before: GameState, now: GameState, window: int) -> None:
    """Take in one step: the tile, whether it is new, and the share of the recent reward that is due.

    ``window`` is in steps. Call it after ``rewards.sparse.observe``.
    """
    places = memory.places
    places.new_tile, places.recent_share = False, 0.0
    places.idle_steps = places.idle_steps + 1 if changed_nothing(before, now) else 0
    places.carried |= memory.battle.is_lost()
    if settled(before, now):
        _arrive(places, tile_key(now), memory.step, window)


def _arrive(places: VisitMemory, tile: int, step: int, window: int) -> None:
    """Visit ``tile``, unpaid if a blackout led there or the player already stood there."""
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
    """Count the steps without a new tile, a battle or a milestone. Call it after all layers' ``observe``."""
    battle, progress = memory.battle, memory.progress
    milestone = (
        progress.new_badges
        or progress.new_events
        or progress.new_levels
        or progress.new_map
        or progress.new_goal
    )
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
    """Create the term that is 1 after ``stuck_after`` steps without a new tile, a battle or a milestone."""
    return Term(
        "penalty_stuck",
        "dense",
        lambda before, now, memory: float(memory.steps_without_progress > stuck_after),
    )


TERMS = (
    Term("exploration_new_tile", "dense", lambda before, now, memory: float(memory.places.new_tile)),
    Term("exploration_forward_tile", "dense", lambda before, now, memory: float(memory.places.new_ahead)),
    Term("exploration_recent_tile", "dense", lambda before, now, memory: memory.places.recent_share),
    Term("penalty_step", "dense", lambda before, now, memory: 1.0),
    Term("penalty_wall", "dense", lambda before, now, memory: float(memory.places.idle_steps >= IDLE_STEPS)),
)
