"""The discriminator: both losses, their rewards, and what each setting changes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from training.config.sections.imitation_rewards import AmpConfig
from training.learned_rewards.from_demonstrations.discriminator import Discriminator, discriminator_network
from training.learned_rewards.from_demonstrations.networks import seeded

FEATURES = 4


def made(**settings: Any) -> Discriminator:
    config = AmpConfig(demonstrations="x", disc_learning_rate=1e-2, **settings)
    return Discriminator(config, seeded(1, lambda: discriminator_network(config, FEATURES)))


def two_clouds() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    agent, demonstrated = (torch.randn(256, FEATURES, generator=random) for _ in range(2))
    return agent - 1.5, demonstrated + 1.5


@pytest.mark.parametrize("loss", ["cross_entropy", "least_squares"])
def test_it_learns_to_tell_them_apart(loss: str) -> None:
    discriminator, (agent, demonstrated) = made(disc_loss=loss, disc_grad_penalty=0.1), two_clouds()
    first = discriminator.learn(agent, demonstrated)
    for _ in range(100):
        last = discriminator.learn(agent, demonstrated)
    assert last.loss < first.loss
    assert min(last.accuracy_agent, last.accuracy_demonstrations) > 0.95
    assert (discriminator.logits(demonstrated).mean() > 0 > discriminator.logits(agent).mean()).item()


def test_the_reward_of_cross_entropy_has_an_upper_bound() -> None:
    discriminator = made()
    paid = discriminator.rewards(torch.tensor([-30.0, 0.0, 30.0]))
    assert paid.tolist() == pytest.approx([0, 2 * math.log(2), -2 * math.log(1e-4)], rel=1e-4)


def test_the_reward_of_least_squares_is_highest_at_one() -> None:
    discriminator = made(disc_loss="least_squares", disc_reward_scale=1.0)
    paid = discriminator.rewards(torch.tensor([-5.0, -1.0, 0.0, 1.0, 2.0, 9.0]))
    assert paid.tolist() == pytest.approx([0, 0, 0.75, 1, 0.75, 0])


def slope(**settings: Any) -> float:
    discriminator, clouds = made(**settings), two_clouds()
    for _ in range(100):
        last = discriminator.learn(*clouds)
    return last.input_gradient


def test_the_penalty_keeps_the_slope_small() -> None:
    assert slope(disc_grad_penalty=10.0) < 0.5 * slope(disc_grad_penalty=0.0)


def size_of(discriminator: Discriminator, last: bool) -> float:
    weights = [array for name, array in discriminator.state()["network"].items() if "weight" in name]
    return float(sum((array**2).sum() for array in (weights[-1:] if last else weights)))


@pytest.mark.parametrize(("setting", "last"), [("disc_weight_decay", False), ("disc_logit_reg", True)])
def test_weights_are_kept_small(setting: str, last: bool) -> None:
    sizes = []
    for value in (0.0, 1.0):
        discriminator = made(**{setting: value})
        for _ in range(50):
            discriminator.learn(*two_clouds())
        sizes.append(size_of(discriminator, last))
    assert sizes[1] < 0.7 * sizes[0]


def test_the_coefficient_counts_before_the_gradient_is_truncated() -> None:
    small, large = (made(disc_coef=value).learn(*two_clouds()).gradient_norm for value in (0.5, 5.0))
    assert large == pytest.approx(10 * small, rel=1e-3)


def test_it_goes_on_from_its_state() -> None:
    one, other = made(), made()
    for _ in range(3):
        one.learn(*two_clouds())
    other.restore(one.state())
    assert one.learn(*two_clouds()) == other.learn(*two_clouds())
