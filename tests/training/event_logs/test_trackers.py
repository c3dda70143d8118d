"""MLflow and Weights & Biases: missing packages, and what is logged."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import Program
from training.event_logs.trackers import _numbers


@pytest.mark.parametrize(("flag", "package"), [("mlflow", "mlflow-skinny"), ("wandb", "wandb")])
def test_without_the_package_one_line_says_how_to_install_it(
    program: Program, tiny: Path, runs: Path, flag: str, package: str
) -> None:
    if importlib.util.find_spec(flag) is not None:
        pytest.skip(f"{flag} is installed here")
    result = program("train_ppo", "--config", tiny, "--run-name", f"with-{flag}", f"--{flag}")
    assert result.returncode == 2
    assert f"--{flag}: the package is not installed; pip install {package}, or leave it out" in result.stderr
    assert not (runs / f"with-{flag}").exists()


def test_only_finite_numbers_are_logged() -> None:
    values = {"a": 1, "b": np.float32(0.5), "c": float("nan"), "d": "text", "e": True, "f": np.zeros(3)}
    assert _numbers(values) == {"a": 1.0, "b": 0.5}


def test_mlflow_has_one_point_per_update_across_a_resume(program: Program, tiny: Path, runs: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: pip install mlflow-skinny")
    assert (
        program("train_ppo", "--config", tiny, "--run-name", "ml", "--mlflow", "--stop-after", 128).returncode
        == 0
    )
    assert program("train_ppo", "--resume", "ml").returncode == 0
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{runs / 'ml' / 'mlflow' / 'mlflow.db'}")
    number = (runs / "ml" / "mlflow" / "mlflow_run").read_text()
    steps = [point.step for point in client.get_metric_history(number, "train/approx_kl")]
    assert steps == [64, 128, 192, 256]


def test_wandb_keeps_its_run_offline(program: Program, tiny: Path, runs: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed: pip install wandb")
    assert program("train_ppo", "--config", tiny, "--run-name", "wb", "--wandb").returncode == 0
    assert list((runs / "wb" / "wandb").glob("offline-run-*/run-wb.wandb"))
