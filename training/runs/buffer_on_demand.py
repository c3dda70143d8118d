"""The rollout buffer of exported models, whose module is pickled into the zip by value."""

from __future__ import annotations

from stable_baselines3.common.buffers import DictRolloutBuffer


class BufferOnDemand(DictRolloutBuffer):
    """DictRolloutBuffer that allocates its arrays when the first rollout begins.

    A model that only plays then needs no memory for the rollouts that it was trained with.
    """

    _made = False

    def reset(self) -> None:
        """Prepare for the next rollout; the call from the constructor allocates nothing."""
        if self._made:
            super().reset()
        self._made = True
