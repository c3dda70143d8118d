"""The example in docs/rewards.md, run as a user would run it."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from envs.ram import GameState
from rewards.custom_terms import load_custom_terms
from rewards.stack import RewardStack
from tests.paths import ROOT
from tests.training.conftest import Program

SIZES = ("--num-envs", 2, "--workers", 1, "--n-steps", 16, "--batch-size", 16, "--total-steps", 64)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Create the folder of the page's example, beside the configs that it extends."""
    page = (ROOT / "docs" / "rewards.md").read_text("utf-8")
    parts = re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    for name, text in parts:
        (tmp_path / name).write_text(text)
    (tmp_path / "battle_focused_redesign.json").write_text(
        (ROOT / "configs" / "battle_focused_redesign.json").read_text()
    )
    assert [name for name, _ in parts] == ["collector.py", "collect.json"]
    assert len(parts[0][1].splitlines()) <= 15
    return tmp_path


@pytest.mark.slow
def test_the_example_trains_and_is_kept_in_the_run(example: Path, program: Program, runs: Path) -> None:
    result = program(
        "train_ppo", "--config", example / "collect.json", "--run-name", "collect", *SIZES, "--device", "cpu"
    )
    assert result.returncode == 0, result.stderr
    paid = next(line for line in result.stdout.splitlines() if line.startswith("pays "))
    assert "battle_win 60" in paid
    assert "collector.py:Collector 2.5; nothing for" in paid
    kept = json.loads((runs / "collect" / "config.json").read_text())
    assert kept["reward_terms"] == {f"{example / 'collector.py'}:Collector": 2.5}
    more = ("--total-steps", 96, "--accept-changes")
    assert program("train_ppo", "--resume", "collect", *more).returncode == 0


def test_the_example_pays_for_every_kind_once(example: Path) -> None:
    stack = RewardStack({}, own=load_custom_terms({f"{example / 'collector.py'}:Collector": 2.5}))
    balls, potion = (4, 5), (20, 1)
    bags = [(balls,), (balls, potion), (balls,), (balls, potion), ((4, 9), (3, 1))]
    moments = [GameState(bag=bag) for bag in bags]
    stack.reset(moments[0])
    steps = [stack.step(before, now) for before, now in pairwise(moments)]
    assert [step.exploration for step in steps] == [2.5, 0, 0, 2.5], "nor for what was sold and bought again"
    assert [step.total for step in steps] == [step.exploration for step in steps]


def test_a_term_that_gives_too_much_ends_the_run_in_one_line(example: Path, program: Program) -> None:
    path = example / "collector.py"
    path.write_text(path.read_text().replace("return len(new)", "return 1e300"))
    result = program("train_ppo", "--config", example / "collect.json", "--run-name", "much", *SIZES)
    assert result.returncode != 0
    assert f"reward term {path}:Collector: step 1 gave 1e+300: it must be a finite number" in result.stderr
    assert "OverflowError" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_term_that_fails_at_reset_ends_the_program_in_one_line(example: Path, refused: Program) -> None:
    path = example / "collector.py"
    path.write_text(path.read_text().replace("state.bag", "state.sack"))
    said = str(refused("train_ppo", "--config", example / "collect.json", "--run-name", "sack", *SIZES))
    assert said.startswith(f"reward term {path}:Collector: reset() raised AttributeError: ")
    assert said.endswith("(collector.py, line 8)")
