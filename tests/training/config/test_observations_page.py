"""docs/observations.md: its tables are those of the code, and its example runs as a user would run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from envs.observations import Observations
from envs.ram import GameState
from envs.visited import VisitedTiles
from tests import observation_page
from tests.paths import ROOT
from tests.training.conftest import Program
from training.config.schema import TrainConfig
from training.config.sections.network import NetworkConfig


def page() -> str:
    return observation_page.PAGE.read_text("utf-8")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Create the folder of the page's example, beside the config that it extends."""
    parts = re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", page(), re.DOTALL)
    for name, text in parts:
        (tmp_path / name).write_text(text)
    (tmp_path / "smoke.json").write_text((ROOT / "configs" / "smoke.json").read_text())
    assert [name for name, _ in parts] == ["compass.py", "compass.json"]
    assert len(parts[0][1].splitlines()) <= 20
    return tmp_path


def test_the_tables_are_those_of_the_code() -> None:
    assert page() == observation_page.page_with_tables(page()), "run python -m tests.observation_page"


def test_the_defaults_are_those_of_the_schema() -> None:
    found = {}
    for names, values in re.findall(
        r"^\| (`[^|]*`) \| (\w[^|]*) \|", page().split("## Parts")[0], re.MULTILINE
    ):
        found |= dict(zip(re.findall(r"`(.*?)`", names), values.split(", "), strict=True))
    config, network = TrainConfig(), NetworkConfig()
    assert found == {
        "frames": str(config.frames),
        "screen_size": config.screen_size,
        **{
            f"network.{name}": str(getattr(network, name))
            for name in ("picture", "visited", "events", "facts", "embedding", "numbers")
        },
    }


def test_the_example_shows_what_it_says(example: Path) -> None:
    observations = Observations([f"{example / 'compass.py'}:Compass"])
    observations.reset(GameState(play_time=100), np.zeros((144, 160), np.uint8))
    seen = [
        observations.encode(state, VisitedTiles())["compass:Compass"].tolist()
        for state in (
            GameState(map_id=1, x=20, y=30, play_time=100),
            GameState(map_id=2, play_time=220),
            GameState(map_id=2, play_time=100_000),
        )
    ]
    assert seen == [[1, 53, 45, 0], [0, 50, 50, 2], [0, 50, 50, 100]]


@pytest.mark.slow
def test_the_example_trains_and_goes_on(example: Path, program: Program, runs: Path) -> None:
    sizes = ("--num-envs", 2, "--workers", 1, "--n-steps", 16, "--batch-size", 16, "--total-steps", 64)
    config = example / "compass.json"
    result = program("train_ppo", "--config", config, "--run-name", "compass", *sizes, "--device", "cpu")
    assert result.returncode == 0, result.stderr
    kept = json.loads((runs / "compass" / "config.json").read_text())
    assert kept["observations"][-1] == f"{example / 'compass.py'}:Compass"
    more = ("--total-steps", 96, "--accept-changes")
    assert program("train_ppo", "--resume", "compass", *more).returncode == 0


def test_a_wrong_value_ends_the_program_in_one_line(example: Path, refused: Program) -> None:
    path = example / "compass.py"
    path.write_text(path.read_text().replace("[0, 50, 50,", "[0, 50, 50, 0,"))
    said = str(refused("train_ppo", "--config", example / "compass.json", "--run-name", "wrong"))
    assert said.startswith(f"observation {path}:Compass: __call__() gave [0, 50, 50, 0, 0]: it must")
