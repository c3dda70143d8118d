"""How much each layer of the reward counts, as a pure function of the step count."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stable_baselines3.common.callbacks import BaseCallback


class LayerWeights(BaseCallback):
    """Sends ``weights(steps)`` (layer -> weight) to every environment when a rollout begins, and records them
    as ``schedule/layer_*``.

    Steps are those taken when the rollout begins, so that a resumed run goes on along the same curves. An
    environment that replaced a lost one in mid-rollout has the first weights until the next rollout.
    """

    def __init__(self, weights: Callable[[int], Mapping[str, float]]) -> None:
        super().__init__()
        self.weights = weights
        self._sent: Mapping[str, float] = {}

    def _on_rollout_start(self) -> None:
        self._sent = self.weights(self.model.num_timesteps)
        self.training_env.env_method("set_layer_weights", dict(self._sent))

    def _on_rollout_end(self) -> None:
        # Recorded here, since the log is dumped between here and the update that follows.
        for layer, weight in self._sent.items():
            self.logger.record(f"schedule/layer_{layer}", weight)

    def _on_step(self) -> bool:
        return True
