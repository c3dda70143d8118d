"""Orderly stops: on a signal, for a finding, or once so many steps are reached."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.stop_signals import StopSignals


@runtime_checkable
class Haltable(Protocol):
    """An algorithm that begins no rollout once ``halted`` is True.

    It looks at that after the callbacks' ``on_rollout_start``. Stable-baselines3's own PPO does not, and
    stops for a ``cut_short`` rollout alone.
    """

    halted: bool


class GracefulStop(StopSignals, BaseCallback):
    """Ends training on SIGTERM, SIGINT, a ``request``, or after the update that reaches ``stop_after``.

    Training ends between two rollouts. When ``cut_short`` is set, a rollout that is under way is given up:
    its steps do not count, and whoever set it knows the environments as they were when it began.
    ``signal`` is the one that came, also where training ends for another reason.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.reason: str | None = None
        self.cut_short = False
        self.learned_steps = 0
        """Steps that the weights have learned from."""
        self.dropped_steps = 0
        """Steps of a rollout that was given up."""
        self._complete = True

    def request(self, reason: str) -> None:
        """End training for ``reason``, unless it is about to end for another."""
        self.reason = self.reason or reason

    def _on_training_start(self) -> None:
        self.learned_steps = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        self.learned_steps = self.model.num_timesteps
        self._complete = False
        if self.stop_after is not None and self.learned_steps >= self.stop_after:
            self.request(f"--stop-after {self.stop_after}")

    def _on_step(self) -> bool:
        return self.reason is None or not self.cut_short

    def _on_rollout_end(self) -> None:
        self._complete = True

    def _on_training_end(self) -> None:
        self.settle()

    def settle(self) -> None:
        """Set the model's count to what it has learned from, when a rollout was given up."""
        if not self._complete:
            self.dropped_steps = self.model.num_timesteps - self.learned_steps
            self.model.num_timesteps = self.learned_steps
            self._complete = True

    def halt_if_asked(self) -> None:
        """Begin no further rollout once there is a reason to end; to be called between two."""
        if self.reason is not None and isinstance(self.model, Haltable):
            self.model.halted = True
