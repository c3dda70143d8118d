"""Settings of a training run. Scripts and notebooks import ``load_config`` and ``TrainConfig`` from here."""

from training.config.loading import load_config
from training.config.schema import TrainConfig

__all__ = ["TrainConfig", "load_config"]
