"""Exploration: bounded visit counts, and pictures of the maps in TensorBoard and in the run's
folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from callbacks import exploration
from callbacks.exploration import GAP, MAX_PANELS, ExplorationPicture, Visits, mosaic, overview
from callbacks.log_updates import LogUpdates
from envs.game.catalog import Game
from training.drawing.map_drawings import CAPTION, SCALE_LINE, TILE, MapDrawings
from training.heat_maps import read_visits

Learn = Callable[..., Any]
Curves = Callable[[], Any]
HOME_TOWN = 0
HEIGHT, WIDTH = 14, 20  # tiles of the embedded game's home town


@pytest.fixture(scope="module")
def maps(game: Game) -> MapDrawings:
    return MapDrawings(game)


def test_places_are_drawn_map_by_map(learn: Learn, curves: Curves, maps: MapDrawings, tmp_path: Path) -> None:
    picture = ExplorationPicture(maps, tmp_path / "exploration", every_steps=1)
    learn([picture])
    drawn = curves()
    assert [image.step for image in drawn.Images("trajectory/explore_sum")] == [64, 128, 192, 256]
    assert "exploration/home town" in drawn.Tags()["images"]
    assert sum(picture.visits.counts.values()) == 20
    assert read_visits(tmp_path).counts == picture.visits.counts
    names = {path.name for path in (tmp_path / "exploration").iterdir()}
    assert names == {"visits.npz", "overview.png", "000_home_town.png"}
    with Image.open(tmp_path / "exploration" / "000_home_town.png") as home:
        assert home.size == (WIDTH * TILE, HEIGHT * TILE + CAPTION + SCALE_LINE)


def test_pictures_come_at_the_end_too(learn: Learn, curves: Curves, maps: MapDrawings) -> None:
    learn([ExplorationPicture(maps, every_steps=10_000), LogUpdates()])
    assert [image.step for image in curves().Images("trajectory/explore_sum")] == [64, 256]


def test_counts_continue_from_a_snapshot(maps: MapDrawings) -> None:
    picture, other = ExplorationPicture(maps), ExplorationPicture(maps)
    for x in range(50):
        picture.visits.add(HOME_TOWN, 3, x % 7)
    picture._next = 1234
    other.restore(picture.snapshot())
    assert other.visits.counts == picture.visits.counts
    assert other.snapshot() == picture.snapshot()
    with pytest.raises(ValueError, match="buffer size"):
        other.restore({"places": b"cut off", "next": 0})


def test_corrupted_memory_cannot_grow_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "MAX_PLACES", 5)
    visits = Visits()
    for x in range(20):
        visits.add(1, 2, x)
        visits.add(1, 2, 0)
    assert len(visits.counts) == 5
    assert visits.counts[1, 2, 0] == 21


def test_panels_do_not_overlap() -> None:
    sizes = [(30, 10), (5, 40), (20, 20), (1, 1), (12, 8)]
    panels = [np.full((h, w, 3), 10 + i, np.uint8) for i, (h, w) in enumerate(sizes)]
    picture = mosaic(panels)
    for i, (h, w) in enumerate(sizes):
        assert (picture == 10 + i).all(axis=2).sum() == h * w
    assert (picture[:GAP] == 255).all()
    assert mosaic([]).shape == (1, 1, 3)


def test_only_the_most_visited_maps_are_drawn(maps: MapDrawings) -> None:
    visits, drawn = Visits(), []

    class Counting:
        name = maps.name

        def panel(self, map_id: int, counts: Any, scale: int) -> Any:
            drawn.append(map_id)
            return maps.panel(map_id, counts, scale)

    for map_id in range(40):
        for _ in range(map_id + 1):
            visits.add(map_id, 0, 0)
    overview(visits, Counting())
    assert drawn == list(range(39, 39 - MAX_PANELS, -1))


def test_heat_maps_need_valid_samples(tmp_path: Path) -> None:
    from envs.errors import UserError

    with pytest.raises(UserError, match="no samples of where its agents were"):
        read_visits(tmp_path)
    (tmp_path / "agent_stats.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=r"agent_stats\.npz: is damaged"):
        read_visits(tmp_path)
