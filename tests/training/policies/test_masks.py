"""Tests of policies with masked actions, over random observations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from envs.observation_names import ACTION_MASK as NAME
from envs.observations import Observations
from envs.red_env import RedEnv
from training.config.loading import load_config
from training.policies import fast_inference, tile_policy
from training.policies.fast_inference import FastPolicy, RolloutActor
from training.policies.masks import ACTION_MASK, MASKED_LOGIT, visible, without_mask
from training.policies.network_policy import NetworkPolicy
from training.policies.registry import policy_class
from training.policies.tile_policy import GamePolicy

NAMES = ("facing", "place", "badges")
SPACE: spaces.Dict = Observations(NAMES, masks=["wall"]).space
KINDS = ["tiles", "lstm"]
Observed = dict[str, NDArray[np.uint8]]


def made(kind: str, space: spaces.Dict = SPACE) -> GamePolicy:
    """A policy of a kind whose actions differ in their probabilities."""
    torch.manual_seed(3)
    found = policy_class(load_config(None, {"policy": {"kind": kind}, "observations": NAMES}), space)
    policy = found.kind(space, RedEnv.actions(), lambda _: 0.0, **found.settings)
    with torch.no_grad():
        policy.action_net.weight *= 50
    return policy


def observed(number: int, allowed: float = 0.5) -> Observed:
    """Random observations whose masks leave each action with the probability ``allowed``, and A always."""
    generator = np.random.default_rng(5)
    found = {
        name: generator.integers(0, part.high, (number, *part.shape), np.uint8, endpoint=True)
        for name, part in SPACE.spaces.items()
        if isinstance(part, spaces.Box)
    }
    found[ACTION_MASK] = (generator.random((number, 7)) < allowed).astype(np.uint8)
    found[ACTION_MASK][:, 4] = 1
    return found


def tensors(found: Observed) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in found.items()}


def test_the_names_agree() -> None:
    assert ACTION_MASK == NAME


def test_a_million_draws_have_no_masked_action() -> None:
    """As rollouts draw from the probabilities of 4,000 observations, in NumPy and with torch."""
    policy, found = made("tiles"), observed(4000)
    rows, masked = np.arange(4000), found[ACTION_MASK] == 0
    assert masked.sum() > 10_000
    log_probs, values = FastPolicy(policy).heads(found, 0)
    noise, of_torch = fast_inference.ActionNoise(8), torch.from_numpy(log_probs)
    for _ in range(125):
        fast = fast_inference._drawn(log_probs, values, noise.draw(log_probs.shape)).actions
        slow = tile_policy._drawn(of_torch).flatten().numpy()
        assert not masked[rows, fast].any() and not masked[rows, slow].any()


@pytest.mark.parametrize("kind", KINDS)
def test_predict_respects_the_mask(kind: str) -> None:
    policy, found = made(kind), observed(500)
    policy.action_net.bias.data[0] = 1000  # the masked actions would be by far the most likely
    found[ACTION_MASK][:, 0] = 0
    for deterministic in (False, True):
        for _ in range(20):
            actions, _ = policy.predict(found, deterministic=deterministic)
            assert found[ACTION_MASK][np.arange(500), actions].all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_that_allows_everything_changes_no_number(kind: str) -> None:
    masked, plain = made(kind), made(kind, visible(SPACE))
    assert list(masked.state_dict()) == list(plain.state_dict())
    found = observed(64)
    found[ACTION_MASK][:] = 1
    without = without_mask(tensors(found))[0]
    actions = torch.arange(64) % 7
    for policy in (masked, plain):
        policy.optimizer.zero_grad()
    results = [masked.evaluate_all(tensors(found), actions), plain.evaluate_all(without, actions)]
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
    for result in results:
        sum(part.sum() for part in result).backward()  # type: ignore[union-attr]
    for mine, theirs in zip(masked.parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None and torch.equal(mine.grad, theirs.grad)
    drawn = []
    for policy, seen in ((masked, tensors(found)), (plain, without)):
        torch.manual_seed(1)
        drawn.append(policy.act(seen))
    assert all(torch.equal(one, other) for one, other in zip(*drawn, strict=True))


def test_rollouts_draw_the_same_too() -> None:
    masked, plain = made("tiles"), made("tiles", visible(SPACE))
    found = observed(64)
    found[ACTION_MASK][:] = 1
    chosen: list[Any] = []
    for policy, seen in ((masked, found), (plain, without_mask(found)[0])):
        torch.manual_seed(1)
        chosen.append(RolloutActor(policy).choose(seen, 0))
    for one, other in zip(*[choice[:3] for choice in chosen], strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_and_entropy_are_those_of_the_actions_left(kind: str) -> None:
    policy, found = made(kind), observed(200)
    free = {**found, ACTION_MASK: np.ones_like(found[ACTION_MASK])}
    with torch.no_grad():
        every = policy.get_distribution(tensors(free)).distribution.logits.double()  # type: ignore[union-attr]
        logits = every.masked_fill(torch.from_numpy(found[ACTION_MASK] == 0), -torch.inf)
        expected = logits.log_softmax(dim=1)
        probabilities = expected.exp()
        entropies = -(probabilities * expected.nan_to_num(neginf=0)).sum(dim=1)
        actions = probabilities.argmax(dim=1)
        _, log_probs, entropy = policy.evaluate_all(tensors(found), actions)
        acted = policy.get_distribution(tensors(found)).distribution.probs  # type: ignore[union-attr]
    torch.testing.assert_close(
        log_probs.double(), expected.gather(1, actions[:, None])[:, 0], rtol=0, atol=1e-5
    )
    torch.testing.assert_close(entropy.double(), entropies, rtol=0, atol=1e-5)
    assert (acted[torch.from_numpy(found[ACTION_MASK] == 0)] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_masked_logits_learn_nothing(kind: str) -> None:
    policy, found = made(kind), observed(50, allowed=1.0)
    found[ACTION_MASK][:, [0, 6]] = 0
    _, log_probs, entropy = policy.evaluate_all(tensors(found), torch.full((50,), 4))
    (log_probs.sum() + entropy.sum()).backward()
    gradient = policy.action_net.bias.grad
    assert gradient is not None and gradient.isfinite().all()
    assert (gradient[[0, 6]] == 0).all() and (gradient[[1, 2, 3, 4, 5]] != 0).all()
    assert MASKED_LOGIT == -1e8


def test_networks_do_not_see_the_mask() -> None:
    policy = made("lstm")
    assert isinstance(policy, NetworkPolicy)
    seen = policy.seen(tensors(observed(3)))
    assert set(seen.observations) == set(NAMES) and seen.masks is not None


@pytest.mark.parametrize("kind", KINDS)
def test_observations_without_a_mask_allow_everything(kind: str) -> None:
    """As those of demonstrations, whose actions may be what the config masks."""
    policy, found = made(kind), observed(20)
    actions = torch.zeros(20, dtype=torch.int64)
    free = {**found, ACTION_MASK: np.ones_like(found[ACTION_MASK])}
    with torch.no_grad():
        without = policy.evaluate_all(without_mask(tensors(found))[0], actions)
        for one, other in zip(without, policy.evaluate_all(tensors(free), actions), strict=True):
            assert torch.equal(one, other)
