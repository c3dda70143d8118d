"""Every config in configs/ trains, and runs log exactly the keys that docs/metrics.md defines."""

from __future__ import annotations

import json
import re
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.paths import ROOT
from training.config.loading import load_config
from training.demonstrations.demo_set import DemonstrationSet
from training.runs.summary import RunSummary, run_report
from training.session.flags import TrainFlags
from training.session.plan import make_plan
from training.session.session import train

pytestmark = pytest.mark.slow

NAMES = ("navigation_only", "battle_focused_redesign", "balanced_redesign", "milestone_focused_redesign")
SHIPPED = [ROOT / "configs" / f"{name}.json" for name in (*NAMES, "full_game", "sparse_only")]
# Keys that every run must log, because runs are compared by them.
KEYS = {
    *("rollout/ep_rew_mean", "rollout/ep_len_mean"),
    *("train/episode_return_mean", "train/episode_length_mean", "train/episode_battles_started_mean"),
    *("train/episode_battles_won_mean", "train/episode_steps_to_first_battle", "train/success_rate"),
    *("train/episode_badges_earned_mean", "train/episode_levels_gained_mean"),
    *("train/episode_map_progress_max", "battle_stats/win_rate_mean", "env_stats/coord_count"),
    *(f"reward_components/{name}" for name in ("exploration", "battle", "milestone", "penalty")),
    *("schedule/ent_coef", "schedule/layer_dense", "schedule/layer_sparse", "schedule/layer_very_sparse"),
    *("health/farm_alarm", "health/verdict", "health/finite", "train/approx_kl", "train/clip_fraction"),
    *("train/explained_variance", "train/entropy_loss", "train/value_loss", "perf/env_steps_per_s"),
    *("perf/emulator_share", "perf/inference_share", "perf/learn_share", "perf/rss_mb"),
}
OF_EPISODES = {
    key
    for key in KEYS
    if key.startswith(("rollout/", "train/episode_", "battle_stats/", "env_stats/", "reward_components/"))
} | {"train/success_rate"}
SMALL: dict[str, Any] = {"num_envs": 2, "workers": 1, "n_steps": 16, "batch_size": 16, "device": "cpu"}


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POKERED_RUNS", str(tmp_path / "runs"))


def learn(config: Path, total_steps: int, name: str = "tried") -> RunSummary:
    small = {key: value for key, value in SMALL.items() if key != "workers"}
    return train(make_plan(TrainFlags(config=config, run_name=name, total_steps=total_steps, **small)))


def logged(run: Path) -> EventAccumulator:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return events


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_shipped_config_trains_and_logs_every_key(path: Path) -> None:
    summary = learn(path, 32)
    assert summary.steps == 32
    events = logged(summary.folder)
    found = set(events.Tags()["scalars"])
    assert found >= KEYS - OF_EPISODES
    assert not found & OF_EPISODES, "no episode has ended"
    assert all(isfinite(point.value) for key in found for point in events.Scalars(key))
    assert summary.start == "starter (scripted)"
    repel = summary.interventions.get("repel", 0)
    assert (repel > 0) == load_config(path).repel
    assert f"interventions  {f'repel {repel}' if repel else 'none'}" in re.sub(
        r" {2,}", "  ", run_report(summary)
    )


def described(page: str) -> set[str]:
    """Return the keys that a page names in backticks, with {a,b} expanded."""
    found: set[str] = set()
    for name in re.findall(r"`([a-z_]+/[a-z0-9_{},]+)`", page):
        head, braces, rest = name.partition("{")
        found |= {head + part for part in rest.rstrip("}").split(",")} if braces else {name}
    return found


def test_the_page_of_metrics_defines_what_a_run_logs_and_nothing_else(
    tmp_path: Path, short_set: DemonstrationSet
) -> None:
    config = {
        **SMALL,
        "start": "route1",
        "max_steps": 30,
        "eval_every_steps": 64,
        "eval_episodes": 1,
        "agent_stats_every": 5,
        "clip_range_vf": 10.0,
        "normalize_value": True,
    }
    more: list[dict[str, Any]] = [
        {"intrinsic": {"kind": "counts"}, "archive": {"share": 0.5}},
        {"intrinsic": {"kind": "rnd", "random_steps": 32}},
        {"init": {"demonstrations": str(short_set.folder), "epochs": 1}, "bc_coef": 0.1},
        {"intrinsic": {"kind": "amp", "demonstrations": str(short_set.folder)}},
        {"intrinsic": {"kind": "near", "demonstrations": str(short_set.folder), "n_iters": 20}},
        {"reverse_model": {}},
    ]
    seen = {"battle_stats/win_rate_mean"}  # only once a battle has ended, which takes longer
    for number, extra in enumerate([{}, *more]):
        path = tmp_path / f"all{number}.json"
        path.write_text(json.dumps(config | extra))
        tags = logged(learn(path, 128, path.stem).folder).Tags()
        pictures = {key for key in tags["images"] if not key.startswith("exploration/")}  # one for each map
        seen |= {key for key in tags["scalars"] if not key.startswith("train/start/")} | pictures
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert described(page) == seen
