"""What --resume refuses before it changes anything, and what it restores without environments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Program
from training.checkpoints.reading import STATE, TRAINER, read_checkpoint

pytestmark = pytest.mark.slow

Refused = Callable[..., str]
KEYS = {
    "agent_stats", "checkpoints", "episode_metrics", "evaluation", "exploration", "farm_alarm", "health",
    "interventions", "progress_bar", "run_totals", "update",
}  # fmt: skip
"""What checkpoints of format 4 keep of callbacks. Another key needs another format, or a run loses it."""


@pytest.fixture(scope="module")
def stopped(program: Program, tiny: Path, runs: Path) -> Path:
    """A run with two checkpoints."""
    done = program("train_ppo", "--config", tiny, "--run-name", "restored", "--stop-after", 64)
    assert done.returncode == 0, done.stderr
    return runs / "restored"


@pytest.fixture
def change(stopped: Path) -> Iterator[Callable[[str, Callable[[Any], object]], None]]:
    """change(file, how) changes a file of both checkpoints and updates their hashes."""
    folders = sorted(stopped.glob("checkpoints/*"))
    before = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}

    def put(name: str, how: Callable[[Any], object]) -> None:
        for folder in folders:
            content, trainer = (json.loads((folder / file).read_text()) for file in (name, TRAINER))
            how(content)
            (folder / name).write_text(json.dumps(content))
            if name != TRAINER:
                trainer["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
                (folder / TRAINER).write_text(json.dumps(trainer))

    yield put
    for path, data in before.items():
        path.write_bytes(data)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A config with an evaluation of one episode after every update."""
    path = tmp_path_factory.mktemp("looked_at") / "looked_at.json"
    path.write_text(json.dumps({"extends": str(tiny), "eval_every_steps": 64, "eval_episodes": 1}))
    return path


def contents(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_the_state_keys_of_callbacks_do_not_change(stopped: Path) -> None:
    for folder in stopped.glob("checkpoints/*"):
        state = read_checkpoint(folder).state
        assert state is not None
        assert state["callbacks"].keys() == KEYS


@pytest.mark.parametrize("found", [1, 3, 5])
def test_another_format_is_refused_by_name(
    change: Callable[..., None], stopped: Path, refused: Refused, found: int
) -> None:
    change(TRAINER, lambda t: t.update(format=found))
    before = contents(stopped)
    line = refused("train_ppo", "--resume", "restored")
    assert "64/trainer.json: not a checkpoint of format 4, which this version reads, but of" in line
    assert f"of format {found}: use the version that wrote it" in line
    assert contents(stopped) == before


STATES: list[tuple[str, Callable[[Any], object]]] = [
    ("missing state 'health'", lambda s: s["callbacks"].pop("health")),
    ("unknown state 'ghost'", lambda s: s["callbacks"].update(ghost={})),
    ("the state of callbacks is damaged", lambda s: s["callbacks"]["progress_bar"].pop("returns")),
    ("not an object with the states of callbacks", lambda s: s.pop("callbacks")),
]


@pytest.mark.parametrize(("line", "how"), STATES[:3])
def test_damaged_callback_states_are_refused_before_anything_changes(
    change: Callable[..., None], stopped: Path, program: Program, line: str, how: Callable[[Any], object]
) -> None:
    change(STATE, how)
    before = contents(stopped)
    done = program("train_ppo", "--resume", "restored")
    assert done.returncode == 2
    assert [line in text for text in done.stderr.splitlines()] == [True]
    assert contents(stopped) == before


def test_a_checkpoint_without_callback_states_is_damaged(
    change: Callable[..., None], stopped: Path, program: Program
) -> None:
    line, how = STATES[3]
    change(STATE, how)
    done = program("train_ppo", "--resume", "restored")
    assert done.returncode == 2
    assert line in done.stderr
    assert "holds no usable checkpoint" in done.stderr


def test_evaluation_that_is_switched_off_keeps_its_best(
    program: Program, looked_at: Path, runs: Path
) -> None:
    def go(*flags: object) -> dict[str, Any]:
        done = program("train_ppo", *flags)
        assert done.returncode == 0, done.stderr
        newest = max((runs / "pausing" / "checkpoints").glob("[0-9]*"), key=lambda path: int(path.name))
        state = read_checkpoint(newest).state
        assert state is not None
        kept: dict[str, Any] = state["callbacks"]["evaluation"]
        return kept

    first = go("--config", looked_at, "--run-name", "pausing", "--stop-after", 128)
    assert first["best"] is not None
    resume = ("--resume", "pausing", "--accept-changes")
    off = go(*resume, "--eval-every-steps", 0, "--stop-after", 192)
    assert off["best"] == first["best"]
    rows = len((runs / "pausing" / "eval.jsonl").read_text().splitlines())
    again = go(*resume, "--eval-every-steps", 64, "--stop-after", 256)
    assert again["best"] >= first["best"]
    assert len((runs / "pausing" / "eval.jsonl").read_text().splitlines()) > rows


TERM = """
class Broken:
    layer = "dense"

    def __init__(self):
        self.calls = 0  # in episodes of 40 steps; each of the two games plays 32 steps of a rollout

    def snapshot(self):
        return {}

    def restore(self, kept):
        pass

    def reset(self, state):
        pass

    def __call__(self, before, now, memory):
        self.calls += 1
        if self.calls == 90:
            raise RuntimeError("the third rollout breaks")
        return 0
"""


def test_callbacks_continue_after_an_environment_failed_in_the_middle_of_a_rollout(
    program: Program, looked_at: Path, tmp_path: Path, runs: Path
) -> None:
    (tmp_path / "broken.py").write_text(TERM)
    config = tmp_path / "broken.json"
    config.write_text(json.dumps({"extends": str(looked_at), "reward_terms": {"broken.py:Broken": 1.0}}))
    flags = ("--run-name", "broken", "--save-interval", 100_000)
    done = program("train_ppo", "--config", config, *flags)
    assert done.returncode == 2, done.stderr
    assert "the third rollout breaks" in done.stderr
    checkpoint = read_checkpoint(runs / "broken" / "checkpoints" / "128")
    assert checkpoint.state is not None
    assert list(checkpoint.state) == ["callbacks"]
    kept = checkpoint.state["callbacks"]
    assert kept["run_totals"]["counts"]["updates"] == 2
    assert kept["evaluation"]["best"] is not None
    done = program("train_ppo", "--resume", "broken", "--stop-after", 192)
    assert done.returncode == 0, done.stderr
    assert "warning: new episodes start: the checkpoint holds no environments" in done.stderr
    state = read_checkpoint(runs / "broken" / "checkpoints" / "192").state
    assert state is not None
    assert state["callbacks"]["run_totals"]["counts"]["updates"] == 3
    assert state["callbacks"]["evaluation"]["best"] >= kept["evaluation"]["best"]
