"""Milestones of the game: events, badges and places, under names of our own.

Numbers of events and maps are the game's (its public disassembly, pret/pokered).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from envs.ram import GameState

BADGE_NAMES = (
    "rock badge",
    "water badge",
    "spark badge",
    "leaf badge",
    "poison badge",
    "mind badge",
    "fire badge",
    "earth badge",
)
"""Badges of the eight gyms in order, named after their leaders' types."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """One milestone: an event flag is set, a badge (0 to 7) is held, or a map is entered."""

    name: str
    kind: Literal["event", "badge", "map"]
    number: int

    def reached(self, state: GameState) -> bool:
        """Whether it holds in ``state``. Require it for two steps: memory is transient while maps load."""
        if self.kind == "event":
            return state.has_event(self.number)
        if self.kind == "badge":
            return bool(state.badges >> self.number & 1)
        return state.map_id == self.number


MILESTONES = (
    Milestone("starter", "event", 0x022),
    Milestone("rival battled", "event", 0x023),
    Milestone("route 1", "map", 12),
    Milestone("second town", "map", 1),
    Milestone("parcel", "event", 0x039),
    Milestone("errand done", "event", 0x038),
    Milestone("field guide", "event", 0x025),
    Milestone("route 2", "map", 13),
    Milestone("forest", "map", 51),
    Milestone("third town", "map", 2),
    Milestone("gym1", "map", 54),
    *(Milestone(f"badge{n + 1}", "badge", n) for n in range(8)),
    Milestone("champion", "event", 0x901),
)
LATER_MILESTONES = (
    Milestone("first cave", "map", 59),
    Milestone("fourth town", "map", 3),
    Milestone("rival by the bridge", "event", 0x098),
    Milestone("ship ticket", "event", 0x55C),
    Milestone("harbour town", "map", 5),
    Milestone("first field move", "event", 0x5E0),  # cuts trees
    Milestone("dark cave", "map", 82),
    Milestone("tower town", "map", 4),
    Milestone("market town", "map", 6),
    Milestone("flute", "event", 0x12A),
    Milestone("second field move", "event", 0x4CE),  # flies
    Milestone("park town", "map", 7),
    Milestone("third field move", "event", 0x880),  # crosses water
    Milestone("fourth field move", "event", 0x238),  # moves boulders
    Milestone("fifth field move", "event", 0x3D8),  # lights caves
    Milestone("capital", "map", 10),
    Milestone("island town", "map", 8),
    Milestone("last cave", "map", 108),
    Milestone("plateau", "map", 174),
    Milestone("last four beaten", "event", 0x8FE),
)
"""Milestones of the rest of the game."""
FLIES = 0x4CE
"""Event of the only milestone that the embedded cartridge lacks: it has no flying."""

STORY = (
    *("starter", "rival battled", "route 1", "second town", "parcel", "errand done", "field guide"),
    *("route 2", "forest", "third town", "gym1", "badge1"),
    *("first cave", "fourth town", "rival by the bridge", "badge2", "ship ticket"),
    *("harbour town", "first field move", "badge3"),
    *("fifth field move", "dark cave", "tower town", "market town", "badge4", "flute", "second field move"),
    *("park town", "badge5", "third field move", "fourth field move", "capital", "badge6"),
    *("island town", "badge7", "badge8", "last cave", "plateau", "last four beaten", "champion"),
)
"""Names of all milestones in the order of the story, where it leaves one open in the usual order."""


def in_story_order(names: Iterable[str]) -> list[str]:
    """Return names of milestones in the order of STORY."""
    return sorted(names, key=STORY.index)
