"""Callback states in a real checkpoint, stored under their keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.episode_metrics import EpisodeMetrics
from callbacks.run_totals import RunTotals
from tests.training.conftest import TINY
from training.checkpoints.callback_states import callbacks_by_key, key_differences, snapshots_of
from training.checkpoints.reading import Checkpoint, CheckpointError, read_checkpoint
from training.checkpoints.training_state import state_without_environments
from training.checkpoints.writing import save_checkpoint
from training.config.loading import load_config
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.session.resume import restore_memories


@pytest.fixture(scope="module")
def model() -> Iterator[PPO]:
    """An untrained model."""
    config = load_config(None, TINY)
    made = build_model(config, make_vec_env(config))
    yield made
    assert made.env is not None
    made.env.close()


def counted(episodes: int) -> RunTotals:
    totals = RunTotals()
    totals.counts["episodes"] = episodes
    totals.returns.extend([1.5, -2.0])
    return totals


@pytest.fixture
def saved(model: PPO, tmp_path: Path) -> Checkpoint:
    """A checkpoint in which RunTotals has counted three episodes."""
    state = state_without_environments(model, [counted(3), EpisodeMetrics()])
    return read_checkpoint(save_checkpoint(model, tmp_path / "0", moment=state))


def test_a_renamed_class_loses_nothing(saved: Checkpoint) -> None:
    renamed = type("SumOfAll", (RunTotals,), {})()
    restore_memories(saved, [EpisodeMetrics(), renamed], changed=False)
    assert renamed.snapshot() == counted(3).snapshot()
    assert saved.state is not None
    assert not {"RunTotals", "EpisodeMetrics"} & saved.state["callbacks"].keys(), "no names of classes"


class Ghost(BaseCallback):
    """A callback that other versions do not have."""

    state_key = "ghost"

    def __init__(self) -> None:
        super().__init__()
        self.restored: Any = None

    def snapshot(self) -> dict[str, Any]:
        return {"a": 1}

    def restore(self, snapshot: Any) -> None:
        self.restored = snapshot

    def _on_step(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("callbacks", "line"),
    [
        ([RunTotals()], "unknown state 'episode_metrics'"),
        ([RunTotals(), EpisodeMetrics(), Ghost()], "missing state 'ghost'"),
        ([RunTotals(), Ghost()], "missing state 'ghost', unknown state 'episode_metrics'"),
    ],
    ids=["unknown", "missing", "both"],
)
def test_a_key_without_a_counterpart_is_refused_by_name(
    saved: Checkpoint, callbacks: list[BaseCallback], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshots_of(callbacks)
    with pytest.raises(
        CheckpointError, match=rf"0 does not fit .*: {line}; train_ppo.py --accept-changes"
    ) as caught:
        restore_memories(saved, callbacks, changed=False)
    assert "\n" not in str(caught.value)
    assert snapshots_of(callbacks) == before, "nothing is restored by halves"
    restore_memories(saved, callbacks, changed=True)
    assert line in capsys.readouterr().err
    assert snapshots_of(callbacks)["run_totals"] == counted(3).snapshot()
    assert all(one.restored is None for one in callbacks if isinstance(one, Ghost))


def test_keys_that_fit_have_no_differences() -> None:
    assert key_differences(["a", "b"], ["b", "a"]) is None


def test_duplicate_keys_are_refused(saved: Checkpoint) -> None:
    twin = type("Twin", (EpisodeMetrics,), {"state_key": "run_totals"})()
    with pytest.raises(ValueError, match="'run_totals' of Twin is already used by RunTotals"):
        restore_memories(saved, [RunTotals(), twin], changed=True)
    with pytest.raises(ValueError, match="'run_totals' of RunTotals is already used by Twin"):
        snapshots_of([twin, RunTotals()])


@pytest.mark.parametrize("missing", ["state_key", "restore"])
def test_a_snapshot_without_restore_is_refused(missing: str) -> None:
    class Forgetful(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def snapshot(self) -> dict[str, Any]:
            return {}

    setattr(Forgetful, "state_key" if missing == "restore" else "restore", "x")
    with pytest.raises(ValueError, match="Forgetful has a snapshot, but no state_key or no restore"):
        callbacks_by_key([Forgetful()])


def test_damage_is_one_line(saved: Checkpoint) -> None:
    assert saved.state is not None
    saved.state["callbacks"]["run_totals"] = {"counts": [1]}
    with pytest.raises(CheckpointError, match="the state of callbacks is damaged") as caught:
        restore_memories(saved, [RunTotals(), EpisodeMetrics()], changed=True)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_to_evaluate_is_not_resumed_from(model: PPO, tmp_path: Path) -> None:
    best = read_checkpoint(save_checkpoint(model, tmp_path / "best"))
    with pytest.raises(CheckpointError, match="has only weights; --init-from"):
        restore_memories(best, [], changed=True)
