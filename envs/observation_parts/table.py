"""The table of all parts of an observation by name."""

from __future__ import annotations

from envs.observation_parts.bag import BagPart
from envs.observation_parts.base import ObservationPart
from envs.observation_parts.fight import FightPart
from envs.observation_parts.pictures import ScreenPart, VisitedNearbyPart, VisitedPart, VisitedWorldPart
from envs.observation_parts.place import PlacePart
from envs.observation_parts.plain import (
    BadgesPart,
    BattlePart,
    EventsPart,
    FacingPart,
    PartyPart,
    RecentActionsPart,
)
from envs.observation_parts.progress import ProgressPart
from envs.observation_parts.team import TeamPart

PARTS: dict[str, type[ObservationPart]] = {
    "screen": ScreenPart,
    "visited": VisitedPart,
    "party": PartyPart,
    "battle": BattlePart,
    "badges": BadgesPart,
    "events": EventsPart,
    "facing": FacingPart,
    "recent_actions": RecentActionsPart,
    "place": PlacePart,
    "fight": FightPart,
    "team": TeamPart,
    "bag": BagPart,
    "progress": ProgressPart,
    "visited_nearby": VisitedNearbyPart,
    "visited_world": VisitedWorldPart,
}
