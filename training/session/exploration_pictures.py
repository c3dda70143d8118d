"""Builds the callback that draws exploration heat maps."""

from __future__ import annotations

from pathlib import Path

from callbacks.exploration import ExplorationPicture
from training.drawing.map_drawings import MapDrawings
from training.environments.task import Task

PICTURES_APART = 50_000  # minimum number of steps
MOST_PICTURES = 50  # of one kind in a run's TensorBoard files


def exploration_picture(task: Task, run: Path) -> ExplorationPicture:
    """Return the ExplorationPicture callback of a run."""
    every = max(PICTURES_APART, task.config.training_steps // MOST_PICTURES)
    return ExplorationPicture(MapDrawings(task.game), run / "exploration", every)
