"""Tests of the value head that learns normalised returns."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from training.policies.popart import LEAST_STD, PopArtHead, normalized

INPUTS = 128
MOVES = [(0.0, 1e-3), (0.5, 1.0), (1000.0, 250.0), (-30.0, 1e5), (2e5, 1e6), (3.0, 0.01)]
"""Means and standard deviations of returns."""


@pytest.fixture
def head() -> PopArtHead:
    torch.manual_seed(0)
    return PopArtHead(nn.Linear(INPUTS, 1))


def returns(mean: float, std: float, seed: int = 1, number: int = 512) -> torch.Tensor:
    return mean + std * torch.randn(number, generator=torch.Generator().manual_seed(seed))


def latent(number: int = 64) -> torch.Tensor:
    return torch.randn(number, INPUTS, generator=torch.Generator().manual_seed(2)).relu()


def same(left: torch.Tensor, right: torch.Tensor) -> None:
    """Equal to 1e-6 of the largest value, about eight times float32's precision."""
    largest = max(1.0, right.abs().max().item())
    assert (left - right).abs().max().item() <= 1e-6 * largest


@pytest.mark.parametrize("moves", [*([move] for move in MOVES), MOVES, MOVES[::-1]], ids=str)
def test_values_stay_when_the_statistics_move(head: PopArtHead, moves: list[tuple[float, float]]) -> None:
    for number, (mean, std) in enumerate(moves):
        before, weight = head(latent()), head.weight.clone()
        head.follow(returns(mean, std, number))
        assert not torch.equal(head.weight, weight)
        same(head(latent()), before)


def test_a_thousand_moves_do_not_add_up(head: PopArtHead) -> None:
    before = head(latent())
    for number in range(1000):
        head.follow(returns(5.0 * number, 1.0 + number, number, 16))
    assert (head(latent()) - before).abs().max().item() < 5e-6


def test_returns_are_learned_with_mean_0_and_deviation_1(head: PopArtHead) -> None:
    parts = [returns(*move, seed=number) for number, move in enumerate(MOVES)]
    for part in parts:
        head.follow(part)
    every = head.normalized(torch.cat(parts)).double()
    assert every.mean().item() == pytest.approx(0, abs=1e-6)
    assert every.std(correction=0).item() == pytest.approx(1, abs=1e-6)


def test_normalised_values_are_what_the_layer_computes(head: PopArtHead) -> None:
    head.follow(returns(1000, 250))
    normal = head.normalized(head(latent()))
    torch.testing.assert_close(normal, nn.Linear.forward(head, latent()), rtol=1e-5, atol=1e-6)


def test_learning_does_not_depend_on_the_size_of_returns() -> None:
    """The same head and optimizer on targets and on 1000 times these plus 70 give the same curve."""
    curves = []
    for scale, shift in ((1.0, 0.0), (1000.0, 70.0)):
        head = PopArtHead(nn.Linear(INPUTS, 1))
        targets = scale * latent()[:, :3].sum(dim=1) + shift
        head.follow(targets)
        for parameter in head.parameters():
            nn.init.zeros_(parameter)
        optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = (head.normalized(targets) - head.normalized(head(latent()).flatten())).square().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        curves.append(losses)
    assert all(later < earlier for earlier, later in pairwise(curves[0]))
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)


def test_returns_that_never_differ_are_divided_by_the_least_deviation(head: PopArtHead) -> None:
    before = head(latent())
    head.follow(torch.full((64,), 3.0))
    assert head.returns.std().item() == LEAST_STD
    assert head.weight.isfinite().all()
    same(head(latent()), before)


def test_the_parameters_are_those_of_the_layer() -> None:
    layer = nn.Linear(INPUTS, 1)
    before = torch.get_rng_state()
    head = PopArtHead(layer)
    assert torch.equal(torch.get_rng_state(), before), "no random numbers are drawn"
    assert head.weight is layer.weight and head.bias is layer.bias
    torch.testing.assert_close(head(latent()), layer(latent()))  # until returns are seen
    statistics = {"rest", "returns.count", "returns.mean", "returns.variance"}
    assert head.state_dict().keys() == {"bias", "weight", *statistics}


def test_returns_that_are_not_finite_change_nothing(head: PopArtHead) -> None:
    head.follow(returns(10, 2))
    before = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    with pytest.raises(ValueError, match="not finite"):
        head.follow(torch.tensor([1.0, float("nan")]))
    assert all(torch.equal(tensor, before[name]) for name, tensor in head.state_dict().items())


def test_two_heads_follow_returns_of_their_own(head: PopArtHead) -> None:
    other = PopArtHead(nn.Linear(INPUTS, 1))
    head.follow(returns(10, 2))
    other.follow(returns(-500, 40))
    assert head.returns.mean.item() == pytest.approx(10, abs=0.5)
    assert other.returns.mean.item() == pytest.approx(-500, abs=10)


def test_values_of_other_heads_are_not_normalised() -> None:
    numbers = returns(10, 2)
    assert normalized(nn.Linear(INPUTS, 1), numbers) is numbers
