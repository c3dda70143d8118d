"""Places: every map id has a sheet of its own, and no coordinate falls on another's."""

from __future__ import annotations

import numpy as np
import pytest

from envs.places import (
    ATLAS_HEIGHT,
    ATLAS_WIDTH,
    MAP_IDS,
    MAP_NAMES,
    MAP_SIZES,
    MARGIN,
    SHEETS,
    UNKNOWN_SIDE,
    atlas_position,
    map_name,
)


def test_every_map_has_a_name_of_its_own_and_a_size() -> None:
    assert MAP_NAMES.keys() == MAP_SIZES.keys()
    assert len(set(MAP_NAMES.values())) == len(MAP_NAMES) == 226
    assert all(1 <= width <= 50 and 1 <= height <= 72 for width, height in MAP_SIZES.values())
    assert (map_name(231), SHEETS[231].known, SHEETS[0].known) == ("map 231", False, True)


def test_no_two_sheets_share_a_step_of_the_atlas() -> None:
    atlas = np.zeros((ATLAS_HEIGHT, ATLAS_WIDTH), np.int32)
    for sheet in SHEETS:
        rows = slice(sheet.top - MARGIN, sheet.top + sheet.height + MARGIN)
        columns = slice(sheet.left - MARGIN, sheet.left + sheet.width + MARGIN)
        assert rows.start >= 0
        assert columns.stop <= ATLAS_WIDTH
        atlas[rows, columns] += 1
    assert atlas.max() == 1


@pytest.mark.parametrize("map_id", [0, 12, 38, 51, 28, 105, 231, 248, 255])
def test_coordinates_stay_on_their_sheet(map_id: int) -> None:
    sheet = SHEETS[map_id]
    found = {atlas_position(map_id, x, y) for x in range(UNKNOWN_SIDE) for y in range(UNKNOWN_SIDE)}
    assert all(sheet.top - MARGIN <= row <= sheet.top + sheet.height for row, _ in found)
    assert all(sheet.left - MARGIN <= column <= sheet.left + sheet.width for _, column in found)
    assert len(found) == (sheet.width + MARGIN * sheet.known) * (sheet.height + MARGIN * sheet.known)


def test_all_map_ids_are_there_and_no_more() -> None:
    assert [sheet.map_id for sheet in SHEETS] == list(range(MAP_IDS))
    assert len({atlas_position(map_id, 0, 0) for map_id in range(MAP_IDS)}) == MAP_IDS
    for wrong in (-1, MAP_IDS):
        with pytest.raises(IndexError, match=str(wrong)):
            atlas_position(wrong, 0, 0)
