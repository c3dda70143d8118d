"""A policy over any Network, which may remember. Exported zips carry this package along, so it must not
import the rest of the project."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.distributions import Distribution

from training.policies.interface import Features, Network, Seen
from training.policies.tile_policy import GamePolicy

State = tuple[NDArray[np.float32], ...]


class Acted(NamedTuple):
    """Actions (n,), values of each head (n, 1 or 2), log-probabilities of the actions (n,), and new states
    (n, state_size)."""

    actions: torch.Tensor
    values: torch.Tensor
    log_probs: torch.Tensor
    states: torch.Tensor


class NetworkPolicy(GamePolicy):
    """GamePolicy whose features come from a Network.

    Every method takes either ``Seen`` or plain observations by name. Plain observations are first steps of
    episodes, about which nothing is remembered.
    """

    @property
    def network(self) -> Network:
        """The network below the hidden layers."""
        assert isinstance(self.features_extractor, Network)
        return self.features_extractor

    @property
    def state_size(self) -> int:
        """Numbers that the network remembers for each environment; 0: it remembers nothing."""
        return self.network.state_size

    def step(self, seen: Seen, deterministic: bool = False) -> Acted:
        """Choose an action for each of n sequences of one step."""
        features = self.network(seen)
        actions, values, log_probs = self._chosen(self._outputs(*self._hidden(features)), deterministic)
        return Acted(actions, values, log_probs, features.states)

    def forward(
        self, obs: Any, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values (n, 1) and log-probabilities of those actions (n,).

        Raises TypeError if the policy remembers: stable-baselines3's own rollouts, which call this, keep no
        state.
        """
        if self.state_size:
            raise TypeError(
                "a policy with memory cannot be trained by stable-baselines3's PPO: use train_ppo.py"
            )
        return super().forward(obs, deterministic)

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.int64], State | None]:
        """Actions, and the state to pass with the next observations; as in stable-baselines3.

        Without a ``state`` nothing is remembered. ``episode_start``: mask of observations that begin an
        episode.
        """
        self.set_training_mode(False)
        observations, vectorized = self.obs_to_tensor(observation)
        assert isinstance(observations, dict)
        with torch.no_grad():
            acted = self.step(self.seen(observations, state, episode_start), deterministic)
        actions: NDArray[np.int64] = acted.actions.cpu().numpy()
        kept = (acted.states.cpu().numpy(),) if self.state_size else None
        return actions if vectorized else actions[0], kept

    def seen(
        self,
        observations: dict[str, torch.Tensor],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> Seen:
        """Observations (n, ...) with their states as n sequences of one step."""
        number = len(next(iter(observations.values())))
        if state is None:
            return self._unremembered(observations, number)
        begins = np.zeros(number, np.bool_) if episode_start is None else np.asarray(episode_start, np.bool_)
        states, starts = torch.from_numpy(state[0]), torch.from_numpy(begins)
        return Seen(observations, states.to(self.device), starts.to(self.device))

    def _unremembered(self, observations: dict[str, torch.Tensor], number: int) -> Seen:
        states = torch.zeros(number, self.state_size, device=self.device)
        return Seen(observations, states, torch.ones(number, dtype=torch.bool, device=self.device))

    def actor_features(self, obs: Any) -> torch.Tensor:
        """The inputs of the actor's hidden layers, (n, width)."""
        return self.network(obs if isinstance(obs, Seen) else self.seen(obs)).actor  # type: ignore[no-any-return]

    def _latent(self, obs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return self._hidden(self.network(obs if isinstance(obs, Seen) else self.seen(obs)))

    def _hidden(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.mlp_extractor
        return hidden.forward_actor(features.actor), hidden.forward_critic(features.critic)

    def get_distribution(self, obs: Any) -> Distribution:
        """The distribution of actions, as in stable-baselines3."""
        return self._get_action_dist_from_latent(self._latent(obs)[0])

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Values (n, 1)."""
        return self.value_net(self._latent(obs)[1].float())  # type: ignore[no-any-return]

    def predict_intrinsic_values(self, obs: Any) -> torch.Tensor:
        """Values of the learned reward (n, 1). Raises TypeError without ``intrinsic_head``."""
        if self.intrinsic_net is None:
            raise TypeError("the policy has no second value head")
        return self.intrinsic_net(self._latent(obs)[1].float())  # type: ignore[no-any-return]
