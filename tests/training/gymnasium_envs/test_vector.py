"""PokemonRed-v0 through gymnasium.make_vec: it gives what single environments give, in Gymnasium's form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from training.gymnasium_envs.registration import ENV_ID, register

SHORT: dict[str, Any] = {"start": "starter", "max_steps": 7, "agent_stats_every": 3}
VectorOf = VectorEnv[Any, Any, Any]


@pytest.fixture
def envs() -> Iterator[VectorOf]:
    register()
    made = gymnasium.make_vec(ENV_ID, num_envs=3, config=SHORT, workers=2)
    yield made
    made.close()


def same(one: Any, other: Any) -> bool:
    """Whether two infos or observations of Gymnasium's vector environments are equal."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, np.ndarray) and one.dtype == object:
        return all(same(left, right) for left, right in zip(one, other, strict=True))
    return bool(np.array_equal(one, other, equal_nan=isinstance(one, np.ndarray) and one.dtype.kind == "f"))


def plain(infos: dict[str, Any]) -> dict[str, Any]:
    """Infos without the statistic that is None in a single environment."""
    infos = dict(infos)
    if "final_info" in infos:
        stats = dict(infos["final_info"]["episode_stats"])
        for key in ("steps_to_first_battle", "_steps_to_first_battle"):
            stats.pop(key)
        infos["final_info"] = {**infos["final_info"], "episode_stats": stats}
    return infos


def test_it_gives_what_gymnasiums_own_vector_environment_gives(envs: VectorOf) -> None:
    own = SyncVectorEnv(
        [lambda: gymnasium.make(ENV_ID, config=SHORT)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert envs.observation_space == own.observation_space
    assert envs.action_space == own.action_space
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert same(envs.reset(seed=5)[0], own.reset(seed=5)[0])
    buttons = np.random.default_rng(0)
    for _ in range(20):
        actions = buttons.integers(0, 7, 3)
        ours, theirs = envs.step(actions), own.step(actions)
        assert same(ours[0], theirs[0])
        assert np.allclose(ours[1], theirs[1], rtol=1e-6)
        assert [array.tolist() for array in ours[2:4]] == [array.tolist() for array in theirs[2:4]]
        found, expected = plain(ours[4]), plain(theirs[4])
        assert found.keys() == expected.keys()
        assert same(found.get("final_obs"), expected.get("final_obs"))
        assert same(found.get("start"), expected.get("start"))
    own.close()


def test_an_ended_episode_leaves_its_last_observation_and_statistics(envs: VectorOf) -> None:
    envs.reset(seed=0)
    for _ in range(6):
        *_, truncated, infos = envs.step(np.zeros(3, np.int64))
        assert not truncated.any()
        assert "final_obs" not in infos
    observations, _, terminated, truncated, infos = envs.step(np.zeros(3, np.int64))
    assert truncated.all()
    assert not terminated.any()
    assert infos["final_info"]["episode_stats"]["length"].tolist() == [7, 7, 7]
    assert np.isnan(infos["final_info"]["episode_stats"]["steps_to_first_battle"]).all()
    assert infos["start"].tolist() == ["starter"] * 3
    assert observations["screen"].shape == envs.observation_space["screen"].shape  # type: ignore[index]
    assert infos["final_obs"][2].keys() == observations.keys()


def test_observations_belong_to_the_caller(envs: VectorOf) -> None:
    first, _ = envs.reset(seed=0)
    kept = {key: array.copy() for key, array in first.items()}
    for _ in range(5):
        envs.step(np.full(3, 4))
    assert same(first, kept)


def test_seeds_are_one_or_one_for_each(envs: VectorOf) -> None:
    _, counted = envs.reset(seed=10)
    _, listed = envs.reset(seed=[10, 11, 12])
    assert counted["wait_frames"].tolist() == listed["wait_frames"].tolist()
    _, again = envs.reset(options={"wait_frames": 2, "start": "route1"})
    assert again["wait_frames"].tolist() == [2, 2, 2]
    assert again["start"].tolist() == ["route1"] * 3
    with pytest.raises(ValueError, match="2 seeds for 3 environments"):
        envs.reset(seed=[1, 2])


def test_the_wrapper_of_episode_statistics_works(envs: VectorOf) -> None:
    wrapped = RecordEpisodeStatistics(envs)
    wrapped.reset(seed=0)
    for _ in range(7):
        *_, infos = wrapped.step(np.zeros(3, np.int64))
    assert infos["episode"]["l"].tolist() == [7, 7, 7]
    assert np.allclose(infos["episode"]["r"], infos["final_info"]["episode_stats"]["return"], atol=1e-4)


def test_pictures_and_attributes_of_each_environment() -> None:
    register()
    made = gymnasium.make_vec(ENV_ID, num_envs=2, config=SHORT, workers=1, render_mode="rgb_array")
    made.reset(seed=0)
    pictures = made.render()
    assert pictures is not None
    assert [picture.shape for picture in pictures] == [(144, 160, 3)] * 2
    inner: Any = made.unwrapped
    assert inner.get_attr("render_mode") == ("rgb_array", "rgb_array")
    assert inner.call("take_interventions") == ({}, {})
    made.close()


@pytest.mark.parametrize("arguments", [{"num_envs": 0}, {"num_envs": 1, "render_mode": "ansi"}])
def test_wrong_arguments_are_named(arguments: dict[str, Any]) -> None:
    register()
    with pytest.raises(ValueError, match=r"num_envs 0 must be|render_mode 'ansi' must be"):
        gymnasium.make_vec(ENV_ID, config=SHORT, **arguments)
