"""Stops training cleanly on a signal, on request, or at a number of steps."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.stop_signals import StopSignals


@runtime_checkable
class Haltable(Protocol):
    """An algorithm that starts no rollout once ``halted`` is True.

    It checks ``halted`` after the callbacks' ``on_rollout_start``. stable-baselines3's own PPO does not, and
    can only be stopped within a ``cut_short`` rollout.
    """

    halted: bool


class GracefulStop(StopSignals, BaseCallback):
    """Ends training on SIGTERM, SIGINT, a ``request``, or after the update that reaches ``stop_after``.

    Training ends between two rollouts. When ``cut_short`` is set, the current rollout is aborted: its steps
    do not count, and the caller that set it keeps the environments' state from before the rollout.
    ``signal`` is the received signal, even when training ends for another reason.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.reason: str | None = None
        self.cut_short = False
        self.learned_steps = 0
        """Steps that the weights were trained on."""
        self.dropped_steps = 0
        """Steps of an aborted rollout."""
        self._complete = True

    def request(self, reason: str) -> None:
        """End training for ``reason``. The first reason is kept."""
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
        """After an aborted rollout, reset the model's step count to ``learned_steps``."""
        if not self._complete:
            self.dropped_steps = self.model.num_timesteps - self.learned_steps
            self.model.num_timesteps = self.learned_steps
            self._complete = True

    def halt_if_asked(self) -> None:
        """Halt the model if there is a reason to stop. Call it between two rollouts."""
        if self.reason is not None and isinstance(self.model, Haltable):
            self.model.halted = True
