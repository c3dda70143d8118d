"""The callbacks of a session: their order and keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from callbacks.log_updates import LogUpdates
from callbacks.run_totals import RunTotals
from tests.training.conftest import TINY
from training.checkpoints.callback_states import callbacks_by_key
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.session.callbacks import SessionCallbacks
from training.session.plan import Plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of a session whose run has no folder yet."""
    task = resolve_task(load_config(None, TINY))
    return Plan(tmp_path / "run", task, stop_after=None, use_graphics=False)


def test_checkpoints_come_last_after_the_log_dump(plan: Plan) -> None:
    made = SessionCallbacks(plan)
    assert made.in_order[-1] is made.checkpoints
    assert isinstance(made.in_order[-2], LogUpdates)
    assert [*made.checkpoints.others, made.checkpoints] == made.in_order
    named = (made.stop, made.totals, made.interventions, made.health, made.history, made.episodes)
    assert all(callback in made.in_order for callback in named)


def test_keys_do_not_depend_on_settings(plan: Plan) -> None:
    """A setting that removes a callback would lose its state."""
    changed = {"eval_every_steps": 64, "record_every": 0, "health": {"approx_kl": "adapt"}}
    task = resolve_task(load_config(None, {**TINY, **changed}))
    other = SessionCallbacks(Plan(plan.folder, task, stop_after=None, use_graphics=False))
    assert callbacks_by_key(other.in_order).keys() == callbacks_by_key(SessionCallbacks(plan).in_order).keys()


def test_duplicate_keys_are_refused_before_a_run_has_a_folder(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunTotals, "state_key", "health")
    with pytest.raises(ValueError, match="state_key 'health' of HealthCallback is already used by RunTotals"):
        SessionCallbacks(plan)
    assert not plan.folder.exists()
