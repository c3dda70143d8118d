"""Tests of the policy as rollouts use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from envs.observation_names import FRAMES, OBSERVATION_NAMES, SCREEN_SIZE, SCREEN_SIZES
from envs.observations import Observations
from training.config.sections.network import NetworkConfig
from training.policies.fast_encoders import AT_ONCE, UNITS, neighbourhoods, pixels_in_a_unit, squares_of
from training.policies.fast_inference import ActionChoice, ActionNoise, RolloutActor
from training.policies.running_moments import RunningMoments
from training.policies.tile_policy import GamePolicy, policy_kwargs

NETWORKS: list[dict[str, Any]] = [
    {},
    {"hidden": ()},
    {"hidden": (8, 6)},
    {"cnn": "nature"},
    {"activation": "tanh"},
    {"activation": "elu", "hidden": (16, 8)},
    {"separate": True},
    {"separate": True, "hidden": ()},
    {"normalize": True},
    {"normalize": True, "separate": True, "activation": "elu", "init": "default"},
    {"normalize": True, "cnn": "nature"},
]


def _policy(
    names: Sequence[str] = OBSERVATION_NAMES,
    normalize: bool = False,
    screen: tuple[int, str] = (FRAMES, SCREEN_SIZE),
    *,
    intrinsic_head: bool = False,
    **network: Any,
) -> GamePolicy:
    torch.manual_seed(0)
    space = Observations(names, *screen).space
    settings = policy_kwargs(NetworkConfig(**network), normalize, normalize, intrinsic_head)
    policy = GamePolicy(space, spaces.Discrete(7), lambda _: 3e-4, **settings)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.05)  # otherwise all actions are almost equally likely
    policy.action_net.weight.data *= 0.3  # and with larger weights a single one is
    _move_statistics(policy, 1)
    return policy


def _move_statistics(policy: GamePolicy, seed: int) -> None:
    """Add samples to whatever the policy normalises."""
    for part in policy.modules():
        if isinstance(part, RunningMoments):
            samples = 40 * torch.randn(50, *part.mean.shape, generator=torch.Generator().manual_seed(seed))
            part.add(90 + samples.double().mean(0), samples.double().var(0), 50)


def _observed(number: int, seed: int = 1) -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(0, int(box.high.max()) + 1, (number, *box.shape), dtype=np.uint8)
        for name, box in Observations(OBSERVATION_NAMES).space.spaces.items()
        if isinstance(box, spaces.Box)
    }


def _wanted(policy: GamePolicy, observed: Mapping[str, NDArray[np.uint8]]) -> ActionChoice:
    """The policy's own choice."""
    torch.manual_seed(2)
    tensors = {name: torch.from_numpy(array) for name, array in observed.items()}
    with torch.inference_mode():
        chosen = policy(tensors)
        own = [policy.predict_intrinsic_values(tensors)] if policy.intrinsic_head else []
    return ActionChoice(
        *(part.flatten().float().numpy() if n else part.numpy() for n, part in enumerate([*chosen, *own]))
    )


def _chosen(acting: RolloutActor, observed: Mapping[str, NDArray[np.uint8]], group: int = 0) -> ActionChoice:
    torch.manual_seed(2)
    return acting.choose(observed, group)


def _agree(own: ActionChoice, wanted: ActionChoice) -> None:
    assert own.actions.dtype == wanted.actions.dtype == np.int64
    np.testing.assert_array_equal(own.actions, wanted.actions)
    assert (own.intrinsic_values is None) == (wanted.intrinsic_values is None)
    for part, expected in zip(own[1:], wanted[1:], strict=True):
        if part is None or expected is None:
            continue
        assert part.dtype == np.float32 and part.shape == expected.shape
        np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", [{}, {"hidden": ()}, {"cnn": "nature"}], ids=str)
def test_both_value_heads_are_computed(network: dict[str, Any]) -> None:
    policy = _policy(intrinsic_head=True, **network)
    wanted = _wanted(policy, _observed(5))
    assert wanted.intrinsic_values is not None
    assert not np.allclose(wanted.intrinsic_values, wanted.values)
    _agree(_chosen(RolloutActor(policy), _observed(5)), wanted)


@pytest.mark.parametrize("number", [1, 16, 2 * AT_ONCE + 3])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_actor_chooses_what_the_policy_does(network: dict[str, Any], number: int) -> None:
    policy = _policy(**network)
    acting = RolloutActor(policy)
    wanted = _wanted(policy, _observed(number))
    assert number == 1 or len(set(wanted.actions)) > 2
    _agree(_chosen(acting, _observed(number)), wanted)
    _agree(_chosen(acting, _observed(number)), wanted)
    assert (acting.fast is None) == ("cnn" in network)


@pytest.mark.parametrize(
    "left_out",
    [["screen"], ["visited", "events"], ["recent_actions", "party"], ["place", "fight", "team"], ["fight"]],
    ids=str,
)
def test_actor_handles_any_choice_of_observations(left_out: list[str]) -> None:
    names = [name for name in OBSERVATION_NAMES if name not in left_out]
    policy = _policy(names)
    observed = {name: array for name, array in _observed(5).items() if name in names}
    _agree(_chosen(RolloutActor(policy), observed), _wanted(policy, observed))


@pytest.mark.parametrize(("frames", "size"), [(1, "quarter"), (8, "half"), (2, "full")])
def test_actor_handles_any_size_of_the_screen(frames: int, size: str) -> None:
    policy = _policy(["screen", "facing"], screen=(frames, size))
    shape = (frames, *SCREEN_SIZES[size])
    pictures = np.random.default_rng(3).integers(0, 256, (5, *shape), dtype=np.uint8)
    observed = {"screen": pictures, "facing": np.zeros((5, 4), np.uint8)}
    _agree(_chosen(RolloutActor(policy), observed), _wanted(policy, observed))


def test_noise_drawn_ahead_equals_single_draws() -> None:
    noise, shapes = ActionNoise(64), [(16, 7), (3, 7), (16, 7), (1, 7)] * 40
    torch.manual_seed(5)
    ahead = [noise.draw(shape).copy() for shape in shapes]
    torch.manual_seed(5)
    for own, shape in zip(ahead, shapes, strict=True):
        np.testing.assert_array_equal(own, -np.log(torch.empty(shape).exponential_().numpy()))


def test_actions_after_a_refresh_depend_on_the_generator_alone() -> None:
    acting, fresh = RolloutActor(_policy(), ahead=64), RolloutActor(_policy(), ahead=64)
    acting.choose(_observed(5), 0)
    chosen = []
    for own in (acting, fresh):
        own.refresh()
        torch.manual_seed(4)
        chosen.append([own.choose(_observed(16, seed), 0).actions.tolist() for seed in range(6)])
    assert chosen[0] == chosen[1]


def test_bfloat16_uses_the_policy_itself() -> None:
    policy = _policy()
    with torch.autocast("cpu", torch.bfloat16):
        wanted = _wanted(policy, _observed(16))
        own = _chosen(RolloutActor(policy), _observed(16))
    for part, expected in zip(own, wanted, strict=True):
        np.testing.assert_array_equal(part, expected)
    exact = _wanted(policy, _observed(16))
    assert not np.array_equal(own.values, exact.values), "computed in bfloat16"


def test_event_features_follow_the_events() -> None:
    policy = _policy()
    acting = RolloutActor(policy)
    one, other = _observed(4), _observed(4, seed=3)
    fallen = {**one, "events": one["events"].copy()}
    fallen["events"][2, 7] ^= 1
    for observed, group in ((one, 0), (other, 1), (one, 0), (fallen, 0), (other, 1), (one, 1), (fallen, 0)):
        _agree(_chosen(acting, observed, group), _wanted(policy, observed))
    assert not np.array_equal(_wanted(policy, one).values, _wanted(policy, fallen).values)


def test_cached_event_features_equal_fresh_ones() -> None:
    acting, fresh = RolloutActor(_policy()), RolloutActor(_policy())
    for seed in (1, 1, 4, 4, 1):
        observed = {**_observed(16, seed), "screen": _observed(16, 9)["screen"]}
        fresh.refresh()
        for part, expected in zip(_chosen(acting, observed), _chosen(fresh, observed), strict=True):
            np.testing.assert_array_equal(part, expected)


def test_actor_reads_slices_of_the_buffer() -> None:
    """Slices of (steps, environments, ...) are read correctly in any order."""
    policy = _policy()
    acting = RolloutActor(policy)
    kept = {name: np.stack([array, array[::-1]]) for name, array in _observed(8).items()}
    for step, part in ((0, slice(0, 4)), (1, slice(4, 8)), (1, slice(0, 4))):
        observed = {name: array[step, part] for name, array in kept.items()}
        _agree(_chosen(acting, observed), _wanted(policy, observed))


def test_logits_that_are_not_finite_raise() -> None:
    policy = _policy()
    torch.nn.init.constant_(policy.action_net.bias, float("nan"))
    with pytest.raises(ValueError, match="logits are not finite"):
        RolloutActor(policy).choose(_observed(2), 0)


@pytest.mark.parametrize(
    ("channels", "size", "rows", "columns"), [(3, 8, 9, 10), (1, 6, 8, 8), (2, 4, 2, 3), (1, 5, 3, 2)]
)
def test_squares_hold_the_pixels_that_a_convolution_sees(
    channels: int, size: int, rows: int, columns: int
) -> None:
    shape = channels, rows * size, columns * size
    picture = torch.randint(0, 256, (4, *shape), dtype=torch.uint8)
    wanted = torch.nn.functional.unfold(picture.float(), size, stride=size)
    units = picture.numpy().reshape(4, -1).view(UNITS[pixels_in_a_unit(size)])
    squares = torch.from_numpy(np.take(units, squares_of(shape, size), axis=1).view(np.uint8)).float()
    assert torch.equal(squares.view(4, rows * columns, -1), wanted.transpose(1, 2))


@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 2, 1), (3, 1, 0), (2, 2, 0), (5, 3, 2)])
def test_neighbourhoods_hold_what_a_convolution_sees(size: int, stride: int, padding: int) -> None:
    squares = np.arange(90, dtype=np.float32).reshape(1, 1, 9, 10) + 1
    wanted = torch.nn.functional.unfold(torch.from_numpy(squares), size, padding=padding, stride=stride)
    seen = neighbourhoods((9, 10), size, stride, padding)
    np.testing.assert_array_equal(seen + 1, wanted[0].t().numpy())


def test_refresh_follows_an_update() -> None:
    policy = _policy()
    acting = RolloutActor(policy)
    before = _chosen(acting, _observed(8))
    tensors = {name: torch.from_numpy(array) for name, array in _observed(4).items()}
    loss = sum(part.float().square().sum() for part in policy(tensors)[1:])
    assert isinstance(loss, torch.Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    policy.optimizer.step()
    acting.refresh()
    after = _chosen(acting, _observed(8))
    assert not np.allclose(after.values, before.values, rtol=1e-3)
    _agree(after, _wanted(policy, _observed(8)))


def test_refresh_follows_statistics() -> None:
    policy = _policy(normalize=True, separate=True)
    acting = RolloutActor(policy)
    before = _chosen(acting, _observed(8))
    _move_statistics(policy, 5)
    acting.refresh()
    after = _chosen(acting, _observed(8))
    assert not np.allclose(after.values, before.values, rtol=1e-3)
    assert not np.allclose(after.log_probs, before.log_probs, rtol=1e-3)
    _agree(after, _wanted(policy, _observed(8)))


def test_the_actor_leaves_the_policy_unchanged() -> None:
    policy = _policy()
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    kinds = [type(module) for module in policy.modules()]
    _chosen(RolloutActor(policy), _observed(4))
    assert [type(module) for module in policy.modules()] == kinds
    assert list(policy.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in policy.state_dict().items())
