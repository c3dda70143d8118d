"""Sets the weights of the reward layers from a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stable_baselines3.common.callbacks import BaseCallback


class LayerWeights(BaseCallback):
    """Sends ``weights(steps)`` (layer -> weight) to all environments when a rollout starts, and records them
    as ``schedule/layer_*``.

    The weights depend only on the step count at the start of the rollout, so a resumed run follows the same
    curves. An environment that replaced a lost one in mid-rollout has the initial weights until the next
    rollout.
    """

    def __init__(self, weights: Callable[[int], Mapping[str, float]]) -> None:
        super().__init__()
        self.weights = weights
        self._sent: Mapping[str, float] = {}

    def _on_rollout_start(self) -> None:
        self._sent = self.weights(self.model.num_timesteps)
        self.training_env.env_method("set_layer_weights", dict(self._sent))

    def _on_rollout_end(self) -> None:
        # Recorded here, because the log is dumped before the update.
        for layer, weight in self._sent.items():
            self.logger.record(f"schedule/layer_{layer}", weight)

    def _on_step(self) -> bool:
        return True
