"""AMP, adversarial motion priors (Peng et al. 2021, arXiv 2104.02180), for transitions of observations.

A discriminator learns to tell transitions of the agent from those of demonstrations, and the agent is paid
for transitions that it takes for demonstrated ones. Settings are those of rl_games' programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from envs.errors import UserError
from training.config.sections.imitation_rewards import AmpConfig
from training.learned_rewards.from_demonstrations.discriminator import (
    Discriminator,
    Learned,
    discriminator_network,
)
from training.learned_rewards.from_demonstrations.features import TransitionFeatures
from training.learned_rewards.from_demonstrations.networks import generator_of, seeded
from training.learned_rewards.from_demonstrations.transition_buffer import TransitionBuffer, drawn
from training.learned_rewards.from_demonstrations.transitions import (
    Bytes,
    Flags,
    MomentLayout,
    of_demonstrations,
    of_rollout,
)
from training.learned_rewards.interface import Demonstrated, Log, RewardModel, Rollout, Scores, Setting

SEED = 0x414D50
"""Added to the run's seed, so that the discriminator and the policy begin with different numbers."""
CURVES = ("accuracy_agent", "accuracy_demonstrations", "gradient_norm", "input_gradient")


class AdversarialReward(RewardModel):
    """Pays for transitions that the discriminator takes for demonstrated ones. It is always on the CPU.

    The step that ends an episode is paid nothing and not learned from: what follows is another episode.
    """

    def __init__(self, config: AmpConfig, setting: Setting) -> None:
        self._config = config
        self._layout = MomentLayout(setting.space, config.inputs)
        self.features = TransitionFeatures(
            self._layout, config.embedding, setting.seed, config.normalize_amp_input
        )
        network = seeded(SEED + setting.seed, lambda: discriminator_network(config, self.features.width))
        self.discriminator = Discriminator(config, network)
        width = self._layout.width
        self._demonstrations = TransitionBuffer(config.amp_obs_demo_buffer_size, width)
        self._replay = TransitionBuffer(config.amp_replay_buffer_size, width, config.amp_replay_keep_prob)
        self._chance = np.random.default_rng([SEED, setting.seed])
        self._pairs: Bytes = np.empty((0, 2, width), np.uint8)
        self._used: Flags = np.zeros(0, np.bool_)

    @property
    def needs_demonstrations(self) -> bool:
        """See RewardModel."""
        return not len(self._demonstrations)

    def learn_demonstrations(self, demonstrated: Demonstrated, log: Log) -> None:
        """See RewardModel. Keeps as many of the transitions as fit."""
        pairs = of_demonstrations(self._layout, demonstrated, demonstrated.learned)
        if not len(pairs):
            raise UserError("intrinsic amp: the demonstrations have no transition to learn from")
        kept = self._chance.permutation(len(pairs))[: self._config.amp_obs_demo_buffer_size]
        self._demonstrations.add(pairs[kept], self._chance)
        self.features.add(pairs)

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel."""
        self._pairs, self._used = of_rollout(self._layout, rollout)
        rewards = self.rewards(self._pairs)
        rewards[~self._used] = 0
        return rewards.reshape(rollout.shape)

    def logits(self, pairs: Bytes) -> Scores:
        """Return the discriminator's logit of each transition, (n,)."""
        with torch.inference_mode():
            logits: Scores = self.discriminator.logits(self.features(pairs)).numpy()
        return logits

    def rewards(self, pairs: Bytes) -> Scores:
        """Return the reward of each transition, (n,)."""
        with torch.inference_mode():
            paid: Scores = self.discriminator.rewards(torch.from_numpy(self.logits(pairs))).numpy()
        return paid

    def update(self, rollout: Rollout) -> dict[str, float]:
        """See RewardModel."""
        return self.learn(self._pairs[self._used])

    def learn(self, agent: Bytes) -> dict[str, float]:
        """Learn to tell transitions of the agent from demonstrated ones. Returns curves by name."""
        if not len(agent):
            return {}
        self.features.add(agent)
        size, number = self._config.amp_minibatch_size, self._config.amp_batch_size
        now = drawn(agent, number, self._chance)
        before = self._replay.draw(number, self._chance)
        demonstrated = self._demonstrations.draw(number, self._chance)
        steps = [
            self.discriminator.learn(
                self.features(np.concatenate([now[start : start + size], before[start : start + size]])),
                self.features(demonstrated[start : start + size]),
            )
            for start in range(0, number, size)
        ]
        self._replay.add(agent, self._chance)
        return {**_curves(steps), "replay_buffer": float(len(self._replay))}

    def state(self) -> dict[str, Any]:
        """See RewardModel. The demonstrations are included, so that a resumed run needs no replay."""
        return {
            "features": self.features.state(),
            "discriminator": self.discriminator.state(),
            "demonstrations": self._demonstrations.state(),
            "replay": self._replay.state(),
            "chance": self._chance.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel."""
        self.features.restore(state["features"])
        self.discriminator.restore(state["discriminator"])
        self._demonstrations.restore(state["demonstrations"])
        self._replay.restore(state["replay"])
        self._chance = generator_of(state["chance"])


def _curves(steps: list[Learned]) -> dict[str, float]:
    """Return the means over the steps of an update."""
    means = {name: float(np.mean([getattr(step, name) for step in steps])) for name in CURVES}
    accuracy = (means["accuracy_agent"] + means["accuracy_demonstrations"]) / 2
    loss = float(np.mean([step.loss for step in steps]))
    return {"discriminator_loss": loss, "accuracy": accuracy, **means}
