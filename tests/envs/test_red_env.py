"""Tests of RedEnv on the real cartridge: Gymnasium's contract, info keys, and reproducible episodes."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import BUTTONS
from envs.red_env import RedEnv
from envs.start_library import start_state
from envs.start_states.state_files import StartState

MakeEnv = Callable[..., RedEnv]
COMPONENTS = {"exploration", "battle", "milestone", "penalty"}
EPISODE_STATS = {
    "start",
    "return",
    "length",
    "battles_started",
    "battles_won",
    "battles_lost",
    "battles_escaped",
    "steps_to_first_battle",
    "badges_earned",
    "levels_gained",
    "map_progress",
    "coord_count",
    "events_gained",
    "implausible",
    "success",
    "reward_components",
}


def fingerprint(env: RedEnv, seed: int, steps: int) -> str:
    """Digest of everything an episode of random buttons returns."""
    digest = hashlib.sha256()

    def take(observation: dict[str, np.ndarray], *rest: Any) -> None:
        for name in sorted(observation):
            digest.update(observation[name].tobytes())
        digest.update(json.dumps(rest, sort_keys=True).encode())

    take(*env.reset(seed=seed))
    buttons = np.random.default_rng(seed)
    for _ in range(steps):
        take(*env.step(int(buttons.integers(7))))
    digest.update(bytes(env.emulator.memory[0xC000:0xE000]))
    return digest.hexdigest()


def test_gymnasiums_checker_passes(make_env: MakeEnv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*spec.*")  # it is checked without being registered
        check_env(make_env(), skip_close_check=True)


def test_stable_baselines3s_checker_passes(make_env: MakeEnv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check_env(make_env())


def test_two_episodes_with_one_seed_are_identical(make_env: MakeEnv) -> None:
    one, other = make_env(), make_env()
    first = fingerprint(one, 7, 150)
    assert fingerprint(other, 7, 150) == first
    assert fingerprint(one, 7, 150) == first  # after another episode on the same emulator
    assert fingerprint(one, 8, 150) != first


def test_the_seed_determines_a_wait_of_0_to_30_frames(make_env: MakeEnv) -> None:
    env = make_env(observations=("badges",))
    waits = [env.reset(seed=seed)[1]["wait_frames"] for seed in range(60)]
    assert set(waits) <= set(range(31))
    assert len(set(waits)) > 15
    _, first = env.reset(seed=3)
    later = [env.reset()[1]["wait_frames"] for _ in range(10)]
    assert env.reset(seed=3)[1] == first
    assert [env.reset()[1]["wait_frames"] for _ in range(10)] == later
    assert len(set(later)) > 1


def test_info_has_what_callbacks_read(make_env: MakeEnv) -> None:
    env = make_env(max_steps=25)
    env.reset(seed=1)
    total, sums = 0.0, dict.fromkeys(COMPONENTS, 0.0)
    for step in range(1, 26):
        _, reward, terminated, truncated, info = env.step(step % 7)
        assert set(info["reward_components"]) == COMPONENTS
        assert sum(info["reward_components"].values()) == pytest.approx(reward, abs=1e-9)
        assert ("agent_stats" in info) == (step % 10 == 0)
        assert ("episode_stats" in info) == (step == 25)
        assert (terminated, truncated) == (False, step == 25)
        total += reward
        for name, value in info["reward_components"].items():
            sums[name] += value
    stats = info["episode_stats"]
    assert set(stats) == EPISODE_STATS
    assert (stats["length"], stats["return"]) == (25, pytest.approx(total))
    assert stats["reward_components"] == pytest.approx(sums)
    assert stats["success"] is False
    json.dumps(info)  # small plain numbers only


def test_agent_stats_give_the_agents_position(make_env: MakeEnv) -> None:
    env = make_env(agent_stats_every=1)
    env.reset(seed=1)
    _, _, _, _, info = env.step(0)
    sample = info["agent_stats"]
    assert (sample["step"], sample["map_id"], sample["x"], sample["y"]) == (1, 0, env.state.x, env.state.y)
    assert sample["levels"] >= 5
    assert 0 < sample["hp_fraction"] <= 1


def test_a_milestone_that_held_for_two_steps_ends_the_episode(make_env: MakeEnv) -> None:
    env = make_env(start="bedroom", goal="starter", max_steps=5)
    env.reset(seed=0)
    env.step(6)
    env.emulator.memory[0xD74B] = 0b100  # type: ignore[index]  # the event of the starter
    _, _, terminated, truncated, info = env.step(6)
    assert (terminated, truncated, "milestones" in info) == (False, False, False)
    _, _, terminated, truncated, info = env.step(6)
    assert (terminated, truncated, info["milestones"]) == (True, False, ["starter"])
    assert info["episode_stats"]["success"] is True


def test_a_goal_that_holds_at_the_start_is_not_reached(make_env: MakeEnv) -> None:
    env = make_env(start="starter", goal="starter", max_steps=5)
    env.reset(seed=0)
    assert [env.step(6)[2:4] for _ in range(5)] == [(False, False)] * 4 + [(False, True)]


def test_an_episode_can_begin_at_another_start(make_env: MakeEnv) -> None:
    env = make_env()
    _, info = env.reset(seed=1, options={"start": "bedroom"})
    assert (info["start"], env.state.map_id) == ("bedroom", 38)
    _, info = env.reset(seed=1)
    assert (info["start"], env.state.map_id) == ("starter", 0)
    with pytest.raises(UserError, match="nowhere"):
        env.reset(options={"start": "nowhere"})


def several(game: Game, *starts: tuple[str, float]) -> tuple[tuple[StartState, float], ...]:
    return tuple((start_state(game, name), weight) for name, weight in starts)


def test_starts_are_drawn_by_their_weights_from_the_seed(make_env: MakeEnv, game: Game) -> None:
    env = make_env(starts=several(game, ("starter", 1.0), ("bedroom", 3.0)))
    places = {"starter": 0, "bedroom": 38}

    def begin(seed: int) -> str:
        _, info = env.reset(seed=seed)
        assert env.state.map_id == places[info["start"]]
        return str(info["start"])

    drawn = [begin(seed) for seed in range(80)]
    assert drawn == [begin(seed) for seed in range(80)]
    assert 48 <= drawn.count("bedroom") <= 72  # 60 expected; a fair draw is outside once in 500 tries
    _, info = env.reset(seed=0, options={"start": "route1"})
    assert (info["start"], env.state.map_id) == ("route1", 12)


def test_a_single_start_draws_nothing_more(make_env: MakeEnv, game: Game) -> None:
    plain, one = make_env(), make_env(starts=several(game, ("starter", 2.0)))
    for seed in (3, None, None):
        assert plain.reset(seed=seed)[1] == one.reset(seed=seed)[1]
        assert plain.np_random.bit_generator.state == one.np_random.bit_generator.state


def test_episode_stats_name_the_start_even_after_a_restore(make_env: MakeEnv, game: Game) -> None:
    starts = several(game, ("starter", 1.0), ("bedroom", 1.0))
    env, other = make_env(starts=starts, max_steps=4), make_env(starts=starts, max_steps=4)
    env.reset(seed=5)
    following = []
    for _ in range(6):
        begun = env.reset()[1]["start"]
        env.step(0)
        other.restore(env.snapshot())
        ends = [[one.step(0)[4] for _ in range(3)][-1]["episode_stats"] for one in (env, other)]
        assert ends[0] == ends[1]
        assert ends[0]["start"] == begun
        following.append(other.reset()[1])
        assert following[-1] == env.reset()[1]
    assert {info["start"] for info in following} == {"starter", "bedroom"}


def test_a_weight_that_is_not_above_0_is_refused(make_env: MakeEnv, game: Game) -> None:
    with pytest.raises(UserError, match=r'weight 0\.0 of "bedroom" must be above 0'):
        make_env(starts=several(game, ("starter", 1.0), ("bedroom", 0.0)))


def test_observations_match_the_current_state(make_env: MakeEnv) -> None:
    env = make_env()
    observation, _ = env.reset(seed=2)
    assert np.array_equal(observation["screen"][0], observation["screen"][2])
    for action in (0, 3, 1):
        observation, *_ = env.step(action)
    assert observation["recent_actions"].tolist() == [1, 4, 2]
    assert observation["events"].tobytes() == env.state.event_bytes
    assert observation["party"][:2].tolist() == [env.state.party[0].species, env.state.party[0].level]
    assert observation["facing"].tolist() == [255 * (env.state.facing == f) for f in (0, 4, 8, 12)]
    picture = env.emulator.screen()
    assert np.array_equal(observation["screen"][2], picture[::2, ::2])
    assert np.array_equal(env.render()[:, :, 0], picture)


@pytest.mark.parametrize("action", [-1, 7, 2.9, np.float32(2), "a", None, np.array([1, 2])])
def test_an_unknown_action_is_an_error(make_env: MakeEnv, action: Any) -> None:
    env = make_env()
    env.reset(seed=0)
    actions = env.emulator.actions
    with pytest.raises(ValueError, match="0 to 6"):
        env.step(action)
    assert env.emulator.actions == actions, "no button was pressed"
    assert env.action_space.n == len(BUTTONS) == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_steps": 0}, "max_steps = 0"),
        ({"held_frames": 25}, "held_frames = 25"),
        ({"agent_stats_every": 0}, "agent_stats_every = 0"),
        ({"goal": "badge 1"}, 'did you mean "badge1"'),
    ],
)
def test_a_wrong_setting_gives_one_line(make_env: MakeEnv, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        make_env(**wrong)
    assert "\n" not in str(error.value)


def test_closing_twice_is_fine(make_env: MakeEnv) -> None:
    env = make_env()
    env.reset(seed=0)
    env.close()
    env.close()


@pytest.mark.parametrize("action", [2, np.int64(2), np.uint8(2), np.array(2)])
def test_whole_numbers_of_any_kind_are_actions(make_env: MakeEnv, action: Any) -> None:
    env = make_env()
    env.reset(seed=0)
    assert env.step(action)[0]["recent_actions"].tolist()[-1] == 3


def test_a_step_before_the_first_reset_says_so(make_env: MakeEnv) -> None:
    env, other = make_env(), make_env()
    with pytest.raises(ResetNeeded, match=r"step before reset: call reset\(\) first"):
        env.step(2)
    other.reset(seed=0)
    env.restore(other.snapshot())
    assert env.step(2)[1] == other.step(2)[1]
