"""Tests of masked actions in environments: RedEnv, workers, and sb3-contrib's convention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest

from envs.game_boy.emulator import BUTTONS
from envs.observation_names import ACTION_MASK
from training.config.loading import load_config
from training.environments.local import make_env
from training.environments.monitor import GroupVecMonitor
from training.environments.task import resolve_task
from training.gymnasium_envs.registration import ENV_ID
from training.make_env import make_vec_env

CONFIG = {"start": "starter", "max_steps": 60, "mask": {"b_outside_battle": True}, "observations": ["facing"]}
N = 3


@pytest.fixture(scope="module")
def env() -> Iterator[GroupVecMonitor]:
    """Masked environments in two workers."""
    made = make_vec_env(load_config(None, {**CONFIG, "num_envs": N, "workers": 2}))
    yield made
    made.close()


def test_the_mask_is_part_of_every_observation(env: GroupVecMonitor) -> None:
    """Also of the first one of an episode, and after a snapshot; ``action_masks`` says the same."""
    env.seed(1)
    observations, ends = env.reset(), 0
    generator = np.random.default_rng(1)
    masked = Counter[int]()
    for _ in range(130):
        assert isinstance(observations, dict)
        masks = np.stack(env.env_method("action_masks"))
        assert masks.dtype == np.bool_
        np.testing.assert_array_equal(observations[ACTION_MASK], masks)
        assert masks.any(axis=1).all()
        masked.update(np.nonzero(~masks)[1].tolist())
        observations, _, dones, _ = env.step(generator.integers(0, 7, N))
        ends += int(dones.sum())
    assert ends == 2 * N
    assert {5, 6} < set(masked) and 4 not in masked, "B, START and directions are masked at times, A never"
    kept = env.snapshot()
    masks = np.stack(env.env_method("action_masks"))
    for action in (3, 3, 6):
        env.step(np.full(N, action))
    restored, _ = env.restore(kept)
    np.testing.assert_array_equal(restored[ACTION_MASK], masks)
    np.testing.assert_array_equal(env.env_method("action_masks"), masks)


def test_vec_envs_follow_the_convention_of_maskable_ppo(env: GroupVecMonitor) -> None:
    """sb3-contrib asks ``has_attr``, then stacks what ``env_method`` gives, one row for each environment."""
    assert env.has_attr("action_masks") and not env.has_attr("nothing_of_the_kind")
    assert np.stack(env.env_method("action_masks")).shape == (N, 7)


def test_single_environments_follow_it_too() -> None:
    made = gymnasium.make(ENV_ID, config=CONFIG)
    made.reset(seed=0)
    masks = made.get_wrapper_attr("action_masks")()
    assert masks.shape == (7,) and masks.dtype == np.bool_ and not masks[5] and masks[:5].all()
    made.close()


def test_without_masks_every_action_may_be_chosen() -> None:
    task = resolve_task(load_config(None, {**CONFIG, "mask": None}))
    made = make_env(task)
    observation, _ = made.reset(seed=0)
    assert ACTION_MASK not in observation and made.action_masks().all()
    made.close()


def test_each_masked_step_is_counted_as_an_intervention() -> None:
    task = resolve_task(load_config(None, CONFIG))
    assert task.interventions == ["mask_start", "mask_wall", "mask_b_outside_battle"]
    made = make_env(task)
    observation, _ = made.reset(seed=0)
    generator, expected = np.random.default_rng(0), 0
    for _ in range(60):
        expected += int((observation[ACTION_MASK] == 0).sum())  # each rule masks at most one action
        observation, _, _, _, info = made.step(int(generator.integers(7)))
    counts = info["episode_stats"]["interventions"]
    assert sum(counts.values()) == expected and set(counts) <= set(task.interventions)
    assert made.take_interventions() == counts and made.take_interventions() == {}
    made.close()


def test_a_cell_of_the_start_archive_continues_with_the_mask_of_its_moment() -> None:
    """B is masked outside of battles, so a mask that is not continued would allow it for a step."""
    task = resolve_task(load_config(None, {**CONFIG, "max_steps": 1000}))
    env, other = make_env(task), make_env(task)
    for one in (env, other):
        one.follow_archive("tiles", {})
    env.reset(seed=1)
    found = 0
    for button in ("up", "up", "left", "up", "right") * 12:
        observation, _, _, _, info = env.step(BUTTONS.index(button))
        if "found_cell" in info:
            other.begin_next_at([info["found_cell"]])
            mask = observation[ACTION_MASK].tolist()
            assert other.reset()[0][ACTION_MASK].tolist() == mask
            found += 0 in mask
    assert found > 1
    env.close()
    other.close()
