"""Tests of environments restored from a snapshot in the middle of an episode: they continue exactly alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from envs.game_boy.emulator import BUTTONS
from envs.red_env import RedEnv
from rewards.stack import DEFAULT_COEFFICIENTS

MakeEnv = Callable[..., RedEnv]
ALL_TERMS = {
    **DEFAULT_COEFFICIENTS,
    "exploration_recent_tile": 0.01,
    "penalty_wall": -0.01,
    "penalty_stuck": -0.02,
    "stuck_after": 20,
}


def _play(env: RedEnv, actions: list[int]) -> list[Any]:
    """All results of the actions; a new episode begins after each that ends."""
    seen: list[Any] = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append(({k: v.tobytes() for k, v in observation.items()}, reward, terminated, truncated, info))
        if terminated or truncated:
            observation, info = env.reset()
            seen.append(({k: v.tobytes() for k, v in observation.items()}, info))
    return seen


def _through_json(value: Any) -> Any:
    """As in a checkpoint: through JSON, except bytes and arrays."""
    if isinstance(value, dict):
        return {key: _through_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_through_json(part) for part in value]
    return value if isinstance(value, bytes | np.ndarray) else json.loads(json.dumps(value))


@pytest.mark.parametrize("start", ["gym1", "starter"])
def test_a_restored_environment_continues_exactly(make_env: MakeEnv, start: str) -> None:
    settings = {"start": start, "coefficients": ALL_TERMS, "max_steps": 400}
    original, other = make_env(**settings), make_env(**settings)
    original.reset(seed=11)
    other.reset(seed=99)
    generator = np.random.default_rng(3)
    actions = generator.integers(0, len(BUTTONS), 600).tolist()
    _play(other, actions[:50])  # so that its earlier state differs
    for begin, end in ((0, 7), (7, 333), (333, 500)):
        _play(original, actions[begin:end])
        observation = other.restore(_through_json(original.snapshot()))
        assert other.state == original.state
        assert all((observation[name] == array).all() for name, array in original._encode().items())
    assert _play(other, actions[500:]) == _play(original, actions[500:])


def test_a_snapshot_changes_nothing(make_env: MakeEnv) -> None:
    watched, free = make_env(), make_env()
    for env in (watched, free):
        env.reset(seed=2)
    for action in np.random.default_rng(1).integers(0, len(BUTTONS), 12).tolist():
        watched.snapshot()
        assert _play(watched, [action]) == _play(free, [action])


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s["emulator"].update(state=b"no zlib"),
        lambda s: s["emulator"].update(state=s["emulator"]["state"][:500]),
        lambda s: s["visited"].update(maps=[[1, 10**9, 10**9, []]]),
        lambda s: s["visited"].update(maps=[[1, 112, 112, [10**6]]]),
        lambda s: s["observations"].update(screen=np.zeros((1, 1), np.uint8)),
        lambda s: s["random"].update(state={"bit_generator": "MT19937"}),
        lambda s: s.pop("reward"),
        lambda s: s["stats"].update(open=[10**6]),
    ],
)
def test_invalid_snapshots_are_refused(make_env: MakeEnv, damage: Callable[[dict[str, Any]], object]) -> None:
    env = make_env()
    env.reset(seed=2)
    snapshot = env.snapshot()
    damage(snapshot)
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        env.restore(snapshot)
