"""Tests of episode statistics: what counts, when, and what must not count twice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from envs.episodes.stats import EpisodeStats, agent_stats, components
from envs.game.boot import boot_to_control
from envs.game.catalog import MILESTONES, Game
from envs.game.maps import MAP_NAMES, PROGRESS_ORDER
from envs.ram import GameState, PartyMon
from envs.reward_components import COMPONENTS
from rewards.stack import RewardStack

GAME = Game("none", "", "", Path(), (), MAP_NAMES, MILESTONES, PROGRESS_ORDER, boot_to_control)
NOTHING = {"exploration": 0.0, "battle": 0.0, "milestone": 0.0, "penalty": 0.0}


def events(*numbers: int) -> bytes:
    data = bytearray(320)
    for number in numbers:
        data[number // 8] |= 1 << number % 8
    return bytes(data)


def team(*levels: int) -> tuple[PartyMon, ...]:
    return tuple(PartyMon(species=153, level=level, hp=10, max_hp=20) for level in levels)


def play(*states: GameState, goal: str | None = None) -> tuple[EpisodeStats, list[list[str]]]:
    stats = EpisodeStats(GAME, goal)
    stats.reset(states[0])
    return stats, [stats.step(before, now, NOTHING, 0.0) for before, now in pairwise(states)]


def test_reward_components_have_the_standard_names_and_order() -> None:
    stack, start = RewardStack({"penalty_step": -1.0, "exploration_new_tile": 2.0}), GameState()
    stack.reset(start)
    sums = components(stack.step(start, GameState(x=1)))
    assert tuple(sums) == COMPONENTS
    assert sums == {"exploration": 2.0, "battle": 0.0, "milestone": 0.0, "penalty": -1.0}


def test_a_milestone_counts_once_and_only_if_it_held_for_two_steps() -> None:
    flicker, held = GameState(event_bytes=events(0x22)), GameState(event_bytes=events(0x22, 0x23))
    _, reached = play(GameState(), flicker, GameState(), held, held, held, GameState(), held, held)
    assert reached == [[], [], [], ["starter", "rival battled"], [], [], [], []]


def test_what_holds_at_the_start_does_not_count() -> None:
    start = GameState(map_id=12, badges=1, event_bytes=events(0x22), party=team(9))
    stats, reached = play(start, start, start)
    result = stats.result(1)
    assert reached == [[], []]
    assert (result["badges_earned"], result["events_gained"], result["levels_gained"]) == (0, 0, 0)
    assert result["map_progress"] == 3


def test_badges_and_events_count_once_they_held() -> None:
    now = GameState(badges=0b11, event_bytes=events(0x77, 0xBF, 8 * 13))
    stats, reached = play(GameState(badges=1), now, now)
    result = stats.result(1)
    assert result["badges_earned"] == 1
    assert result["events_gained"] == 2  # not the museum ticket
    assert reached[1] == ["badge2"]
    assert result["success"] is True


def test_progress_is_the_furthest_place_in_order() -> None:
    walk = [GameState(map_id=m) for m in (0, 12, 12, 65, 1, 1, 99, 99, 0, 0)]
    stats, reached = play(*walk)
    assert stats.result(1)["map_progress"] == 4  # the second town; map 65 did not hold for two steps
    assert [name for names in reached for name in names] == ["route 1", "second town"]


def test_battles_are_counted_by_their_end() -> None:
    calm, wild, lost = GameState(), GameState(battle=1), GameState(battle=-1, battle_result=1)
    over = {result: GameState(battle_result=result) for result in (0, 1, 2)}
    stats, _ = play(calm, calm, wild, wild, over[0], wild, lost, lost, over[1], wild, over[2])
    result = stats.result(1)
    assert [result[f"battles_{end}"] for end in ("started", "won", "lost", "escaped")] == [3, 1, 1, 1]
    assert result["steps_to_first_battle"] == 2
    assert play(calm, calm)[0].result(1)["steps_to_first_battle"] is None


def test_new_party_members_do_not_count_as_levels() -> None:
    levels = [(5,), (5, 4), (5, 4), (6, 4), (6, 4), (4, 6), (4, 6), (4,), (4,)]
    stats, _ = play(*(GameState(party=team(*party)) for party in levels))
    assert stats.result(1)["levels_gained"] == 1


def test_a_level_that_lasts_one_step_does_not_count() -> None:
    stats, _ = play(*(GameState(party=team(level)) for level in (5, 99, 5, 5, 6, 7, 7)))
    assert stats.result(1)["levels_gained"] == 2


def test_success_means_the_goal_if_there_is_one() -> None:
    badge = GameState(badges=1)
    stats, _ = play(GameState(), badge, badge, goal="starter")
    assert stats.result(1)["success"] is False
    stats, _ = play(GameState(), badge, badge, goal="badge1")
    assert stats.goal_reached
    assert stats.result(1)["success"] is True


def test_rewards_are_summed_by_component() -> None:
    stats = EpisodeStats(GAME)
    stats.reset(GameState())
    for _ in range(3):
        stats.step(GameState(), GameState(), {**NOTHING, "battle": 2.0, "penalty": -0.5}, 1.5)
    result = stats.result(7)
    assert (result["return"], result["length"], result["coord_count"]) == (4.5, 3, 7)
    assert result["reward_components"] == {**NOTHING, "battle": 6.0, "penalty": -1.5}


def test_moments_that_cannot_be_count_as_such_and_nowhere_else() -> None:
    full = GameState(badges=255, event_bytes=b"\xff" * 320, party=team(255), map_id=231, battle=1)
    stats, fallen = play(GameState(), full, full, full, GameState(), GameState(), goal="any badge")
    result = stats.result(1)
    assert result["implausible"] == 3
    assert not any(fallen)
    for name in ("badges_earned", "events_gained", "levels_gained", "battles_started", "success"):
        assert not result[name], name
    stats.reset(GameState())
    assert stats.result(0)["implausible"] == 0


def test_reset_clears_the_statistics() -> None:
    stats, _ = play(GameState(), GameState(battle=1), GameState())
    stats.reset(GameState())
    result = stats.result(0)
    assert (result["battles_started"], result["length"], result["steps_to_first_battle"]) == (0, 0, None)


def test_agent_stats_are_small_numbers() -> None:
    sample = agent_stats(GameState(map_id=1, x=2, y=3, badges=3, party=team(5, 6), battle=-1), 10, 4)
    assert sample == {
        "step": 10,
        "map_id": 1,
        "x": 2,
        "y": 3,
        "badges": 2,
        "levels": 11,
        "hp_fraction": 0.5,
        "battle": -1,
        "event_count": 0,
        "coord_count": 4,
    }
    assert agent_stats(GameState(), 0, 0)["hp_fraction"] == 0.0
