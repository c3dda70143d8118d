"""Tests of the memory task: what is alike for both sides, and that only memory can be right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import BUTTONS
from tests.paths import ROOT
from training.config.loading import load_config
from training.environments.task import Task, resolve_task
from training.memory_task.errand import (
    ALIKE,
    CHOICE,
    SIDES,
    Errand,
    at_the_choice,
    errand_makers,
    errand_starts,
    oracle,
)
from training.memory_task.trials import errand_envs, right_choices

CONFIG = ROOT / "configs" / "memory_task" / "tiles.json"
LEFT, RIGHT, A = (BUTTONS.index(name) for name in ("left", "right", "a"))


@pytest.fixture(scope="module")
def task() -> Task:
    return resolve_task(load_config(CONFIG))


@pytest.fixture(scope="module")
def env(task: Task) -> Iterator[Errand]:
    made = errand_makers(task, 1)[0]()
    yield made
    made.close()


def begun_at(env: Errand, side: str) -> dict[str, NDArray[np.uint8]]:
    """Begin the first episode, of the seeds from 0 up, that is on this side."""
    for seed in range(50):
        observation, info = env.reset(seed=seed)
        if info["start"] == side:
            return observation
    raise AssertionError(f"no episode began on the {side}")


def pictures(env: Errand, side: str, actions: list[int]) -> list[str]:
    """Hashes of the whole screen and the observation before each of ``actions``, and after the last."""
    seen: Any = [begun_at(env, side)]
    screens = [env.render()]
    for action in actions:
        seen.append(env.step(action)[0])
        screens.append(env.render())
    return [
        hashlib.sha256(screen.tobytes() + observation["screen"].tobytes()).hexdigest()  # type: ignore[union-attr]
        for screen, observation in zip(screens, seen, strict=True)
    ]


def test_both_sides_look_alike_from_the_second_step_to_the_choice(env: Errand) -> None:
    """Whatever the policy presses, and whatever it waits for; more than ten steps lie between."""
    generator = np.random.default_rng(0)
    one, other, again = (
        pictures(env, side, generator.integers(0, 7, CHOICE).tolist()) for side in (*SIDES, SIDES[0])
    )
    assert len(one) == CHOICE + 1
    assert one[ALIKE:] == other[ALIKE:] == again[ALIKE:]
    assert all(mine != theirs for mine, theirs in zip(one[:ALIKE], other[:ALIKE], strict=True))
    assert CHOICE - (ALIKE - 1) > 10, "steps between the last picture that differs and the choice"
    assert len(set(one[ALIKE:])) > 5, "the player walks through different places"


def test_the_state_of_the_game_is_alike_too(env: Errand) -> None:
    """Even what is on no picture, but for the play time: nothing could be looked up in a menu."""
    found = []
    for side in SIDES:
        begun_at(env, side)
        states = []
        for _ in range(CHOICE):
            env.step(A)
            states.append(env.unwrapped.state._replace(play_time=0))  # type: ignore[attr-defined]
        assert at_the_choice(states[-1]) and not at_the_choice(states[-2])
        found.append(states[ALIKE - 1 :])
    assert found[0] == found[1]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("action", [LEFT, RIGHT])
def test_only_the_side_of_the_start_pays(env: Errand, side: str, action: int) -> None:
    begun_at(env, side)
    for _ in range(CHOICE):
        _, reward, terminated, truncated, _ = env.step(action)
        assert not (reward or terminated or truncated), "before the choice nothing counts"
    _, reward, terminated, truncated, _ = env.step(action)
    assert terminated and not truncated
    assert reward == float(BUTTONS[action] == side)
    assert env.unwrapped.state.x == (3 if action == LEFT else 5), "it is a step in the game"  # type: ignore[attr-defined]


def test_waiting_at_the_choice_ends_at_the_time_limit_without_reward(env: Errand, task: Task) -> None:
    begun_at(env, "left")
    ends = []
    for _ in range(task.config.max_steps):
        _, reward, terminated, truncated, _ = env.step(A)
        assert not reward and not terminated
        ends.append(truncated)
    assert ends == [False] * (task.config.max_steps - 1) + [True]


def test_an_oracle_is_always_right_and_whoever_looks_at_pictures_half_of_the_time(task: Task) -> None:
    with errand_envs(task.config.model_copy(update={"num_envs": 4, "workers": 1})) as env:
        begun: list[str] = [""] * 4

        def knowing(observations: Any, starts: NDArray[np.bool_]) -> NDArray[np.int64]:
            for index in np.nonzero(starts)[0]:
                begun[index] = env.venv.reset_infos[index]["start"]
            return oracle(begun)

        assert right_choices(env, knowing, 20, seed=0) == 20
        always_left = right_choices(env, lambda seen, _: np.full(4, LEFT), 20, seed=0)
        always_right = right_choices(env, lambda seen, _: np.full(4, RIGHT), 20, seed=0)
    assert always_left + always_right == 20, (
        "the same episodes: each choice by the picture is right in the rest"
    )
    assert 3 <= always_left <= 17


def test_another_game_is_refused(game: Game) -> None:
    from dataclasses import replace

    with pytest.raises(UserError, match="the memory task is played on the embedded cartridge, not on red"):
        errand_starts(replace(game, name="red"))
