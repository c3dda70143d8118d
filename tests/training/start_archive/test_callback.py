"""The start archive in real runs: it trains, resumes exactly, and its champion's way is verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from envs.episodes.file_format import read_header
from envs.red_env import ARCHIVE
from tests.training.conftest import TINY, Program
from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, episodes, same_in_everything
from training.checkpoints.writing import read_checkpoint
from training.config.files import ConfigError
from training.config.loading import load_config

KEYS = ("cells", "new_cells", "milestones", "way_steps", "share")
ARCHIVED = {
    **EXACT,
    "starts": {"route1": 1},
    "archive": {"cells": "tiles", "share": 0.7, "selection": "count", "capacity": 20},
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "archive.json"
    path.write_text(json.dumps(ARCHIVED))
    return path


@pytest.fixture(scope="module")
def whole(forker: Forker, config: Path, runs: Path) -> Path:
    """A run with an archive that nothing stopped."""
    forker.run("--config", config, "--run-name", "archived")
    return runs / "archived"


@pytest.mark.slow
def test_a_stopped_run_with_an_archive_resumes_exactly(
    forker: Forker, config: Path, runs: Path, whole: Path
) -> None:
    forker.run("--config", config, "--run-name", "archived-parts", "--stop-after", 200)
    forker.run("--resume", "archived-parts", "--workers", 2)
    same_in_everything(whole, runs / "archived-parts")
    assert episodes(whole) == episodes(runs / "archived-parts")
    kept = [
        json.loads((run / "checkpoints" / "final" / "environments.json").read_text())["callbacks"]
        for run in (whole, runs / "archived-parts")
    ]
    assert kept[0]["start_archive"] == kept[1]["start_archive"]


@pytest.mark.slow
def test_a_share_of_the_episodes_begins_in_the_archive(whole: Path) -> None:
    headers = [read_header(path) for path in sorted((whole / "episodes").glob("*.episode"))]
    begun = [header.start.split()[0] == ARCHIVE for header in headers]
    assert 0 < sum(begun) < len(begun)
    assert all(
        ("archive_cell" in header.stats) == archived for header, archived in zip(headers, begun, strict=True)
    )
    state: Any = read_checkpoint(whole / "checkpoints" / "final").state
    kept = state["callbacks"]["start_archive"]
    entries = kept["archive"]["entries"]
    assert 1 <= len(entries) <= 20
    assert sum(entry["visits"] for entry in entries) > 0


@pytest.mark.slow
def test_curves_of_the_archive(whole: Path) -> None:
    events = EventAccumulator(str(whole / "tensorboard"))
    events.Reload()
    curves = {name: events.Scalars(f"archive/{name}") for name in KEYS}
    assert len({len(points) for points in curves.values()}) == 1
    assert curves["cells"][-1].value >= 1
    assert 0 < curves["share"][-1].value < 1
    assert {f"train/start/{name}/return_mean" for name in ("route1", ARCHIVE)} <= set(
        events.Tags()["scalars"]
    )


@pytest.mark.slow
def test_the_champions_way_is_replayed_from_the_plain_start(
    whole: Path, program: Program, tmp_path: Path
) -> None:
    video = tmp_path / "champion.gif"
    done = program("replay", "archived", "--champion", "--out", video, "--speed", 8)
    assert done.returncode == 0, done.stderr
    assert "from route1; its state is the archive's, byte for byte" in done.stdout
    assert "memory agrees up to step" in done.stdout
    assert video.stat().st_size > 0
    verified = program("replay", "archived", "--all", "--verify-only")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "rewards differ" not in verified.stdout


@pytest.mark.slow
def test_a_run_without_an_archive_has_no_champion(
    program: Program, tiny: Path, refused: Callable[..., str]
) -> None:
    assert program("train_ppo", "--config", tiny, "--total-steps", 64, "--run-name", "plain").returncode == 0
    assert "run plain has no start archive" in refused("replay", "plain", "--champion", "--verify-only")


@pytest.mark.parametrize(
    ("archive", "line"),
    [
        ({"cells": "tile"}, r'archive.cells "tile" must be'),
        ({"share": 0}, r"archive.share 0 is out of range: must be greater than 0"),
        ({"share": 1.5}, r"archive.share 1.5 is out of range: must be at most 1"),
        ({"capacity": 0}, r"archive.capacity 0 is out of range: must be at least 1"),
        ({"selection": "best"}, r'archive.selection "best" must be'),
        ({"shares": 0.5}, r"shares is not a key of .*archive; did you mean share\?"),
        (0.5, r"archive 0.5 must be an object"),
    ],
)
def test_wrong_settings_give_one_line(archive: Any, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as error:
        load_config(None, {"archive": archive})
    assert "\n" not in str(error.value)


def test_an_archive_on_a_cluster_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"archive cannot be used with ray_address 10\.0\.0\.1:6400"):
        load_config(None, {**TINY, "archive": {}, "ray_address": "10.0.0.1:6400"})
