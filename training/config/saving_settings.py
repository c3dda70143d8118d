"""Settings of what a run saves and measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from training.config.roles import Flag, Role, Settings

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class SavingSettings(Settings):
    """What is saved and measured during training."""

    save_interval: Annotated[Count, Role.SAMPLE, Flag()] = 100_000
    """Steps between checkpoints."""
    save_frequency: Annotated[Count | None, Role.SAMPLE, Flag()] = None
    """Updates between checkpoints, instead of save_interval."""
    keep_checkpoints: Annotated[int, Field(ge=1, le=10_000), Role.SAMPLE] = 5
    """Number of latest checkpoints to keep."""
    eval_every_steps: Annotated[int, Field(ge=0, le=10**12), Role.SAMPLE, Flag()] = 0
    """Steps between evaluations on held-out seeds; 0 for none."""
    eval_episodes: Annotated[int, Field(ge=1, le=10_000), Role.SAMPLE] = 4
    """Episodes per evaluation."""
    save_best_after: Annotated[int, Field(ge=0, le=1_000_000_000), Role.SAMPLE, Flag()] = 0
    """Updates before the first evaluation that can become the best checkpoint."""
    score_to_win: Annotated[float | None, Role.SAMPLE, Flag()] = None
    """Mean return of an evaluation on held-out seeds that ends training."""
    farm_alarm_share: Annotated[float, Field(gt=0, lt=1), Role.BOOKKEEPING] = 0.95
    """Share of an episode's earnings above which a component counts as farmed."""
    farm_alarm_episodes: Annotated[int, Field(ge=2, le=100_000), Role.BOOKKEEPING] = 100
    """Number of latest episodes that the farm alarm looks at."""
    agent_stats_every: Annotated[int, Field(ge=1, le=1_000_000), Role.SAMPLE] = 10
    """Steps of an environment between two samples of its state."""
    agent_stats_kept: Annotated[int, Field(ge=1, le=1_000_000), Role.SAMPLE] = 1000
    """Number of latest samples to keep, over all environments."""
    record_every: Annotated[int, Field(ge=0, le=1_000_000), Role.BOOKKEEPING] = 1
    """Record every n-th episode for replay; 0 for none."""
    episodes_mb: Annotated[int, Field(ge=1, le=100_000), Role.BOOKKEEPING] = 200
    """Disk space for recorded episodes in MB."""
    mlflow: Annotated[bool, Role.BOOKKEEPING, Flag()] = False
    """Also log to an MLflow database in the run's folder (pip install mlflow-skinny)."""
    wandb: Annotated[bool, Role.BOOKKEEPING, Flag(alias="--track")] = False
    """Also log to an offline Weights & Biases run in the run's folder (pip install wandb)."""
