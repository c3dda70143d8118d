"""Settings of a training run. What scripts and notebooks use is here: ``load_config`` and ``TrainConfig``."""

from training.config.loading import load_config
from training.config.schema import TrainConfig

__all__ = ["TrainConfig", "load_config"]
