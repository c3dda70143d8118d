"""Goals besides the milestones, and preventing wild battles by writing memory."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from envs.episodes.stats import EpisodeStats
from envs.errors import UserError
from envs.game.catalog import Game
from envs.game.goals import goal_of
from envs.game.interventions import (
    REFILL_BELOW,
    REPEL,
    W_NO_RANDOM_BATTLE_STEPS_LEFT,
    W_REPEL_REMAINING_STEPS,
)
from envs.game_boy.emulator import BUTTONS
from envs.ram import GameState
from envs.red_env import RedEnv
from tests.conftest import MakeEnv

NOTHING = dict.fromkeys(("exploration", "battle", "milestone", "penalty"), 0.0)


def goal_reached(game: Game, goal: str, *moments: GameState) -> bool:
    stats = EpisodeStats(game, goal)
    stats.reset(moments[0])
    for before, now in pairwise(moments):
        stats.step(before, now, NOTHING, 0.0)
    assert stats.result(0)["success"] == stats.goal_reached
    return stats.goal_reached


@pytest.mark.parametrize("centre", [41, 58, 174])
def test_any_healing_centre_counts_after_two_steps(game: Game, centre: int) -> None:
    outside, inside = GameState(map_id=1), GameState(map_id=centre)
    assert goal_reached(game, "healing centre", outside, inside, inside)
    assert not goal_reached(game, "healing centre", outside, inside, outside)
    assert not goal_reached(game, "healing centre", inside, inside, inside), "where the episode began"


@pytest.mark.parametrize(("had", "held", "reached"), [(0, 1, True), (3, 7, True), (1, 1, False)])
def test_any_new_badge_reaches_the_goal(game: Game, had: int, held: int, reached: bool) -> None:
    now = GameState(badges=held)
    assert goal_reached(game, "any badge", GameState(badges=had), now, now) == reached


def test_an_unknown_goal_is_named(game: Game) -> None:
    with pytest.raises(UserError, match='goal "any bage" is not a milestone; did you mean "any badge"'):
        goal_of(game, "any bage")


def walk_in_the_grass(env: RedEnv, actions: int) -> tuple[int, Counter[str]]:
    """Walk about for ``actions`` actions; return the battles seen and the writes to memory."""
    rng = np.random.default_rng(0)
    env.reset(seed=1)
    battles, writes = 0, Counter[str]()
    for _ in range(actions):
        before = env.state.battle
        _, _, _, truncated, info = env.step(int(rng.integers(4)))
        battles += before <= 0 < env.state.battle
        if truncated:
            writes.update(info["episode_stats"].get("interventions", {}))
    return battles, writes


def test_repel_prevents_wild_battles_and_every_write_is_counted(make_env: MakeEnv) -> None:
    assert BUTTONS[:4] == ("down", "left", "right", "up")
    battles, writes = walk_in_the_grass(make_env(start="route1", max_steps=300), 300)
    assert (battles > 0, writes) == (True, Counter())
    env = make_env(start="route1", max_steps=300, repel=True)
    battles, writes = walk_in_the_grass(env, 300)
    memory = env.emulator.memory
    assert battles == 0
    assert min(memory[W_REPEL_REMAINING_STEPS], memory[W_NO_RANDOM_BATTLE_STEPS_LEFT]) >= REFILL_BELOW - 2
    # Two bytes at the start of the episode, and one of them again whenever half of it is used up.
    assert writes.keys() == {REPEL}
    assert 2 <= writes[REPEL] <= 2 + 300 / (0xFF - REFILL_BELOW)
    assert env.take_interventions() == dict(writes)
    assert env.take_interventions() == {}
