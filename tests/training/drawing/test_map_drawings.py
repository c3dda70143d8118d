"""Tests of map drawings and the colours of visited places."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.game.catalog import Game
from envs.game.maps import map_steps
from tests.paths import ROOT
from training.drawing.map_drawings import CAPTION, SCALE_LINE, TILE, MapDrawings, heat, heat_colour
from training.drawing.text import text_width

HOME_TOWN, NO_MAP = 0, 231
HEIGHT, WIDTH = 14, 20  # tiles of the embedded game's home town


@pytest.fixture(scope="module")
def maps(game: Game) -> MapDrawings:
    return MapDrawings(game)


def test_the_embedded_game_is_drawn_from_its_texts_and_others_on_a_grid(
    game: Game, maps: MapDrawings
) -> None:
    own = MapDrawings(dataclasses.replace(game, name="red"))
    counts = {(0, 8): 3}
    drawn, plain = maps.drawing(HOME_TOWN, counts), own.drawing(HOME_TOWN, counts)
    assert drawn.shape == (HEIGHT * TILE, WIDTH * TILE, 3)
    assert plain.shape == (18 * TILE, 20 * TILE, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 4, "the game's four shades"
    inner = plain[TILE + 1 : 2 * TILE, TILE + 1 : 2 * TILE].reshape(-1, 3)
    assert len(np.unique(inner, axis=0)) == 1, "no pictures of another game"
    assert maps.drawing(HOME_TOWN, counts) is drawn, "each map is drawn once"


def test_every_map_of_the_embedded_game_is_within_its_known_size(maps: MapDrawings) -> None:
    assert len(maps._world) == 105
    for map_id in maps._world:
        drawn, steps = maps.drawing(map_id, {}), map_steps(map_id)
        assert steps is not None
        assert drawn.shape[0] <= steps[1] * TILE
        assert drawn.shape[1] <= steps[0] * TILE


def test_only_visited_tiles_are_coloured(maps: MapDrawings) -> None:
    counts = {(0, 8): 1, (4, 10): 1000, (99, 99): 5}
    drawn = maps.drawing(HOME_TOWN, counts)
    heated = heat(drawn, counts)
    changed = (heated != drawn).any(axis=2).reshape(HEIGHT, TILE, WIDTH, TILE).any(axis=(1, 3))
    assert {(int(y), int(x)) for y, x in np.argwhere(changed)} == {(0, 8), (4, 10)}
    few, many = (heated[y * TILE, x * TILE].astype(int).sum() for y, x in ((0, 8), (4, 10)))
    assert many < few, "busier is darker"


@given(st.floats(0, 1))
def test_colours_stay_within_bounds(share: float) -> None:
    *colour, cover = heat_colour(share)
    assert all(0 <= part <= 255 for part in colour)
    assert 0 < cover < 1


def test_an_unknown_map_is_as_large_as_its_samples(maps: MapDrawings) -> None:
    assert maps.name(NO_MAP) == "map 231"
    assert maps.panel(NO_MAP, {(4, 9): 1}, 6).shape[0] == 5 * 6 + CAPTION + SCALE_LINE


def test_a_caption_has_room_for_name_and_samples(maps: MapDrawings) -> None:
    """Even on a small map they are side by side, and neither is cut."""
    panel = maps.panel(NO_MAP, {(0, 0): 123_456_789}, 6)
    ink = (panel[:CAPTION] < 250).any(axis=2)
    columns = np.flatnonzero(ink.any(axis=0))
    gaps = np.diff(columns)
    assert gaps.max() >= 5, "a gap separates the two"
    assert not ink[0].any() and not ink[-1].any() and not ink[:, -1].any(), "nothing touches an edge"
    assert panel.shape[1] > text_width("map 231") + text_width("123,456,789")


def test_drawing_does_not_need_the_compiler() -> None:
    code = (
        "import sys; sys.modules['envs.cartridge.tools'] = None\n"
        "import training.drawing.reward_overlay, training.drawing.video\n"
        "from envs.game.catalog import EMBEDDED_ROM, identify\n"
        "from training.drawing.map_drawings import MapDrawings\n"
        "print(MapDrawings(identify(EMBEDDED_ROM)).panel(0, {(4, 10): 3}, 6).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str((14 * 6 + CAPTION + SCALE_LINE, 20 * 6, 3))


def test_a_panel_has_a_scale_of_its_colours(maps: MapDrawings) -> None:
    few, many = (maps.panel(0, {(4, 4): 1, (4, 5): most}, 8)[-SCALE_LINE:] for most in (9, 90_000))
    assert few.shape != many.shape or not np.array_equal(few, many), "the highest number of samples"
    coloured = (few.max(axis=2) - few.min(axis=2) > 60).any(axis=0)
    assert coloured.sum() == 48, "from few to many"
