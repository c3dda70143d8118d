"""The policy: the features of ``training.policies.features``, and two heads on top of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from training.policies.features import GameFeatures

if TYPE_CHECKING:  # exported zips carry this package along, so it must not import the rest of the project
    from training.config.schema import NetworkConfig


class GamePolicy(MultiInputActorCriticPolicy):
    """Actor and critic over GameFeatures, for discrete actions.

    It computes what stable-baselines3's policy does in fewer steps: observations are not preprocessed, and
    actions are drawn from the logits without a distribution object for each batch. Under autocast the heads
    stay float32. Raises ValueError if the logits are not finite.
    """

    def extract_features(self, obs: Any, features_extractor: BaseFeaturesExtractor | None = None) -> Any:
        """Features of uint8 observations, float32 (n, features_dim)."""
        return self.features_extractor(obs)

    def _heads(self, obs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the actions (n, actions) and values (n, 1), both float32."""
        latent_pi, latent_vf = self.mlp_extractor(self.features_extractor(obs))
        kind = latent_pi.device.type
        # Entering a context costs as much as a small layer, so do it only if autocast is on.
        exact = torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
        with exact:
            logits = self.action_net(latent_pi.float())
            values = self.value_net(latent_vf.float())
        if not math.isfinite(logits.sum().item()):
            raise ValueError("the policy's logits are not finite numbers")
        return logits.log_softmax(dim=1), values

    def forward(
        self, obs: Any, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values (n, 1) and log-probabilities of those actions (n,)."""
        log_probs, values = self._heads(obs)
        chosen = log_probs.argmax(dim=1, keepdim=True) if deterministic else _drawn(log_probs)
        return chosen.flatten(), values, log_probs.gather(1, chosen).flatten()

    def evaluate_actions(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Values (n, 1), log-probabilities of ``actions`` (n,) and entropies (n,)."""
        log_probs, values = self._heads(obs)
        entropy = -(log_probs.exp() * log_probs).sum(dim=1)
        return values, log_probs.gather(1, actions.unsqueeze(1)).flatten(), entropy

    def get_distribution(self, obs: Any) -> Distribution:
        """The distribution of actions, as in stable-baselines3."""
        latent = self.mlp_extractor.forward_actor(self.features_extractor(obs))
        return self._get_action_dist_from_latent(latent)

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Values (n, 1)."""
        latent = self.mlp_extractor.forward_critic(self.features_extractor(obs))
        return self.value_net(latent.float())  # type: ignore[no-any-return]


def _drawn(log_probs: torch.Tensor) -> torch.Tensor:
    """Draw one index (n, 1) from each row (n, kinds).

    It is what multinomial(1) draws from the same random numbers, without its checks, which double the time.
    """
    return (log_probs.exp() / torch.empty_like(log_probs).exponential_()).argmax(dim=1, keepdim=True)


def with_adam(kwargs: dict[str, Any], settings: Mapping[str, float]) -> dict[str, Any]:
    """Return ``kwargs`` of GamePolicy with these settings of its optimizer."""
    return {**kwargs, "optimizer_kwargs": {**kwargs["optimizer_kwargs"], **settings}}


def policy_kwargs(network: NetworkConfig) -> dict[str, Any]:
    """Keyword arguments of GamePolicy."""
    return {
        "features_extractor_class": GameFeatures,
        "features_extractor_kwargs": network.model_dump(exclude={"hidden"}),
        "net_arch": {"pi": list(network.hidden), "vf": list(network.hidden)},
        "activation_fn": nn.ReLU,
        # stable-baselines3's Adam, fused: a quarter of the time on a CPU.
        "optimizer_kwargs": {"eps": 1e-5, "fused": True},
    }
