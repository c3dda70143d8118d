"""Held-out seeds, summaries of episodes, combined runs, and the printed table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.cli.table import table
from training.config.schema import MAX_SEED
from training.evaluation.episode_statistics import as_columns, from_columns, improvement, summarise, together
from training.evaluation.playing import CHOOSING, FIRST_EVALUATION_SEED, SEEDS_APART, PlayedEpisode
from training.evaluation.table import Comparison, comparison_text
from training.ppo.build import environment_seed

STATS: dict[str, Any] = {
    "return": 2.0,
    "length": 40,
    "battles_started": 1,
    "battles_won": 0,
    "badges_earned": 0,
    "levels_gained": 0,
    "map_progress": 3,
    "coord_count": 7,
    "success": False,
}


def episode(seed: int = 0, **stats: Any) -> PlayedEpisode:
    return PlayedEpisode({**STATS, **stats}, {}, seed)


def test_summary_has_reach_rates_and_medians_over_all_episodes() -> None:
    played = [
        PlayedEpisode(STATS, {"route 1": 10}),
        PlayedEpisode(STATS, {"route 1": 30}),
        PlayedEpisode(STATS, {}),
    ]
    summary = summarise(played, ["route 1", "forest"])
    assert summary["episodes"] == 3
    assert (summary["different"], summary["effective"]) == (3, 3)
    assert summary["return_mean"] == summary["return_low"] == summary["return_high"] == 2.0
    assert summary["milestones"]["route 1"]["reached"] == 2
    assert summary["milestones"]["route 1"]["median_actions"] == 30
    assert summary["milestones"]["route 1"]["median_low"] == 10
    assert summary["milestones"]["route 1"]["median_high"] is None
    assert summary["milestones"]["forest"]["median_actions"] is None
    assert summary["milestones"]["forest"]["rate"] == 0
    assert (summary["success_rate"], summary["success_low"]) == (0, 0)
    assert 0.5 < summary["success_high"] < 0.6


def test_interventions_are_summed_by_kind() -> None:
    helped = [episode(interventions={"fast_text": 2}), episode(interventions={"fast_text": 1, "repel": 4})]
    assert summarise([*helped, episode()], [])["interventions"] == {"fast_text": 3, "repel": 4}
    assert summarise([episode()], [])["interventions"] == {}


def test_differing_runs_give_wide_intervals_together() -> None:
    runs = [[episode(battles_won=won) for _ in range(10)] for won in (0, 4, 8)]
    summary = together(runs, [])
    assert summary["battles_won_mean"] == 4
    assert (summary["runs"], summary["episodes"]) == (3, 30)
    assert summary["battles_won_low"] <= 4 / 3 < 8 - 4 / 3 <= summary["battles_won_high"]
    one = summarise([e for run in runs for e in run], [])
    assert one["battles_won_high"] - one["battles_won_low"] < 3, "as if all were episodes of one run"


def test_combined_rates_keep_room_for_unseen_outcomes() -> None:
    reached = [[PlayedEpisode(STATS, {"forest": 5})] * 10, [PlayedEpisode(STATS, {})] * 10]
    forest = together(reached, ["forest"])["milestones"]["forest"]
    assert forest["rate"] == 0.5
    assert 0 <= forest["low"] < 0.02 and 0.98 < forest["high"] <= 1
    assert forest["median_low"] is None
    never = together([[episode()] * 10, [episode()] * 10], ["forest"])["milestones"]["forest"]
    assert never["high"] > 0.1


def test_improvement_is_given_for_each_figure() -> None:
    ours = [episode(seed, battles_won=3) for seed in (0, 0, 1)]
    theirs = [episode(seed, battles_won=1) for seed in (0, 1, 1)]
    better = improvement([ours], theirs)
    assert better["battles_won"][0] == better["battles_won"][2] == 1.0
    assert better["battles_won"][1] < 0.6, "three episodes prove nothing"
    probability, low, high = better["return"]
    assert low < 0.2 < probability == 0.5 < 0.8 < high
    assert improvement([ours, ours], theirs)["battles_won"][1] > better["battles_won"][1]


def test_seeds_are_not_strata() -> None:
    """Twenty seeds of one episode had an interval of no width."""
    one_each = summarise([episode(seed, battles_won=seed % 5) for seed in range(20)], [])
    all_of_one = summarise([episode(0, battles_won=number % 5) for number in range(20)], [])
    assert one_each["battles_won_high"] - one_each["battles_won_low"] > 1
    assert one_each["battles_won_low"] == all_of_one["battles_won_low"]


def test_intervals_of_counts_end_at_zero_and_those_of_returns_do_not() -> None:
    played = [episode(battles_won=won, **{"return": won - 1.0}) for won in (0, 0, 3)]
    summary = summarise(played, [])
    assert summary["battles_won_low"] == 0.0
    assert summary["return_low"] < -1


def repeated(times: int, *returns: float) -> list[PlayedEpisode]:
    return [
        PlayedEpisode({**STATS, "return": value, "success": True}, {"forest": 5}, 0, str(value))
        for value in returns
        for _ in range(times)
    ]


def test_repeats_are_counted_and_do_not_narrow_intervals() -> None:
    once, often = (summarise(repeated(times, 1.0, 2.0, 4.0, 8.0), ["forest"]) for times in (1, 5))
    assert (often["episodes"], often["different"], often["effective"]) == (20, 4, 4)
    assert often["return_low"] == pytest.approx(once["return_low"])
    assert often["success_low"] == once["success_low"] < 0.6
    assert often["milestones"]["forest"]["low"] == once["milestones"]["forest"]["low"]
    same = summarise(repeated(20, 3.0), [])
    assert (same["different"], same["return_mean"]) == (1, 3)
    assert same["return_low"] is same["return_high"] is None


def test_equal_episodes_of_different_runs_are_not_repeats() -> None:
    assert together([repeated(1, 1.0, 2.0), repeated(1, 1.0, 2.0)], [])["different"] == 4


def compared(**players: list[PlayedEpisode]) -> Comparison:
    summaries = {name: summarise(episodes, ["forest"]) for name, episodes in players.items()}
    return Comparison("heading", list(players)[:1], summaries, {}, ["forest"])


def test_the_table_says_what_repeats_are_worth() -> None:
    text = comparison_text(compared(mine=repeated(5, 1.0, 2.0, 4.0, 8.0), random=[episode()] * 20))
    assert "mine: only 4 of its 20 episodes are different, worth 4 independent ones" in text
    assert "fewer than 20 independent episodes: intervals of means cover less than 95 %" in text
    assert "random: only" not in text
    assert "runs" not in text
    text = comparison_text(compared(mine=repeated(20, 3.0)))
    assert "mine: only 1 of its 20 episodes are different, worth one, and means have no interval" in text
    assert next(line for line in text.splitlines() if "return" in line).split() == ["return", "3.00"]


def test_the_table_has_intervals_of_median_times() -> None:
    long = {**STATS, "length": 1000}
    reached = [PlayedEpisode(long, {"forest": 10 * number}, 0) for number in range(1, 21)]
    text = comparison_text(compared(mine=reached))
    assert "100 % (84 to 100), half by 100 (60 to 150)" in text
    assert "fewer than" not in text
    some = [*reached[:12], *[PlayedEpisode(long, {}, 0)] * 8]
    assert "60 % (39 to 78), half by 100 (60 or later)" in comparison_text(compared(mine=some))


def test_episodes_can_be_read_back_from_a_row() -> None:
    played = [
        PlayedEpisode({**STATS, "interventions": {}}, {"route 1": 4}, 0, "00ff"),
        PlayedEpisode({**STATS, "interventions": {"fast_text": 1}, "success": True}, {"forest": 9}, 3),
    ]
    assert from_columns(json.loads(json.dumps(as_columns(played)))) == played


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**12))
def test_training_and_evaluation_seeds_never_meet(seed: int, steps: int) -> None:
    first = environment_seed(seed, steps)
    assert 0 <= first < 2**31 - 1 - 1024
    assert first == environment_seed(seed, steps)


def test_seeds_for_choosing_and_for_reporting_never_meet() -> None:
    from training.evaluate import MOST

    assert FIRST_EVALUATION_SEED > MAX_SEED
    assert MOST < CHOOSING
    assert FIRST_EVALUATION_SEED + (CHOOSING + MOST) * SEEDS_APART < 2**32


def test_table_is_aligned() -> None:
    assert table([("a", "1"), ("long", "1,000")]) == "  a         1\n  long  1,000"
