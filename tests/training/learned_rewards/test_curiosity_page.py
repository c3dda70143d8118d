"""The example in docs/curiosity.md, run as a user would run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.paths import CONFIGS, ROOT
from tests.training.conftest import Program
from tests.training.learned_rewards.rollouts import SCREEN, rollout, setting
from training.config.sections.intrinsic import OwnConfig
from training.learned_rewards.own_model import OwnModel

SIZES = (
    "--num-envs",
    2,
    "--workers",
    1,
    "--n-steps",
    16,
    "--batch-size",
    16,
    "--total-steps",
    64,
    "--device",
    "cpu",
)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The folder of the page's example, beside the config that it extends."""
    page = (ROOT / "docs" / "curiosity.md").read_text("utf-8")
    parts = re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    for name, text in parts:
        (tmp_path / name).write_text(text)
    for name in ("sparse_only.json", "default.json"):
        (tmp_path / name).write_text((CONFIGS / name).read_text())
    config = json.loads((tmp_path / "novel.json").read_text())
    (tmp_path / "novel.json").write_text(json.dumps({**config, "max_steps": 40, "start": "bedroom"}))
    assert [name for name, _ in parts] == ["novelty.py", "novel.json"]
    assert len(parts[0][1].splitlines()) <= 32
    return tmp_path


def test_it_pays_once_for_each_kind_of_picture(example: Path) -> None:
    model = OwnModel(OwnConfig(kind=f"{example / 'novelty.py'}:Novelty"), setting(2))
    screens = np.zeros((4, 2, *SCREEN), np.uint8)
    screens[2:, 1] = 200
    assert model.score(rollout(screens=screens)).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert model.update(rollout(screens=screens)) == {"kinds": 2}
    assert not model.score(rollout(screens=screens)).any()


@pytest.mark.slow
def test_it_trains_resumes_and_shows_its_curves(example: Path, program: Program, runs: Path) -> None:
    flags = ("--config", example / "novel.json", "--run-name", "novel", *SIZES)
    done = program("train_ppo", *flags)
    assert done.returncode == 0, done.stderr
    kept = json.loads((runs / "novel" / "config.json").read_text())
    assert kept["intrinsic"]["kind"] == f"{example / 'novelty.py'}:Novelty"
    events = EventAccumulator(str(runs / "novel" / "tensorboard"))
    events.Reload()
    kinds = [event.value for event in events.Scalars("intrinsic/kinds")]
    assert len(kinds) == 2
    assert 1 <= kinds[0] <= kinds[1]
    done = program("train_ppo", "--resume", "novel", "--total-steps", 96, "--accept-changes")
    assert done.returncode == 0, done.stderr
    (example / "novelty.py").unlink()
    assert program("evaluate", "novel", "--episodes", 1).returncode == 0, "acting does not need the class"


def test_a_mistake_is_reported_before_anything_is_written(example: Path, refused: Program) -> None:
    path = example / "novelty.py"
    path.write_text(path.read_text().replace("self.size, self.seen = size, []", "self.size = size"))
    said = str(refused("train_ppo", "--config", example / "novel.json", "--run-name", "wrong", *SIZES))
    assert said.startswith(f"intrinsic {path}:Novelty: score() raised AttributeError: ")
    assert said.endswith("(novelty.py, line 17)")
