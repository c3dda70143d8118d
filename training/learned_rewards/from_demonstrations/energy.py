"""The energy network of NEAR, and denoising score matching, which trains it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from envs.errors import UserError
from training.config.sections.imitation_rewards import NearConfig
from training.learned_rewards.from_demonstrations.networks import layers

MEASURED = 512
"""Transitions whose distances are compared to find the largest."""
LOGGED = 20
"""Parts of the training that curves are logged for."""
Draw = Callable[[int], torch.Tensor]
"""Returns features of that many demonstrated transitions, drawn at random: (n, features)."""


class EnergyNetwork(nn.Module):
    """Maps features and noise levels to energies, which are high where demonstrations are.

    The gradient of the energy is the score of the demonstrations with noise. As in NCSNv2 (Song and Ermon
    2020) the energy is divided by the level's deviation; without ``ncsnv2`` the network also sees its
    logarithm.
    """

    sigmas: torch.Tensor

    def __init__(self, config: NearConfig, features: int, sigmas: torch.Tensor) -> None:
        super().__init__()
        self._sees_level = not config.ncsnv2
        self.register_buffer("sigmas", sigmas)
        inputs, latent = features + self._sees_level, config.latent_space_dim
        self.encoder = layers((inputs, *config.encoder_hidden_layers, latent), nn.SiLU)
        self.decoder = layers((latent, *config.decoder_hidden_layers, 1), nn.SiLU)

    def forward(self, features: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        """float32 (n, features) and int64 (n,) to float32 (n,)."""
        sigma = self.sigmas[levels]
        if self._sees_level:
            features = torch.cat([features, sigma.log().unsqueeze(1)], dim=1)
        latent = nn.functional.silu(self.encoder(features))
        return self.decoder(latent)[:, 0] / sigma  # type: ignore[no-any-return]


def noise_levels(config: NearConfig, features: torch.Tensor) -> torch.Tensor:
    """Return the deviations of the levels, from the largest to the smallest, float32 (L,).

    The largest is ``sigma_begin``, or the largest distance between two of ``features``. Raises UserError if
    that is not above ``sigma_end``.
    """
    begin = config.sigma_begin
    if begin is None:
        begin = float(torch.pdist(features[:MEASURED]).max()) if len(features) > 1 else 0.0
    if begin <= config.sigma_end:
        raise UserError(
            f"intrinsic near: no two demonstrated transitions are further apart than sigma_end"
            f" {config.sigma_end:g}: give other inputs, or a smaller sigma_end"
        )
    return torch.from_numpy(np.geomspace(begin, config.sigma_end, config.L).astype(np.float32))


def train_energy(
    network: EnergyNetwork,
    config: NearConfig,
    draw: Draw,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
) -> None:
    """Train the network by denoising score matching (Vincent 2011), and freeze it.

    With ``ema`` its weights end as their moving average.
    """
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=config.lr,
        betas=(config.beta1, 0.999),
        weight_decay=config.weight_decay,
        amsgrad=config.amsgrad,
    )
    average, losses, part = copy.deepcopy(network), list[float](), max(1, config.n_iters // LOGGED)
    for step in range(1, config.n_iters + 1):
        loss = matching_loss(network, draw(config.batch_size), config.anneal_power, random)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        _follow(average, network, min(config.ema_rate, step / (step + 10)))
        losses.append(loss.item())
        if step % part == 0 or step == config.n_iters:
            log(step, {"energy_loss": float(np.mean(losses[-part:]))})
    if config.ema:
        network.load_state_dict(average.state_dict())
    network.requires_grad_(False)


def matching_loss(
    network: EnergyNetwork, features: torch.Tensor, anneal_power: float, random: torch.Generator
) -> torch.Tensor:
    """Return the loss of denoising score matching, each row with noise of a level drawn at random.

    ``0.5 |gradient + noise / sigma^2|^2`` times ``sigma^anneal_power``, for the energy's gradient by the
    noisy features.
    """
    levels = torch.randint(len(network.sigmas), (len(features),), generator=random)
    sigma = network.sigmas[levels].unsqueeze(1)
    noise = torch.randn(features.shape, generator=random) * sigma
    noisy = (features + noise).requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(noisy, levels).sum(), noisy, create_graph=True)
    errors = (gradient + noise / sigma.square()).square().sum(dim=1)
    return (0.5 * errors * sigma[:, 0] ** anneal_power).mean()


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, rate: float) -> None:
    for kept, now in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(now, 1 - rate)
