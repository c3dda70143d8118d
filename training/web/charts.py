"""Charts of the run and comparison pages; their zones are the bounds of the health rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callbacks.health.bounds import (
    CLIP_BAD,
    CLIP_HIGH,
    CLIP_LOW,
    KL_BAD,
    KL_WARNING,
    VARIANCE_AIM,
    VARIANCE_BAD,
    VARIANCE_LATE,
    VARIANCE_POOR,
    VERDICTS,
    ZONES,
    Zone,
)
from envs.reward_components import COMPONENTS


@dataclass(frozen=True)
class Chart:
    """One chart: title, keys, and zones (from, to, level) drawn behind the curves. ``span`` is the range of
    the y axis (None: automatic)."""

    title: str
    keys: Sequence[str]
    zones: Sequence[Zone] = ()
    note: str = ""
    span: tuple[float, float] | None = None


LEARNING = (
    Chart("Episode return", ["train/episode_return_mean", "eval/mean_return"]),
    Chart("Battles per episode", ["train/episode_battles_started_mean", "train/episode_battles_won_mean"]),
    Chart("Furthest place", ["train/episode_map_progress_max"], note="in the game's order of progress"),
    Chart("Badges and success", ["train/episode_badges_earned_mean", "train/success_rate"]),
    Chart("Levels gained", ["train/episode_levels_gained_mean"]),
    Chart("Tiles visited", ["env_stats/coord_count"]),
)
REWARD = (
    Chart(
        "Reward by component", [f"reward_components/{name}" for name in COMPONENTS], note="sum per episode"
    ),
    Chart("Episode length (steps)", ["train/episode_length_mean"]),
)
HEALTH = (
    Chart(
        "KL divergence",
        ["train/approx_kl"],
        ZONES["approx_kl"],
        f"good below {KL_WARNING}, bad above {KL_BAD}",
    ),
    Chart(
        "Clip fraction",
        ["train/clip_fraction"],
        ZONES["clip_fraction"],
        f"good from {CLIP_LOW} to {CLIP_HIGH}, bad above {CLIP_BAD}",
    ),
    Chart(
        "Explained variance",
        ["train/explained_variance"],
        ZONES["explained_variance"],
        f"aim above {VARIANCE_AIM}; below {VARIANCE_BAD} it must at least rise,"
        f" below {VARIANCE_POOR} is a warning after {VARIANCE_LATE // 10**6}M steps",
    ),
    Chart(
        "Entropy (negative)",
        ["train/entropy_loss"],
        note="rises towards 0 as the policy becomes deterministic",
    ),
    Chart("Value loss", ["train/value_loss"]),
    Chart(
        "Verdict",
        ["health/verdict"],
        [(None, 0.5, "good"), (0.5, 1.5, "warning"), (1.5, None, "bad")],
        ", ".join(f"{number} {word}" for number, word in enumerate(VERDICTS)),
        (-0.2, 2.2),
    ),
)
SPEED = (
    Chart("Steps per second", ["perf/env_steps_per_s"]),
    Chart(
        "Shares of time", [f"perf/{part}_share" for part in ("emulator", "inference", "learn")], span=(0, 1)
    ),
    Chart("Memory", ["perf/rss_mb"], note="MB, workers included"),
    Chart("Entropy coefficient", ["schedule/ent_coef"]),
    Chart("Learning rate", ["train/learning_rate"]),
    Chart("Clip range", ["train/clip_range"]),
)
LATE = "Speed and schedules"
"""Heading of what changes little; it comes last."""
SECTIONS = (("Learning", LEARNING), ("Reward", REWARD), ("Health", HEALTH), (LATE, SPEED))

COMPARED = (
    Chart("Battles won", ["train/episode_battles_won_mean"]),
    Chart("Furthest place", ["train/episode_map_progress_max"]),
    Chart("KL divergence", ["train/approx_kl"], ZONES["approx_kl"]),
    Chart("Clip fraction", ["train/clip_fraction"], ZONES["clip_fraction"]),
    Chart("Explained variance", ["train/explained_variance"], ZONES["explained_variance"]),
    Chart("Steps per second", ["perf/env_steps_per_s"]),
)
FIRST = "train/episode_return_mean"


def chosen_chart(keys: Sequence[str]) -> Chart:
    """Return the chart with the key menu, showing its initial key."""
    key = FIRST if FIRST in keys else next(iter(keys), "")
    return Chart(key, [key])


def charts_of(keys: Sequence[str]) -> list[tuple[str, list[Chart]]]:
    """Return the sections of charts that have a key in ``keys``; all of them while there are no keys."""
    known = set(keys)
    found = [
        (heading, [chart for chart in charts if not known or known & set(chart.keys)])
        for heading, charts in SECTIONS
    ]
    return [(heading, charts) for heading, charts in found if charts]
