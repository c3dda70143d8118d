"""Observations: layouts, ranges, and independence of arrays returned earlier."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import UserError
from envs.observation_names import (
    DEFAULT_OBSERVATIONS,
    OBSERVATION_NAMES,
    SCREEN_SIZES,
    VISITED_PICTURES,
    WITH_IDS,
)
from envs.observation_parts.base import share
from envs.observation_parts.pictures import shrink
from envs.observation_parts.table import PARTS
from envs.observations import Observations
from envs.ram import GameState, PartyMon, read_state
from envs.visited import VisitedTiles

SCREEN = np.zeros((144, 160), np.uint8)
BYTES = st.integers(0, 255)


def encode(state: GameState, *names: str) -> dict[str, np.ndarray]:
    observations, visited = Observations(names), VisitedTiles()
    visited.reset(state)
    observations.reset(state, SCREEN)
    return observations.encode(state, visited)


def test_shapes_are_those_of_the_table() -> None:
    space = Observations(OBSERVATION_NAMES).space
    assert {name: box.shape for name, box in space.items()} == {
        "screen": (3, 72, 80),
        "visited": (1, 48, 48),
        "party": (78,),
        "battle": (21,),
        "badges": (8,),
        "events": (320,),
        "facing": (4,),
        "recent_actions": (3,),
        "place": (9,),
        "fight": (76,),
        "team": (150,),
        "bag": (56,),
        "progress": (40,),
        "visited_nearby": (1, 48, 48),
        "visited_world": (1, 48, 48),
    }
    assert all(box.dtype == np.uint8 for box in space.values())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6))
def test_the_space_contains_what_random_memory_gives(seed: int, action: int) -> None:
    state = read_state(random.Random(seed).randbytes(0x10000))
    observations, visited = Observations(OBSERVATION_NAMES), VisitedTiles()
    visited.reset(state)
    observations.reset(state, SCREEN)
    observations.update(SCREEN, action)
    seen = observations.encode(state, visited)
    assert observations.space.contains(seen)
    assert seen["visited"][0, 24, 24] == 255


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r'"scren".*did you mean "screen"'):
        Observations(["scren"])
    with pytest.raises(UserError, match="the list is empty"):
        Observations([])


def test_only_the_chosen_parts_are_included() -> None:
    assert set(encode(GameState(), "badges", "facing")) == {"badges", "facing"}
    assert tuple(PARTS) == OBSERVATION_NAMES
    assert tuple(name for name, part in PARTS.items() if part.ids) == WITH_IDS
    assert tuple(name for name in PARTS if name.startswith("visited")) == VISITED_PICTURES
    assert set(Observations().space) == set(DEFAULT_OBSERVATIONS) <= set(OBSERVATION_NAMES)


def test_shrinking_takes_every_second_pixel_of_every_second_row() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (144, 160), dtype=np.uint8)
    small = shrink(picture, 72)
    assert small.shape == (72, 80)
    assert all(small[y, x] == picture[2 * y, 2 * x] for y in range(72) for x in range(80))


def test_screens_are_stacked_oldest_first() -> None:
    observations, visited, state = Observations(["screen"]), VisitedTiles(), GameState()
    visited.reset(state)
    pictures = [np.full((144, 160), value, np.uint8) for value in (10, 20, 30, 40)]
    observations.reset(state, pictures[0])
    assert observations.encode(state, visited)["screen"][:, 0, 0].tolist() == [10, 10, 10]
    for picture in pictures[1:]:
        observations.update(picture, 0)
    assert observations.encode(state, visited)["screen"][:, 0, 0].tolist() == [20, 30, 40]


@pytest.mark.parametrize("frames", [1, 2, 8])
@pytest.mark.parametrize("size", SCREEN_SIZES)
def test_frames_and_their_size_are_settings(size: str, frames: int) -> None:
    generator, state, visited = np.random.default_rng(frames), GameState(), VisitedTiles()
    film = [generator.integers(0, 256, (144, 160), dtype=np.uint8) for _ in range(40)]
    observations, restored = (Observations(["screen"], frames, size) for _ in range(2))
    visited.reset(state)
    observations.reset(state, film[0])
    step = {"full": 1, "half": 2, "quarter": 4}[size]
    for number in range(1, len(film)):
        observations.update(film[number], 0)
        wanted = [film[max(n, 0)][::step, ::step] for n in range(number - frames + 1, number + 1)]
        screen = observations.encode(state, visited)["screen"]
        assert np.array_equal(screen, np.stack(wanted))
        assert observations.space["screen"].contains(screen)
    restored.restore(observations.snapshot())
    for own in (observations, restored):
        own.update(film[7], 0)
    assert np.array_equal(*(own.encode(state, visited)["screen"] for own in (observations, restored)))
    assert observations.whole_screen == (size == "full")


def test_half_a_picture_is_enough_for_small_sizes() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (144, 160), dtype=np.uint8)
    for size in ("half", "quarter"):
        seen = []
        for given_picture in (picture, shrink(picture, 72)):
            observations, visited = Observations(["screen"], 1, size), VisitedTiles()
            observations.reset(GameState(), given_picture)
            seen.append(observations.encode(GameState(), visited)["screen"])
        assert np.array_equal(*seen)


def test_a_returned_observation_does_not_change_later() -> None:
    observations, visited, state = Observations(OBSERVATION_NAMES), VisitedTiles(), GameState()
    visited.reset(state)
    observations.reset(state, SCREEN)
    first = observations.encode(state, visited)
    kept = {name: array.copy() for name, array in first.items()}
    observations.update(np.full((144, 160), 99, np.uint8), 3)
    visited.mark(GameState(x=1))
    observations.encode(GameState(x=1), visited)
    assert all(np.array_equal(first[name], kept[name]) for name in kept)


def test_arrays_can_be_written_in_place() -> None:
    observations, visited, state = (
        Observations(OBSERVATION_NAMES),
        VisitedTiles(),
        GameState(map_id=3, badges=5),
    )
    visited.reset(state)
    observations.reset(state, SCREEN)
    out = {name: np.full(box.shape or (), 77, np.uint8) for name, box in observations.space.items()}
    assert observations.encode(state, visited, out) is out
    fresh = observations.encode(state, visited)
    assert all(np.array_equal(out[name], fresh[name]) for name in fresh)


@pytest.mark.parametrize("seed", range(4))
def test_arrays_written_in_turns_hold_what_new_ones_do(seed: int) -> None:
    """Also after others wrote to them, as a worker does between a reset or a restore and the next step."""
    draw = random.Random(seed)
    observations, visited, state = Observations(OBSERVATION_NAMES), VisitedTiles(), GameState()
    outs = [{name: np.full(part().shape, 77, np.uint8) for name, part in PARTS.items()} for _ in range(2)]
    for step in range(400):
        if step % 20 == 0:
            visited.reset(state)
            observations.reset(state, SCREEN)
        elif step % 20 == 10:
            visited.restore(visited.snapshot())
            observations.restore(observations.snapshot())
        else:
            visited.mark(state)
            observations.update(np.full((144, 160), draw.randrange(3), np.uint8), draw.randrange(7))
        fresh = observations.encode(state, visited)
        seen = observations.encode(state, visited, outs[step % 2])
        assert {name for name in fresh if not np.array_equal(seen[name], fresh[name])} == set(), step
        if step % 10 == 0:
            for name, array in outs[(step + 1) % 2].items():
                array[:] = seen[name]
        changed = {"x": draw.randrange(3), "facing": draw.choice((0, 4)), "badges": draw.randrange(2)}
        state = state._replace(**changed, event_bytes=bytes((draw.randrange(2), *bytes(319))))


def test_recent_actions_are_codes_oldest_first() -> None:
    observations, visited, state = Observations(["recent_actions"]), VisitedTiles(), GameState()
    visited.reset(state)
    observations.reset(state, SCREEN)
    assert observations.encode(state, visited)["recent_actions"].tolist() == [0, 0, 0]
    for action in (0, 6, 2, 4):
        observations.update(SCREEN, action)
    assert observations.encode(state, visited)["recent_actions"].tolist() == [7, 3, 5]
    observations.reset(state, SCREEN)
    assert observations.encode(state, visited)["recent_actions"].tolist() == [0, 0, 0]


def test_party_numbers_cover_the_full_range_of_the_game() -> None:
    strong = PartyMon(84, 100, 999, 999, 0x40, (1, 2, 3, 4), (35, 0, 5, 63))
    weak = PartyMon(165, 3, 1, 16, 8, (33, 0, 0, 0), (1, 0, 0, 0))
    party = encode(GameState(party=(strong, weak)), "party")["party"].reshape(6, 13)
    assert party[0].tolist() == [84, 100, 255, 249, 0x40, 1, 2, 3, 4, 35, 0, 5, 63]
    assert party[1].tolist() == [165, 3, 15, 4, 8, 33, 0, 0, 0, 1, 0, 0, 0]
    assert not party[2:].any()


def test_battle_numbers_are_shown_in_a_battle_only() -> None:
    numbers: Any = {
        "own_level": 9, "own_hp": 10, "own_max_hp": 20, "menu_item": 2,
        "enemy_species": 36, "enemy_level": 4, "enemy_hp": 6, "enemy_max_hp": 18,
    }  # fmt: skip
    assert encode(GameState(battle=0, **numbers), "battle")["battle"].tolist() == [0] * 10 + [2] + [0] * 10
    wild = encode(GameState(battle=1, **numbers), "battle")["battle"]
    assert wild.tolist() == [255, 0, 0, 9, 127, 5, 36, 4, 85, 4, 2] + [0] * 10
    assert encode(GameState(battle=2, **numbers), "battle")["battle"][:3].tolist() == [0, 255, 0]
    assert encode(GameState(battle=-1, **numbers), "battle")["battle"][:3].tolist() == [0, 0, 255]


def test_flags_are_in_the_order_of_the_game() -> None:
    state = GameState(badges=0b1000_0010, facing=8, event_bytes=bytes(range(256)) + bytes(64))
    seen = encode(state, "badges", "facing", "events")
    assert seen["badges"].tolist() == [0, 255, 0, 0, 0, 0, 0, 255]
    assert seen["facing"].tolist() == [0, 0, 255, 0]
    assert seen["events"].tolist() == list(range(256)) + [0] * 64


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_a_share_is_always_a_byte(part: int, whole: int) -> None:
    assert 0 <= share(part, whole) <= 255
    assert share(part, 0) == 0
    assert share(whole, whole) == (255 if whole else 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), BYTES, BYTES), min_size=1, max_size=30))
def test_the_crop_shows_the_visited_tiles_around_the_player(walk: list[tuple[int, int, int]]) -> None:
    visited, tiles, last = VisitedTiles(), set(), walk[0][0]
    visited.reset(GameState(map_id=walk[0][0], x=walk[0][1], y=walk[0][2]))
    tiles.add(walk[0])
    for place in walk[1:]:
        new = visited.mark(GameState(map_id=place[0], x=place[1], y=place[2]))
        assert new == (place[0] == last and place not in tiles)
        if place[0] == last:  # the step on which the map changes is left out
            tiles.add(place)
        last = place[0]
    map_id, x, y = walk[-1]
    crop = visited.crop(GameState(map_id=map_id, x=x, y=y))
    expected = {(ty - y + 24, tx - x + 24) for m, tx, ty in tiles if m == map_id}
    inside = {(row, column) for row, column in expected if 0 <= row < 48 and 0 <= column < 48}
    assert {(int(r), int(c)) for r, c in np.argwhere(crop)} == inside
    assert visited.count == len(tiles)
    assert set(np.unique(crop)) <= {0, 255}


def test_an_episode_begins_with_nothing_visited() -> None:
    visited = VisitedTiles()
    visited.reset(GameState(x=5))
    visited.mark(GameState(x=6))
    visited.reset(GameState(x=6))
    assert visited.count == 1
    assert np.argwhere(visited.crop(GameState(x=6))).tolist() == [[24, 24]]
