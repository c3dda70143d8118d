"""The map of a run's world over HTTP: what is sound of the run's files is shown, the rest is left out."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from callbacks.exploration import Visits
from envs.game.catalog import EMBEDDED_SHA1
from tests.training.web.page import Page, make_run, serving


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "runs"
    make_run(folder, "mapped")
    make_run(folder, "odd")
    mapped = folder / "mapped"
    manifest = json.loads((mapped / "manifest.json").read_text())
    manifest["rom_sha1"] = EMBEDDED_SHA1.read_text("ascii").split()[0]
    (mapped / "manifest.json").write_text(json.dumps(manifest))
    one = {"env": 0, "map": 12, "x": 8, "y": 3, "battle": True, "trail": [[0, 10, 1], [12, 8, 4]]}
    content = {"steps": 640, "written": time.time(), "environments": [one]}
    (mapped / "live_map.json").write_text(json.dumps(content))
    visits = Visits()
    for y, x in ((1, 2), (1, 2), (3, 3)):
        visits.add(0, y, x)
    (mapped / "exploration").mkdir()
    np.savez_compressed(mapped / "exploration" / "visits.npz", places=visits.as_array())
    make_run(folder, "training")
    heat = [[12, 8, 3, 40], [12, 9, 3, 2], [1, 2, 3], ["12", 1, 1, 1], None, [12, 1, 1, 1.5]]
    live = {**content, "heat": heat}
    (folder / "training" / "live_map.json").write_text(json.dumps(live))
    (folder / "training" / "exploration").mkdir()
    np.savez_compressed(folder / "training" / "exploration" / "visits.npz", places=visits.as_array())
    wrong = [
        *("text", None, {"map": 1}, {"map": "1", "x": 1, "y": 1}, {"map": 1.5, "x": 1, "y": 1}),
        {"env": 1, "map": 0, "x": 2, "y": 2, "trail": [[0, 1], "x", [0, 1, 1]]},
        {"env": 2, "map": 0, "x": 2, "y": 2, "trail": "none"},
    ]
    (folder / "odd" / "live_map.json").write_text(json.dumps({"environments": wrong, "written": "now"}))
    (folder / "odd" / "exploration").mkdir()
    (folder / "odd" / "exploration" / "visits.npz").write_bytes(b"PK no archive")
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    with serving(root) as served:
        served.until_listed("mapped")
        served.until_listed("odd")
        served.until_listed("training")
        yield served


def map_of(page: Page, run: str) -> dict[str, Any]:
    answer = page.get(f"/training/api/run/{run}/map")
    assert answer.status == 200
    content: dict[str, Any] = json.loads(answer.text)
    return content


def test_environments_heat_and_maps_are_told(page: Page) -> None:
    content = map_of(page, "mapped")
    (one,) = content["environments"]
    assert (one["map"], one["x"], one["y"], one["battle"]) == (12, 8, 3, True)
    assert one["trail"] == [[0, 10, 1], [12, 8, 4]]
    assert content["heat"] == [[0, 2, 1, 2], [0, 3, 3, 1]]
    assert {placed["map_id"] for placed in content["maps"]} == {0, 12}
    assert content["steps"] == 640
    assert not content["live"], "the run has finished"


def test_the_heat_of_a_live_map_is_newer_than_that_of_the_pictures(page: Page) -> None:
    assert map_of(page, "training")["heat"] == [[12, 8, 3, 40], [12, 9, 3, 2]]


def test_what_is_damaged_is_left_out(page: Page) -> None:
    content = map_of(page, "odd")
    assert [one["env"] for one in content["environments"]] == [1, 2]
    assert [one["trail"] for one in content["environments"]] == [[[0, 1, 1]], []]
    assert (content["heat"], content["age"]) == ([], None)


def test_pictures_of_maps_have_their_size(page: Page) -> None:
    for run, size in (("mapped", (20, 14)), ("odd", (20, 18))):
        placed = json.loads(page.get(f"/training/api/run/{run}/map/0").text)
        assert (placed["maps"][0]["width"], placed["maps"][0]["height"]) == size
        answer = page.get(f"/training/run/{run}/maps/0.png")
        assert answer.headers["content-type"] == "image/png"
    assert page.get("/training/run/odd/maps/256.png").status == 422
    assert page.get("/training/run/odd/maps/11.png").status == 404
    assert page.get("/training/run/none/maps/0.png").status == 404


def test_a_picture_is_drawn_from_the_cartridges_texts() -> None:
    from training.web.world import _picture

    drawn, plain = (Image.open(io.BytesIO(_picture(embedded, 0))) for embedded in (True, False))
    assert drawn.size == (20 * 8, 14 * 8)
    assert len(drawn.getcolors(10_000)) > 3
    assert plain.size == (20 * 8, 18 * 8)
