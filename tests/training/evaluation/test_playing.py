"""Seeds held apart, summaries of episodes, several runs put together, the closing table."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from training.cli.table import table
from training.config.schema import MAX_SEED
from training.evaluation.episode_statistics import as_columns, from_columns, improvement, summarise, together
from training.evaluation.playing import CHOOSING, FIRST_EVALUATION_SEED, SEEDS_APART, PlayedEpisode
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


def test_summary_counts_episodes_that_reach_and_takes_the_median_of_all() -> None:
    played = [
        PlayedEpisode(STATS, {"route 1": 10}),
        PlayedEpisode(STATS, {"route 1": 30}),
        PlayedEpisode(STATS, {}),
    ]
    summary = summarise(played, ["route 1", "forest"])
    assert summary["episodes"] == 3
    assert summary["return_mean"] == summary["return_low"] == summary["return_high"] == 2.0
    assert summary["milestones"]["route 1"]["reached"] == 2
    assert summary["milestones"]["route 1"]["median_actions"] == 30
    assert summary["milestones"]["forest"]["median_actions"] is None
    assert summary["milestones"]["forest"]["rate"] == 0
    assert (summary["success_rate"], summary["success_low"]) == (0, 0)
    assert 0.5 < summary["success_high"] < 0.6


def test_interventions_are_added_up_by_kind_and_their_absence_is_told() -> None:
    helped = [episode(interventions={"fast_text": 2}), episode(interventions={"fast_text": 1, "repel": 4})]
    assert summarise([*helped, episode()], [])["interventions"] == {"fast_text": 3, "repel": 4}
    assert summarise([episode()], [])["interventions"] == {}


def test_runs_that_differ_make_wide_intervals_when_put_together() -> None:
    runs = [[episode(battles_won=won) for _ in range(10)] for won in (0, 4, 8)]
    summary = together(runs, [])
    assert summary["battles_won_mean"] == 4
    assert (summary["runs"], summary["episodes"]) == (3, 30)
    assert summary["battles_won_low"] <= 4 / 3 < 8 - 4 / 3 <= summary["battles_won_high"]
    one = summarise([e for run in runs for e in run], [])
    assert one["battles_won_high"] - one["battles_won_low"] < 3, "as if all were episodes of one run"


def test_rates_of_runs_put_together_keep_what_no_episode_showed() -> None:
    reached = [[PlayedEpisode(STATS, {"forest": 5})] * 10, [PlayedEpisode(STATS, {})] * 10]
    forest = together(reached, ["forest"])["milestones"]["forest"]
    assert (forest["rate"], forest["low"], forest["high"]) == (0.5, 0.0, 1.0)
    never = together([[episode()] * 10, [episode()] * 10], ["forest"])["milestones"]["forest"]
    assert never["high"] > 0.1


def test_improvement_is_told_for_each_figure() -> None:
    ours = [episode(seed, battles_won=3) for seed in (0, 0, 1)]
    theirs = [episode(seed, battles_won=1) for seed in (0, 1, 1)]
    better = improvement(ours, theirs)
    assert better["battles_won"] == (1.0, 1.0, 1.0)
    assert better["return"] == (0.5, 0.5, 0.5)


def test_episodes_come_back_from_a_row() -> None:
    played = [
        PlayedEpisode({**STATS, "interventions": {}}, {"route 1": 4}, 0),
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
