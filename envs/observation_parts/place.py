"""Where the player is."""

from __future__ import annotations

from collections.abc import Sequence

from envs.game.field_facts import outdoors
from envs.game.maps import MAP_SIZES
from envs.observation_parts.base import Field, FieldsPart, flags, ids, picker, share
from envs.ram import GameState

WIDEST = max(width for width, _ in MAP_SIZES.values())
HIGHEST = max(height for _, height in MAP_SIZES.values())
BICYCLE, SWIMMING = 1, 2  # wWalkBikeSurfState


_pick = picker("map_id", "x", "y", "blackout_map", "map_width", "map_height", "riding")


class PlacePart(FieldsPart):
    """The map, where on it the player is, how the player moves, and where a blackout leads to."""

    fields = (
        ids("map", 1, "the map", "W_CUR_MAP"),
        ids("map", 1, "the last healing centre's map, where a blackout leads to", "W_LAST_BLACKOUT_MAP"),
        Field("x as a share of the map's width", 1, 255, "W_X_COORD"),
        Field("y as a share of the map's height", 1, 255, "W_Y_COORD"),
        Field("width of the map in blocks of 2 x 2 steps", 1, WIDEST, "W_CUR_MAP_WIDTH"),
        Field("height of the map in blocks of 2 x 2 steps", 1, HIGHEST, "W_CUR_MAP_HEIGHT"),
        flags(1, "indoors: in a house, a cave or the woods", "W_CUR_MAP"),
        flags(1, "on the bicycle", "W_WALK_BIKE_SURF_STATE"),
        flags(1, "swimming", "W_WALK_BIKE_SURF_STATE"),
    )

    def key(self, state: GameState) -> object:
        return _pick(state)

    def values(self, state: GameState) -> Sequence[int]:
        width, height = state.map_width, state.map_height
        return (
            state.map_id,
            state.blackout_map,
            share(state.x, 2 * width - 1) if width else 0,
            share(state.y, 2 * height - 1) if height else 0,
            min(width, WIDEST),
            min(height, HIGHEST),
            not outdoors(state.map_id),
            state.riding == BICYCLE,
            state.riding == SWIMMING,
        )
