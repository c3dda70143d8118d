"""The callback that draws where a run has been."""

from __future__ import annotations

from pathlib import Path

from callbacks.exploration import ExplorationPicture
from training.drawing.map_drawings import MapDrawings
from training.environments.task import Task

PICTURES_APART = 50_000  # steps, at least
MOST_PICTURES = 50  # of one kind in a run's TensorBoard files, however long it trains


def exploration_picture(task: Task, run: Path) -> ExplorationPicture:
    """What keeps the pictures of a run's exploration."""
    every = max(PICTURES_APART, task.config.training_steps // MOST_PICTURES)
    return ExplorationPicture(MapDrawings(task.game), run / "exploration", every)
