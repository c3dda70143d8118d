"""The energy network: noise levels, denoising score matching, and its settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from envs.errors import UserError
from training.config.sections.imitation_rewards import NearConfig
from training.learned_rewards.from_demonstrations.energy import (
    EnergyNetwork,
    matching_loss,
    noise_levels,
    train_energy,
)

FEATURES = 6


def config(**settings: Any) -> NearConfig:
    return NearConfig(demonstrations="x", **{"n_iters": 400, "batch_size": 64, "L": 5, **settings})


def line(count: int = 200) -> torch.Tensor:
    """Points on a line through six dimensions, 6 long."""
    return torch.linspace(-3, 3, count).unsqueeze(1) * torch.ones(FEATURES) / FEATURES**0.5


def trained(**settings: Any) -> tuple[EnergyNetwork, list[int]]:
    chosen, points = config(**settings), line()
    torch.manual_seed(1)
    network = EnergyNetwork(chosen, FEATURES, noise_levels(chosen, points))
    random, logged = torch.Generator().manual_seed(2), list[int]()
    train_energy(
        network,
        chosen,
        lambda number: points[torch.randint(len(points), (number,), generator=random)],
        3,
        lambda count, curves: logged.append(count),
    )
    return network, logged


def energies(network: EnergyNetwork, points: torch.Tensor, level: int) -> torch.Tensor:
    with torch.inference_mode():
        return network(points, torch.full((len(points),), level))


def test_the_largest_noise_is_the_largest_distance() -> None:
    """With less, demonstrations that are far apart would be islands without a slope between them."""
    sigmas = noise_levels(config(sigma_end=0.06), line())
    assert sigmas[0].item() == pytest.approx(6, rel=1e-4)
    assert sigmas[-1].item() == pytest.approx(0.06, rel=1e-4)
    assert (sigmas[1:] / sigmas[:-1]).tolist() == pytest.approx([0.01**0.25] * 4, rel=1e-4)


def test_it_may_be_given() -> None:
    assert noise_levels(config(sigma_begin=3.0), line())[0].item() == pytest.approx(3)


def test_points_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(UserError, match=r"further apart than sigma_end 0\.1"):
        noise_levels(config(), line()[:1].repeat(5, 1))


@pytest.mark.parametrize("ncsnv2", [True, False])
def test_energy_falls_with_noise(ncsnv2: bool) -> None:
    network, logged = trained(ncsnv2=ncsnv2)
    assert logged[-1] == 400
    random = torch.Generator().manual_seed(4)
    noise = torch.randn(len(line()), FEATURES, generator=random)
    for level in range(5):
        means = [
            energies(network, line() + noise * scale, level).mean().item() for scale in (0, 0.5, 1, 2, 4)
        ]
        assert means == sorted(means, reverse=True), f"level {level}"


def test_it_is_frozen() -> None:
    network, _ = trained(n_iters=5)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_one_energy_is_divided_by_the_levels_deviation() -> None:
    network, _ = trained(n_iters=5, ncsnv2=True)
    first, last = (energies(network, line(), level) * network.sigmas[level] for level in (0, 4))
    assert torch.allclose(first, last, rtol=1e-4)
    network, _ = trained(n_iters=5, ncsnv2=False)
    first, last = (energies(network, line(), level) * network.sigmas[level] for level in (0, 4))
    assert not torch.allclose(first, last, rtol=1e-2)


def test_the_loss_is_least_for_the_true_score() -> None:
    """For demonstrations at one point, the score of noise is -x / sigma^2."""

    class Truth(EnergyNetwork):
        def forward(self, features: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
            return -0.5 * (features / self.sigmas[levels].unsqueeze(1)).square().sum(dim=1)

    truth = Truth(config(), FEATURES, torch.tensor([2.0, 1.0, 0.5, 0.2, 0.1]))
    points = torch.zeros(64, FEATURES)
    assert matching_loss(truth, points, 2.0, torch.Generator().manual_seed(0)).item() < 1e-8


@pytest.mark.parametrize(
    "settings",
    [{"ema": False}, {"ema_rate": 0.5}, {"anneal_power": 1.0}, {"amsgrad": True}, {"beta1": 0.5},
     {"weight_decay": 0.1}, {"lr": 1e-2}],
)  # fmt: skip
def test_every_setting_of_the_training_has_an_effect(settings: dict[str, Any]) -> None:
    usual, other = (trained(n_iters=60, **given)[0] for given in ({}, settings))
    assert not np.allclose(energies(usual, line(), 2), energies(other, line(), 2))
