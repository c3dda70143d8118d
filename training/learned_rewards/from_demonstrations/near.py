"""NEAR, noise-conditioned energy-based annealed rewards (ICLR 2025, arXiv 2501.14856), for observations.

An energy network learns the demonstrations by denoising score matching before training starts, and is then
frozen. The agent is paid for transitions of a higher energy than those of its last rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from envs.errors import UserError
from training.config.sections.imitation_rewards import NearConfig
from training.learned_rewards.from_demonstrations.energy import EnergyNetwork, noise_levels, train_energy
from training.learned_rewards.from_demonstrations.features import TransitionFeatures
from training.learned_rewards.from_demonstrations.levels import Levels
from training.learned_rewards.from_demonstrations.networks import seeded
from training.learned_rewards.from_demonstrations.transition_buffer import drawn
from training.learned_rewards.from_demonstrations.transitions import (
    Bytes,
    Flags,
    MomentLayout,
    of_demonstrations,
    of_rollout,
)
from training.learned_rewards.interface import Demonstrated, Log, RewardModel, Rollout, Scores, Setting
from training.learned_rewards.torch_state import module_state, restore_module

SEED = 0x4E454152
"""Added to the run's seed, so that the energy network and the policy begin with different numbers."""


class EnergyReward(RewardModel):
    """Pays tanh of a transition's energy, rebased by the last rollouts. It is always on the CPU.

    Features that are constant over the demonstrations are dropped: noise would drown the others in them. The
    step that ends an episode is paid nothing: what follows is another episode.
    """

    def __init__(self, config: NearConfig, setting: Setting) -> None:
        self._config, self._seed = config, SEED + setting.seed
        self._layout = MomentLayout(setting.space, config.inputs)
        self.features = TransitionFeatures(
            self._layout, config.embedding, setting.seed, config.normalize_energynet_input, config.numObsSteps
        )
        self.network: EnergyNetwork | None = None
        fixed = None if config.sigma_level < 0 else config.sigma_level
        self.levels = Levels(fixed, config.L - 1, config.rise, config.rebase_rollouts)
        self._energies = np.zeros(0, np.float32)
        self._used: Flags = np.zeros(0, np.bool_)

    @property
    def needs_demonstrations(self) -> bool:
        """See RewardModel."""
        return self.network is None

    def learn_demonstrations(self, demonstrated: Demonstrated, log: Log) -> None:
        """Train the energy network. See RewardModel."""
        pairs = of_demonstrations(self._layout, demonstrated, demonstrated.learned)
        if len(pairs) < 2:
            raise UserError(f"intrinsic near: {len(pairs)} demonstrated transitions are too few")
        chance = np.random.default_rng(self._seed)
        self.features.add(pairs)
        self.features.drop_constant(pairs)
        sigmas = noise_levels(self._config, self.features(drawn(pairs, 512, chance)))
        self.network = self._network(sigmas)
        train_energy(
            self.network,
            self._config,
            lambda number: self.features(drawn(pairs, number, chance)),
            self._seed,
            log,
        )

    def _network(self, sigmas: torch.Tensor) -> EnergyNetwork:
        made = seeded(self._seed, lambda: EnergyNetwork(self._config, self.features.width, sigmas))
        assert isinstance(made, EnergyNetwork)
        return made

    def energies(self, pairs: Bytes, level: int, noise: Scores | None = None) -> Scores:
        """Return the energy of each transition at a noise level, (n,).

        ``noise``, (n, features), is added to the features.
        """
        assert self.network is not None
        features = self.features(pairs)
        with torch.inference_mode():
            noisy = features if noise is None else features + torch.from_numpy(noise)
            energies: Scores = self.network(noisy, torch.full((len(pairs),), level)).numpy()
        return energies

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel."""
        pairs, self._used = of_rollout(self._layout, rollout)
        self._energies = self.energies(pairs, self.levels.level)
        rewards = np.zeros(len(pairs), np.float32)
        if self._used.any():
            rewards[self._used] = np.tanh(self.levels.rebased(self._energies[self._used]))
        return rewards.reshape(rollout.shape)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Rebase, and raise the noise level as energy improves. See RewardModel."""
        assert self.network is not None
        used = self._energies[self._used]
        if not len(used):
            return {}
        level = self.levels.level
        self.levels.take_in(used)
        sigma = float(self.network.sigmas[level])
        return {"energy": float(used.mean()), "noise_level": float(level), "sigma": sigma}

    def state(self) -> dict[str, Any]:
        """See RewardModel."""
        network = None if self.network is None else module_state(self.network)
        return {"features": self.features.state(), "network": network, "levels": self.levels.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel."""
        self.features.restore(state["features"])
        self.levels.restore(state["levels"])
        weights = state["network"]
        if weights is None:
            self.network = None
            return
        network = self._network(torch.zeros(self._config.L))
        restore_module(network, weights)
        self.network = network.requires_grad_(False)
