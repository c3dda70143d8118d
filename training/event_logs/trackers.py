"""A run's figures for MLflow and Weights & Biases too, on this machine alone; neither comes with the project.

Both are optional writers behind a logger that works without them. What they keep lies in the run's folder;
nothing is sent anywhere. ``wandb sync FOLDER`` is the user's own decision.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

from envs.errors import UserError
from envs.files import write_atomically
from training.config.schema import TrainConfig

RUN_ID = "mlflow_run"  # beside the database: a resumed run goes on with its own
MAX_PARAMETER = 500  # characters of a parameter's value that MLflow takes


def check_trackers(config: TrainConfig) -> None:
    """Raise UserError, with how to install it, when a tracker that is asked for is not installed."""
    for name, package, wanted in (
        ("mlflow", "mlflow-skinny", config.mlflow),
        ("wandb", "wandb", config.wandb),
    ):
        if wanted and importlib.util.find_spec(name) is None:
            raise UserError(f"--{name}: the package is not installed; pip install {package}, or leave it out")


def open_trackers(config: TrainConfig, folder: Path) -> list[KVWriter]:
    """The writers that ``config`` asks for, each writing below ``folder``."""
    writers: list[KVWriter] = []
    if config.mlflow:
        writers.append(MLflowWriter(config, folder))
    if config.wandb:
        writers.append(WandbWriter(config, folder))
    return writers


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """What is a finite number; pictures and figures that nobody knows yet are left out."""
    found = {}
    for key, value in values.items():
        with_item = getattr(value, "item", None)
        number = with_item() if callable(with_item) and getattr(value, "size", 1) == 1 else value
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            found[key] = float(number)
    return found


class MLflowWriter(KVWriter):
    """Metrics and settings in an SQLite database of MLflow, ``folder``/mlflow/mlflow.db."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before the import: it asks then
        from mlflow import MlflowClient  # type: ignore[import-not-found]

        place = folder / "mlflow"
        place.mkdir(exist_ok=True)
        self._client = MlflowClient(tracking_uri=f"sqlite:///{(place / 'mlflow.db').resolve()}")
        note = place / RUN_ID
        if note.is_file():
            self._run = note.read_text(encoding="utf-8").strip()
            return
        experiment = self._client.get_experiment_by_name("training")
        number = experiment.experiment_id if experiment else self._client.create_experiment("training")
        self._run = str(self._client.create_run(number, run_name=folder.name).info.run_id)
        write_atomically(note, self._run.encode())
        for key, value in config.model_dump(mode="json").items():
            self._client.log_param(self._run, key, str(value)[:MAX_PARAMETER])

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """One point of every number."""
        from mlflow.entities import Metric  # type: ignore[import-not-found]
        from mlflow.utils.time import get_current_time_millis  # type: ignore[import-not-found]

        now = get_current_time_millis()
        points = [Metric(key, value, now, step) for key, value in _numbers(key_values).items()]
        self._client.log_batch(self._run, metrics=points)

    def close(self) -> None:
        """Mark the run as ended."""
        self._client.set_terminated(self._run)


class WandbWriter(KVWriter):
    """An offline run of Weights & Biases in ``folder``/wandb."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # else it looks up where crashes go
        import wandb  # type: ignore[import-not-found]

        settings = wandb.Settings(console="off", disable_git=True, save_code=False, x_disable_meta=True)
        self._run = wandb.init(
            mode="offline", dir=str(folder), project="training", name=folder.name, id=folder.name,
            config=config.model_dump(mode="json"), settings=settings,
        )  # fmt: skip

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """One point of every number."""
        self._run.log(_numbers(key_values), step=step)

    def close(self) -> None:
        """End the run."""
        self._run.finish()
