"""The callback that draws where a run has been."""

from __future__ import annotations

from pathlib import Path

from callbacks.exploration import ExplorationPicture
from training.config.schema import TrainConfig
from training.drawing.map_drawings import MapDrawings
from training.make_env import game_of

PICTURES_APART = 50_000  # steps, at least
MOST_PICTURES = 50  # of one kind in a run's TensorBoard files, however long it trains


def exploration_picture(config: TrainConfig, run: Path) -> ExplorationPicture:
    """What keeps the pictures of a run's exploration. Raises UserError for a wrong ROM."""
    every = max(PICTURES_APART, config.training_steps // MOST_PICTURES)
    return ExplorationPicture(MapDrawings(game_of(config)), run / "exploration", every)
