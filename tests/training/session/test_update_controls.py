"""Controls of the update in whole runs: exact resume with all of them on, and what ends or saves a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import TINY
from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, curves, same_in_everything
from training.checkpoints.reading import read_checkpoint

pytestmark = pytest.mark.slow

CONTROLS: dict[str, Any] = {
    **EXACT,
    "batch_size": 16,
    "n_epochs": 3,
    "learning_rate": 1e-3,
    "lr_schedule": "adaptive",
    "kl_threshold": 0.002,
    "target_kl": 0.02,
    "clip_range_vf": {"kind": "linear", "start": 5.0, "end": 1.0},
    "normalize_advantage": "batch",
    "value_bootstrap": False,
    "gamma": {"kind": "linear", "start": 0.9, "end": 0.99},
    "gae_lambda": {"kind": "piecewise", "points": [[0, 1.0], [1, 0.9]]},
    "adam_eps": 1e-6,
    "weight_decay": 1e-3,
    "save_best_after": 3,
}
del CONTROLS["save_interval"]
CONTROLS["save_frequency"] = 1


@pytest.fixture(scope="module", params=["update", "minibatch"])
def controlled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config with every control, whose rate adapts per update or per minibatch."""
    path = tmp_path_factory.mktemp("controls") / f"{request.param}.json"
    path.write_text(json.dumps({**CONTROLS, "lr_adapt_per": request.param}))
    return path


def rate_after_three_updates(run: Path) -> float:
    """The rate as it is kept in the last checkpoint, under its own key."""
    folder = run / "checkpoints"
    assert {path.name for path in folder.iterdir()} == {"0", "64", "128", "192"}, "one after every update"
    state = read_checkpoint(folder / "192").state
    assert state is not None
    kept = float(state["callbacks"]["update"]["rate"]["rate"])
    assert kept != CONTROLS["learning_rate"]
    return kept


def test_a_resumed_run_is_the_same_with_every_control(forker: Forker, controlled: Path, runs: Path) -> None:
    whole, parted = f"whole-{controlled.stem}", f"parted-{controlled.stem}"
    forker.run("--config", controlled, "--run-name", whole)
    forker.run("--config", controlled, "--run-name", parted, "--stop-after", 192)
    kept = rate_after_three_updates(runs / parted)
    forker.run("--resume", parted, "--stop-after", 256)
    step, rate = curves(runs / parted)["train/learning_rate"][-1]
    assert (step, float(rate)) == (256, pytest.approx(kept, rel=1e-6))
    forker.run("--resume", parted)
    same_in_everything(runs / whole, runs / parted)
    found = curves(runs / whole)
    assert len({value for _, value in found["train/learning_rate"]}) >= 3, "the rate adapted"
    assert found["schedule/learning_rate"] == found["train/learning_rate"]
    assert [step for step, _ in found["train/gamma"]] == [64, 128, 192, 256, 320, 384]
    gammas = [float(value) for _, value in found["train/gamma"]]
    assert gammas == pytest.approx([0.9 + 0.09 * step / 384 for step in range(0, 384, 64)], rel=1e-6)


def test_learned_discounts_continue_after_a_resume(forker: Forker, runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    learned = {"kind": "learned", "start": 0.9, "low": 0.5, "high": 0.99, "rate": 0.1}
    path.write_text(json.dumps({**EXACT, "gamma": learned, "gae_lambda": learned}))
    forker.run("--config", path, "--run-name", "learned")
    forker.run("--config", path, "--run-name", "learned-on", "--stop-after", 192)
    forker.run("--resume", "learned-on")
    same_in_everything(runs / "learned", runs / "learned-on")
    for name in ("train/gamma", "train/gae_lambda"):
        values = [float(value) for _, value in curves(runs / "learned")[name]]
        assert values[:2] == pytest.approx([0.9, 0.9]), "the second update is the first that can judge one"
        assert len(set(values)) >= 4 and all(0.5 <= value <= 0.99 for value in values)


def test_an_evaluation_that_is_good_enough_ends_the_run(forker: Forker, runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "won.json"
    settings = {**TINY, "eval_every_steps": 128, "eval_episodes": 1, "score_to_win": -1000}
    path.write_text(json.dumps(settings))
    done = forker.run("--config", path, "--run-name", "won")
    assert "stopped by score_to_win -1000: an evaluation's mean return was" in done.shown
    rows = [json.loads(line) for line in (runs / "won" / "eval.jsonl").open()]
    assert [row["steps"] for row in rows] == [128]
    assert (runs / "won" / "checkpoints" / "best").is_dir()
    path.write_text(json.dumps({**settings, "score_to_win": 1000, "save_best_after": 5}))
    done = forker.run("--config", path, "--run-name", "not-won")
    assert "score_to_win" not in done.shown
    assert not (runs / "not-won" / "checkpoints" / "best").exists(), "all evaluations were too early"
    path.write_text(json.dumps({**settings, "score_to_win": 1000, "save_best_after": 4}))
    forker.run("--config", path, "--run-name", "late-best")
    best = read_checkpoint(runs / "late-best" / "checkpoints" / "best")
    assert best.steps == 256
