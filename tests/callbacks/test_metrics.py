"""Episode metrics, performance and progress of a run with known numbers."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from callbacks.episode_metrics import MONITORED, EpisodeMetrics, summarise
from callbacks.log_updates import LogUpdates
from callbacks.performance import Performance, resident_megabytes
from callbacks.progress_bar import ProgressBar, duration
from callbacks.run_totals import RunTotals
from tests.callbacks.reading import points

Learn = Callable[..., Any]
Curves = Callable[[], Any]
KEYS = {
    "train/episode_return_mean",
    "train/episode_length_mean",
    "train/episode_battles_started_mean",
    "train/episode_battles_won_mean",
    "train/episode_steps_to_first_battle",
    "train/episode_badges_earned_mean",
    "train/episode_levels_gained_mean",
    "train/episode_map_progress_max",
    "train/success_rate",
    "reward_components/exploration",
    "reward_components/battle",
    "reward_components/milestone",
    "reward_components/penalty",
    "battle_stats/win_rate_mean",
    "env_stats/coord_count",
    "env_stats/interventions_mean",
    "env_stats/implausible",
}


def episode(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "return": 1.0,
        "length": 10,
        "battles_started": 0,
        "battles_won": 0,
        "battles_lost": 0,
        "battles_escaped": 0,
        "steps_to_first_battle": None,
        "badges_earned": 0,
        "levels_gained": 0,
        "map_progress": 0,
        "coord_count": 4,
        "success": False,
        "reward_components": {"exploration": 1.0, "battle": 0.0, "milestone": 0.0, "penalty": 0.0},
    }
    return plain | changes


def test_implausible_steps_are_a_mean_over_episodes() -> None:
    """Episodes of a checkpoint from before they were counted had none."""
    assert summarise([episode(implausible=5), episode()])["env_stats/implausible"] == 2.5


def test_summary_of_known_episodes() -> None:
    found = summarise(
        [
            episode(map_progress=3, battles_started=4, battles_won=1, battles_lost=1, battles_escaped=2),
            episode(success=True, steps_to_first_battle=8, map_progress=1) | {"return": 4.0},
        ]
    )
    assert set(found) == KEYS
    assert found["train/episode_return_mean"] == 2.5
    assert found["train/success_rate"] == 0.5
    assert found["train/episode_steps_to_first_battle"] == 8
    assert found["train/episode_map_progress_max"] == 3
    assert found["battle_stats/win_rate_mean"] == 0.25
    assert found["reward_components/exploration"] == 1.0


def test_keys_without_data_are_omitted() -> None:
    assert summarise([]) == {}
    assert KEYS - set(summarise([episode()])) == {
        "train/episode_steps_to_first_battle",
        "battle_stats/win_rate_mean",
    }


def test_every_dump_has_every_key_once(learn: Learn, curves: Curves) -> None:
    metrics = EpisodeMetrics(window=3)
    learn([metrics, LogUpdates()], steps=512)
    assert metrics.episodes == 2 * (256 // 24)
    assert len(metrics.recent) == 3
    assert set(curves().Tags()["scalars"]) >= KEYS | {"rollout/ep_rew_mean", "train/approx_kl"}
    steps = [step for step, _ in points(curves, "train/episode_return_mean")]
    assert steps == list(range(64, 513, 64))
    assert all(math.isfinite(value) for key in MONITORED for _, value in points(curves, key))
    last = points(curves, "train/episode_return_mean")[-1][1]
    assert last == pytest.approx(sum(e["return"] for e in metrics.recent) / 3)


def test_performance_times_stock_ppo_from_outside(learn: Learn, curves: Curves) -> None:
    performance = Performance()
    model = learn([performance, LogUpdates()])
    shares = {name: performance.last[f"perf/{name}_share"] for name in ("inference", "emulator", "learn")}
    assert all(share > 0 for share in shares.values())
    assert sum(shares.values()) < 1
    assert performance.last["perf/env_steps_per_s"] > 0
    assert 50 < performance.last["perf/rss_mb"] < 50_000
    assert [step for step, _ in points(curves, "perf/learn_share")] == [64, 128, 192, 256]
    assert "step_wait" not in vars(model.env)
    assert "forward" not in vars(model.policy)


def test_memory_counts_this_process() -> None:
    assert resident_megabytes() > 10


def test_progress_writes_lines_without_a_terminal(learn: Learn) -> None:
    out = io.StringIO()
    progress = ProgressBar(256, line_every_s=0.0, stream=out)
    learn([progress])
    lines = out.getvalue().splitlines()
    assert len(lines) == 129
    assert re.fullmatch(
        r"256 of 256 steps \(100%\), [\d,]+ steps/s, 0:00 left, mean return \d+\.\d\d,"
        r" battles \d+ in \d+ episodes",
        lines[-1],
    )
    assert "mean return -" in lines[0]


def test_progress_is_quiet_between_lines(learn: Learn) -> None:
    out = io.StringIO()
    learn([ProgressBar(256, line_every_s=3600.0, stream=out)])
    assert len(out.getvalue().splitlines()) == 1


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_draws_a_bar_on_a_terminal(learn: Learn) -> None:
    out = Terminal()
    learn([ProgressBar(256, stream=out)])
    assert "100%" in out.getvalue()
    assert "256/256 steps" in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_battles_of_running_and_finished_episodes_are_counted_once(learn: Learn) -> None:
    progress, metrics = ProgressBar(512, stream=io.StringIO()), EpisodeMetrics()
    learn([progress, metrics], steps=2 * 24 * 4, n_steps=24, batch_size=24)
    assert progress.battles == metrics.battles > 0


def test_durations() -> None:
    assert [duration(s) for s in (0, 59.6, 61, 3600, 36_061)] == [
        "0:00",
        "1:00",
        "1:01",
        "1:00:00",
        "10:01:01",
    ]


def test_the_bar_counts_what_the_closing_table_counts(learn: Learn) -> None:
    """The bar added battles of running episodes, so that it showed 151 where the table had 114."""
    progress, totals = ProgressBar(320, stream=io.StringIO()), RunTotals()
    learn([progress, totals], steps=320)
    assert (progress.battles, progress.episodes) == (
        totals.counts["battles_started"],
        totals.counts["episodes"],
    )
    assert totals.counts["episodes"] == 2 * (160 // 24)
    again = ProgressBar(320, stream=io.StringIO())
    again.restore(json.loads(json.dumps(progress.snapshot())))
    assert (again.battles, again.episodes) == (progress.battles, progress.episodes)
