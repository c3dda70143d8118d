"""Optional logging to MLflow and offline Weights & Biases.

Both are extra logger outputs that must be installed separately. They write to the run's folder and send
nothing anywhere; uploading with ``wandb sync FOLDER`` is up to the user.
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

RUN_ID = "mlflow_run"  # next to the database, for a resumed run
MAX_PARAMETER = 500  # characters; MLflow's limit for a parameter's value


def check_trackers(config: TrainConfig) -> None:
    """Raise UserError, with the install command, when a requested tracker is not installed."""
    for name, package, wanted in (
        ("mlflow", "mlflow-skinny", config.mlflow),
        ("wandb", "wandb", config.wandb),
    ):
        if wanted and importlib.util.find_spec(name) is None:
            raise UserError(f"--{name}: the package is not installed; pip install {package}, or leave it out")


def open_trackers(config: TrainConfig, folder: Path) -> list[KVWriter]:
    """Return the writers that ``config`` requests, which write below ``folder``."""
    writers: list[KVWriter] = []
    if config.mlflow:
        writers.append(MLflowWriter(config, folder))
    if config.wandb:
        writers.append(WandbWriter(config, folder))
    return writers


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers, without pictures and unknown (NaN) figures."""
    found = {}
    for key, value in values.items():
        with_item = getattr(value, "item", None)
        number = with_item() if callable(with_item) and getattr(value, "size", 1) == 1 else value
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            found[key] = float(number)
    return found


class MLflowWriter(KVWriter):
    """Metrics and settings in an MLflow SQLite database, ``folder``/mlflow/mlflow.db."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before the import, which reads it
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
        """Write one point per number."""
        from mlflow.entities import Metric  # type: ignore[import-not-found]
        from mlflow.utils.time import get_current_time_millis  # type: ignore[import-not-found]

        now = get_current_time_millis()
        points = [Metric(key, value, now, step) for key, value in _numbers(key_values).items()]
        self._client.log_batch(self._run, metrics=points)

    def close(self) -> None:
        """Mark the run as terminated."""
        self._client.set_terminated(self._run)


class WandbWriter(KVWriter):
    """An offline Weights & Biases run in ``folder``/wandb."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # otherwise it contacts an error-reporting server
        import wandb  # type: ignore[import-not-found]

        settings = wandb.Settings(console="off", disable_git=True, save_code=False, x_disable_meta=True)
        self._run = wandb.init(
            mode="offline", dir=str(folder), project="training", name=folder.name, id=folder.name,
            config=config.model_dump(mode="json"), settings=settings,
        )  # fmt: skip

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Write one point per number."""
        self._run.log(_numbers(key_values), step=step)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()
