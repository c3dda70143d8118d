"""The policy as rollouts use it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gymnasium import spaces

from envs.observations import Observations
from training.acting import Acting, ByInputs, cut, neighbourhoods
from training.config import NetworkConfig
from training.policy import GamePolicy, policy_kwargs


def _policy(**network: Any) -> GamePolicy:
    torch.manual_seed(0)
    space = Observations().space
    policy = GamePolicy(space, spaces.Discrete(7), lambda _: 3e-4, **policy_kwargs(NetworkConfig(**network)))
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.05)  # or else all actions are nearly as likely
    return policy


def _observations(number: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randint(
            0, int(box.high.max()) + 1, (number, *box.shape), dtype=torch.uint8, generator=generator
        )
        for name, box in Observations().space.spaces.items()
        if isinstance(box, spaces.Box)
    }


def _acts(policy: torch.nn.Module, number: int = 16) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(2)
    with torch.inference_mode():
        return tuple(policy(_observations(number)))


@pytest.mark.parametrize("network", [{}, {"cnn": "nature"}, {"hidden": ()}, {"hidden": (8, 8)}], ids=str)
def test_it_acts_as_the_policy_does(network: dict[str, Any]) -> None:
    policy = _policy(**network)
    acting = Acting(policy)
    actions, values, log_probs = _acts(policy)
    assert len(actions.unique()) > 2
    own = _acts(acting.policy)
    assert torch.equal(own[0], actions)
    torch.testing.assert_close(own[1:], (values, log_probs), rtol=1e-4, atol=1e-5)
    kinds = {type(module) for module in acting.policy.modules()}
    assert ByInputs in kinds and torch.nn.Linear not in kinds
    assert (torch.nn.Conv2d in kinds) == ("cnn" in network), "the Nature CNN keeps its convolutions"


def test_it_acts_as_the_policy_does_in_bfloat16() -> None:
    policy = _policy()
    with torch.autocast("cpu", torch.bfloat16):
        _, values, log_probs = _acts(policy)
        own = _acts(Acting(policy).policy)
    torch.testing.assert_close(own[1:], (values, log_probs), rtol=0.05, atol=0.05)
    assert own[1].dtype == torch.float32, "heads stay float32"


@pytest.mark.parametrize(
    ("channels", "size", "rows", "columns"), [(3, 8, 9, 10), (1, 6, 8, 8), (2, 4, 2, 3), (1, 5, 3, 2)]
)
def test_squares_hold_the_pixels_that_a_convolution_sees(
    channels: int, size: int, rows: int, columns: int
) -> None:
    picture = torch.randint(0, 256, (4, channels, rows * size, columns * size), dtype=torch.uint8)
    wanted = torch.nn.functional.unfold(picture.float(), size, stride=size)
    assert torch.equal(cut(picture, size), wanted.transpose(1, 2).flatten(0, 1))


@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 2, 1), (3, 1, 0), (2, 2, 0), (5, 3, 2)])
def test_neighbourhoods_hold_what_a_convolution_sees(size: int, stride: int, padding: int) -> None:
    grid = torch.rand(4, 9, 10, 6)
    wanted = torch.nn.functional.unfold(grid.permute(0, 3, 1, 2), size, padding=padding, stride=stride)
    by_places = wanted.view(4, 6, size * size, -1).permute(0, 3, 2, 1)
    seen = neighbourhoods(grid, size, stride, padding)
    assert torch.equal(seen, by_places.reshape(seen.shape))


def test_it_follows_an_update_when_told_to() -> None:
    policy = _policy()
    acting = Acting(policy)
    before = _acts(acting.policy)
    loss = sum(part.float().square().sum() for part in policy(_observations(4))[1:])
    assert isinstance(loss, torch.Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    policy.optimizer.step()
    acting.refresh()
    after, wanted = _acts(acting.policy), _acts(policy)
    assert not torch.allclose(after[1], before[1], rtol=1e-3)
    torch.testing.assert_close(after[1:], wanted[1:], rtol=1e-4, atol=1e-5)


def test_the_policy_stays_as_it_was() -> None:
    policy = _policy()
    names = [name for name, _ in policy.named_parameters()]
    kinds = [type(module) for module in policy.modules()]
    acting = Acting(policy)
    assert [name for name, _ in policy.named_parameters()] == names
    assert [type(module) for module in policy.modules()] == kinds
    assert not list(acting.policy.parameters()), "it has nothing to learn"
