"""The error of the reverse model as a learned reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.learned_rewards.interface import RewardModel, Rollout, Scores
from training.ppo.reverse_model import Learning, ReverseModel


class ReverseReward(RewardModel):
    """Pays each step the error with which ``reverse`` predicts the state before it from the one after it.

    The mirror image of the curiosity of Pathak et al. (2017, arXiv 1705.05363), which pays the error of a
    forward model. Features are those of the policy of ``learner``. The last step of an episode and that of a
    rollout pay nothing. ``reverse`` learns in the policy's updates, and its own state is what checkpoints
    keep.
    """

    def __init__(self, reverse: ReverseModel, learner: Learning) -> None:
        self._reverse, self._learner = reverse, learner

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel. ``rollout`` must be the one in the buffer of the learner."""
        return self._reverse.score(self._learner)

    def state(self) -> dict[str, Any]:
        """See RewardModel. There is nothing to keep."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel."""
        if state:
            raise ValueError(f"a state of {sorted(state)}, must be empty")
