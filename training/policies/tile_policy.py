"""The policy: the features of ``training.policies.features``, and two or three heads on top of them."""

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
from training.policies.popart import PopArtHead

if TYPE_CHECKING:  # exported zips carry this package along, so it must not import the rest of the project
    from training.config.sections.network import NetworkConfig


class GamePolicy(MultiInputActorCriticPolicy):
    """Actor and critic over GameFeatures, for discrete actions.

    It computes what stable-baselines3's policy does in fewer steps: observations are not preprocessed, and
    actions are drawn from the logits without a distribution object for each batch. Under autocast the heads
    stay float32. ``normalize_value``: the value head is a PopArtHead. With ``intrinsic_head`` the critic has
    a second head, ``intrinsic_net``, for the values of a learned reward. Raises ValueError if the logits are
    not finite.
    """

    intrinsic_net: nn.Linear | None

    def __init__(
        self,
        *arguments: Any,
        normalize_value: bool = False,
        intrinsic_head: bool = False,
        **settings: Any,
    ) -> None:
        self.normalize_value, self.intrinsic_head = normalize_value, intrinsic_head
        super().__init__(*arguments, **settings)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        if self.normalize_value:  # with the same parameters, so that the optimizer made above has them
            self.value_net = PopArtHead(self.value_net)

    def _build_mlp_extractor(self) -> None:
        """Build the hidden layers, and the second value head, so that the optimizer knows its weights."""
        super()._build_mlp_extractor()
        self.intrinsic_net = None
        if self.intrinsic_head:
            head = self.intrinsic_net = nn.Linear(self.mlp_extractor.latent_dim_vf, 1)
            nn.init.orthogonal_(head.weight)  # as stable-baselines3 does for the first one
            nn.init.zeros_(head.bias)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {
            "normalize_value": self.normalize_value,
            "share_features_extractor": self.share_features_extractor,
            "intrinsic_head": self.intrinsic_head,
        }
        return {**super()._get_constructor_parameters(), **own}

    def extract_features(self, obs: Any, features_extractor: BaseFeaturesExtractor | None = None) -> Any:
        """Features of uint8 observations, float32 (n, features_dim): the actor's unless another is given."""
        return (self.pi_features_extractor if features_extractor is None else features_extractor)(obs)

    def actor_features(self, obs: Any) -> torch.Tensor:
        """The inputs of the actor's hidden layers, (n, features_dim)."""
        return self.pi_features_extractor(obs)  # type: ignore[no-any-return]

    def _latent(self, obs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs of the last hidden layers of actor and critic, (n, units) each."""
        features = self.pi_features_extractor(obs)
        of_critic = features if self.share_features_extractor else self.vf_features_extractor(obs)
        return self.mlp_extractor.forward_actor(features), self.mlp_extractor.forward_critic(of_critic)

    def _heads(self, obs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the actions (n, actions) and values (n, 1 or 2), both float32."""
        return self._outputs(*self._latent(obs))

    def _outputs(self, latent_pi: torch.Tensor, latent_vf: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same from the outputs of the last hidden layers."""
        kind = latent_pi.device.type
        # Entering a context costs as much as a small layer, so do it only if autocast is on.
        exact = torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
        with exact:
            logits = self.action_net(latent_pi.float())
            values = self.value_net(latent_vf.float())
            if self.intrinsic_net is not None:
                values = torch.cat([values, self.intrinsic_net(latent_vf.float())], dim=1)
        if not math.isfinite(logits.sum().item()):
            raise ValueError("the policy's logits are not finite numbers")
        return logits.log_softmax(dim=1), values

    def act(self, obs: Any, deterministic: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values of each head (n, 1 or 2) and log-probabilities of those actions (n,)."""
        return self._chosen(self._heads(obs), deterministic)

    def _chosen(
        self, outputs: tuple[torch.Tensor, torch.Tensor], deterministic: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The actions that outputs of the heads choose, their values and log-probabilities."""
        log_probs, values = outputs
        chosen = log_probs.argmax(dim=1, keepdim=True) if deterministic else _drawn(log_probs)
        return chosen.flatten(), values, log_probs.gather(1, chosen).flatten()

    def forward(
        self, obs: Any, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values (n, 1) and log-probabilities of those actions (n,)."""
        actions, values, log_probs = self.act(obs, deterministic)
        return actions, values[:, :1], log_probs

    def evaluate_all(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values of each head (n, 1 or 2), log-probabilities of ``actions`` (n,) and entropies (n,)."""
        log_probs, values = self._heads(obs)
        entropy = -(log_probs.exp() * log_probs).sum(dim=1)
        return values, log_probs.gather(1, actions.unsqueeze(1)).flatten(), entropy

    def evaluate_actions(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Values (n, 1), log-probabilities of ``actions`` (n,) and entropies (n,)."""
        values, log_probs, entropy = self.evaluate_all(obs, actions)
        return values[:, :1], log_probs, entropy

    def get_distribution(self, obs: Any) -> Distribution:
        """The distribution of actions, as in stable-baselines3."""
        latent = self.mlp_extractor.forward_actor(self.pi_features_extractor(obs))
        return self._get_action_dist_from_latent(latent)

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Values (n, 1)."""
        latent = self.mlp_extractor.forward_critic(self.vf_features_extractor(obs))
        return self.value_net(latent.float())  # type: ignore[no-any-return]

    def predict_intrinsic_values(self, obs: Any) -> torch.Tensor:
        """Values of the learned reward (n, 1). Raises TypeError without ``intrinsic_head``."""
        if self.intrinsic_net is None:
            raise TypeError("the policy has no second value head")
        latent = self.mlp_extractor.forward_critic(self.vf_features_extractor(obs))
        return self.intrinsic_net(latent.float())  # type: ignore[no-any-return]


def _drawn(log_probs: torch.Tensor) -> torch.Tensor:
    """Draw one index (n, 1) from each row (n, kinds).

    It is what multinomial(1) draws from the same random numbers, without its checks, which double the time.
    """
    return (log_probs.exp() / torch.empty_like(log_probs).exponential_()).argmax(dim=1, keepdim=True)


def with_adam(kwargs: dict[str, Any], settings: Mapping[str, float]) -> dict[str, Any]:
    """Return ``kwargs`` of GamePolicy with these settings of its optimizer."""
    return {**kwargs, "optimizer_kwargs": {**kwargs["optimizer_kwargs"], **settings}}


ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}
"""Activations of the hidden layers by their names in configs."""
OF_THE_LAYERS = {"hidden", "separate", "activation", "init"}
"""Settings of the network that are not the encoders'."""


def policy_kwargs(
    network: NetworkConfig,
    normalize_input: bool = False,
    normalize_value: bool = False,
    intrinsic_head: bool = False,
) -> dict[str, Any]:
    """Keyword arguments of GamePolicy. ``intrinsic_head``: whether there is a second value head."""
    encoders = network.model_dump(exclude=OF_THE_LAYERS)
    head = {"intrinsic_head": True} if intrinsic_head else {}
    return {
        **head,
        "features_extractor_class": GameFeatures,
        "features_extractor_kwargs": {**encoders, "normalize": normalize_input},
        "share_features_extractor": not network.separate,
        "net_arch": {"pi": list(network.hidden), "vf": list(network.hidden)},
        "activation_fn": ACTIVATIONS[network.activation],
        "ortho_init": network.init == "orthogonal",
        "normalize_value": normalize_value,
        # stable-baselines3's Adam, fused: a quarter of the time on a CPU.
        "optimizer_kwargs": {"eps": 1e-5, "fused": True},
    }
