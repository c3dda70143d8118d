"""Filter of an episode's moments: impossible ones are replaced before rewards and statistics see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from envs.game.maps import BLOCK, MAP_STEPS
from envs.game.plausibility import HP_MAX, LEVEL_MAX, SPECIES_MAX, near_map
from envs.ram import GameState, PartyMon

EVENTS_MAX = 600  # the game uses 507 of its 2,560
EVENTS_AT_ONCE = 40  # most that one action sets; a gym sets 10
BADGES_AT_ONCE = 1


def on_map(state: GameState) -> bool:
    """Return whether the player is on a tile of a map.

    The tile is within the game's size of that map, and within the size in memory if that is known.
    """
    size = MAP_STEPS.get(state.map_id)
    return (
        size is not None
        and state.x < size[0]
        and state.y < size[1]
        and not (state.map_width and state.x >= BLOCK * state.map_width)
        and not (state.map_height and state.y >= BLOCK * state.map_height)
    )


def _is_possible_mon(mon: PartyMon) -> bool:
    return mon.level <= LEVEL_MAX and mon.species <= SPECIES_MAX and mon.hp <= HP_MAX and mon.max_hp <= HP_MAX


def _is_possible_enemy(state: GameState) -> bool:
    return max(state.enemy_hp, state.enemy_max_hp) <= HP_MAX and state.enemy_level <= LEVEL_MAX


class PlausibleMoments:
    """Replaces impossible moments with the last possible one, so that nothing in them counts.

    A moment is impossible if the map does not exist or the player is more than a step off it, a level,
    species or HP of the party or of an enemy in battle is above the game's maximum, more than 600 events are
    set, or more than 40 events or one badge are new in one step. ``count`` is the number of such steps.
    """

    def __init__(self) -> None:
        self.reset(GameState())

    def reset(self, state: GameState) -> None:
        """Begin an episode at ``state``."""
        self.count = 0
        self._held: GameState | None = None  # the last possible moment, while the current one is impossible
        self._badges, self._flags = state.badges, int.from_bytes(state.event_bytes, "little")
        # The last values that passed the checks: most stay the same for many steps.
        self._party: tuple[PartyMon, ...] = ()
        self._event_bytes = b""

    @property
    def is_impossible(self) -> bool:
        """Whether the last moment was impossible."""
        return self._held is not None

    def step(self, before: GameState, now: GameState) -> tuple[GameState, GameState]:
        """Return the two moments of a step to count. ``before`` must be the last step's ``now``."""
        if self._is_possible(now):
            if self._held is not None:
                before, self._held = self._held, None
            return before, now
        self.count += 1
        self._held = self._held or before
        return self._held, self._held

    def _is_possible(self, now: GameState) -> bool:
        return (
            near_map(now)
            and (now.party is self._party or self._is_possible_party(now))
            and (now.event_bytes == self._event_bytes or self._are_possible_events(now))
            and (now.badges | self._badges == self._badges or self._are_possible_badges(now))
            and (now.battle <= 0 or _is_possible_enemy(now))
        )

    def _is_possible_party(self, now: GameState) -> bool:
        possible = all(map(_is_possible_mon, now.party))
        self._party = now.party if possible else ()
        return possible

    def _are_possible_events(self, now: GameState) -> bool:
        flags = int.from_bytes(now.event_bytes, "little")
        if flags.bit_count() > EVENTS_MAX or (flags & ~self._flags).bit_count() > EVENTS_AT_ONCE:
            return False
        self._flags |= flags
        self._event_bytes = now.event_bytes
        return True

    def _are_possible_badges(self, now: GameState) -> bool:
        if (now.badges & ~self._badges).bit_count() > BADGES_AT_ONCE:
            return False
        self._badges |= now.badges
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return all state that later steps depend on, as plain JSON values."""
        return {
            "count": self.count,
            "badges": self._badges,
            "flags": hex(self._flags),
            "held": None if self._held is None else plain_state(self._held),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``. Raises ValueError, KeyError or TypeError for anything else."""
        self.count, self._badges = int(snapshot["count"]), int(snapshot["badges"])
        self._flags = int(snapshot["flags"], 16)
        held = snapshot["held"]
        self._held = None if held is None else state_from(held)
        self._party, self._event_bytes = (), b""


def plain_state(state: GameState) -> dict[str, Any]:
    """Convert ``state`` to JSON values."""
    return {
        **state._asdict(),
        "party": [[*map(_listed, astuple(mon))] for mon in state.party],
        "event_bytes": state.event_bytes.hex(),
        "bag": [list(pair) for pair in state.bag],
        "enemy_types": list(state.enemy_types),
    }


def state_from(plain: Mapping[str, Any]) -> GameState:
    """Convert back from ``plain_state``. Raises ValueError, KeyError or TypeError for anything else."""
    return GameState(
        **{
            **plain,
            "party": tuple(PartyMon(*map(_tupled, mon)) for mon in plain["party"]),
            "event_bytes": bytes.fromhex(plain["event_bytes"]),
            "bag": tuple(tuple(pair) for pair in plain["bag"]),
            "enemy_types": tuple(plain["enemy_types"]),
        }
    )


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
