"""The moments of an episode without those that the game cannot be in: what rewards and statistics are made
from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from envs.game.maps import BLOCK, MAP_SIZES
from envs.game.plausibility import HP_MAX, LEVEL_MAX, SPECIES_MAX
from envs.ram import GameState, PartyMon

EVENTS_MAX = 600  # the game names 507 of its 2,560
EVENTS_AT_ONCE = 40  # that one action sets; a gym sets 10
BADGES_AT_ONCE = 1
STEPS = {number: (BLOCK * width, BLOCK * height) for number, (width, height) in MAP_SIZES.items()}


def on_map(state: GameState) -> bool:
    """Whether the player is on a tile of a map: within the size that the game gives that map, and within the
    size that memory says it has, where that is known."""
    size = STEPS.get(state.map_id)
    return (
        size is not None
        and state.x < size[0]
        and state.y < size[1]
        and not (state.map_width and state.x >= BLOCK * state.map_width)
        and not (state.map_height and state.y >= BLOCK * state.map_height)
    )


def near_map(state: GameState) -> bool:
    """On a map that exists, or one step off it, which a byte may show as 255, as while maps change."""
    size = STEPS.get(state.map_id)
    return (
        size is not None and (state.x <= size[0] or state.x == 255) and (state.y <= size[1] or state.y == 255)
    )


def _mon_can_be(mon: PartyMon) -> bool:
    return mon.level <= LEVEL_MAX and mon.species <= SPECIES_MAX and mon.hp <= HP_MAX and mon.max_hp <= HP_MAX


class PlausibleMoments:
    """Puts the last moment that can be in the place of those that cannot, so that nothing is counted of them.

    A moment cannot be when the map does not exist or the player is more than a step off it, a level, species
    or HP of the party or of an enemy in battle is above what the game has, more than 600 events are set, or
    more than 40 events or one badge are new in one step. ``count`` says how many there were.
    """

    def __init__(self) -> None:
        self.reset(GameState())

    def reset(self, state: GameState) -> None:
        """An episode begins at ``state``."""
        self.count = 0
        self._held: GameState | None = None  # the last moment that could be, while one cannot
        self._badges, self._flags = state.badges, int.from_bytes(state.event_bytes, "little")
        # What was looked at last and found well: most of it stays the same for many steps.
        self._party: tuple[PartyMon, ...] = ()
        self._event_bytes = b""

    def step(self, before: GameState, now: GameState) -> tuple[GameState, GameState]:
        """The two moments of a step, which must follow on the last one's."""
        if self._can_be(now):
            before, self._held = self._held or before, None
            return before, now
        self.count += 1
        self._held = self._held or before
        return self._held, self._held

    def _can_be(self, now: GameState) -> bool:
        return (
            near_map(now)
            and (now.party is self._party or self._party_can_be(now))
            and (now.event_bytes == self._event_bytes or self._events_can_be(now))
            and (now.badges | self._badges == self._badges or self._badges_can_be(now))
            and (now.battle <= 0 or max(now.enemy_hp, now.enemy_max_hp) <= HP_MAX)
            and (now.battle <= 0 or now.enemy_level <= LEVEL_MAX)
        )

    def _party_can_be(self, now: GameState) -> bool:
        well = all(map(_mon_can_be, now.party))
        self._party = now.party if well else ()
        return well

    def _events_can_be(self, now: GameState) -> bool:
        flags = int.from_bytes(now.event_bytes, "little")
        if flags.bit_count() > EVENTS_MAX or (flags & ~self._flags).bit_count() > EVENTS_AT_ONCE:
            return False
        self._flags |= flags
        self._event_bytes = now.event_bytes
        return True

    def _badges_can_be(self, now: GameState) -> bool:
        if (now.badges & ~self._badges).bit_count() > BADGES_AT_ONCE:
            return False
        self._badges |= now.badges
        return True

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next steps depend on, as plain JSON values."""
        return {
            "count": self.count,
            "badges": self._badges,
            "flags": hex(self._flags),
            "held": None if self._held is None else plain_state(self._held),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a ``snapshot``. Raises ValueError, KeyError or TypeError for what is none."""
        self.count, self._badges = int(snapshot["count"]), int(snapshot["badges"])
        self._flags = int(snapshot["flags"], 16)
        held = snapshot["held"]
        self._held = None if held is None else state_from(held)
        self._party, self._event_bytes = (), b""


def plain_state(state: GameState) -> dict[str, Any]:
    """``state`` as JSON values."""
    return {
        **state._asdict(),
        "party": [[*map(_listed, astuple(mon))] for mon in state.party],
        "event_bytes": state.event_bytes.hex(),
        "bag": [list(pair) for pair in state.bag],
    }


def state_from(plain: Mapping[str, Any]) -> GameState:
    """What ``plain_state`` described. Raises ValueError, KeyError or TypeError for what is none."""
    return GameState(
        **{
            **plain,
            "party": tuple(PartyMon(*map(_tupled, mon)) for mon in plain["party"]),
            "event_bytes": bytes.fromhex(plain["event_bytes"]),
            "bag": tuple(tuple(pair) for pair in plain["bag"]),
        }
    )


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
