"""End-to-end training on the embedded cartridge in real processes: learn, stop, resume, evaluate."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.conftest import TINY, Program, Result
from tests.training.forked import Forker, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stopped(program: Program, tiny: Path) -> Result:
    """The run "whole", stopped in the middle."""
    return program("train_ppo", "--config", tiny, "--run-name", "whole", "--stop-after", 100, fresh=True)


@pytest.fixture(scope="module")
def resumed(program: Program, stopped: Result) -> Result:
    """The run "whole", resumed and finished."""
    assert stopped.returncode == 0, stopped.stderr
    return program("train_ppo", "--resume", "whole")


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_stopped_run_says_how_to_continue(stopped: Result, runs: Path) -> None:
    assert stopped.returncode == 0, stopped.stderr
    assert "stopped by --stop-after 100; go on with --resume whole" in stopped.stdout
    assert _json(runs / "whole" / "checkpoints" / "128" / "trainer.json")["steps"] == 128


def test_resumed_run_ends_with_everything_in_its_folder(resumed: Result, runs: Path) -> None:
    assert resumed.returncode == 0, resumed.stderr
    folder = runs / "whole"
    assert _json(folder / "checkpoints" / "final" / "trainer.json")["steps"] == 256
    counts = _json(folder / "checkpoints" / "final" / "trainer.json")["extra"]["counts"]
    assert counts["updates"] == 4
    assert counts["episodes"] == 6, "each game plays 128 steps in all, 40 make an episode"
    config, manifest = _json(folder / "config.json"), _json(folder / "manifest.json")
    assert {key: config[key] for key in TINY if key != "rewards"} == {
        k: TINY[k] for k in TINY if k != "rewards"
    }
    assert config["rewards"]["exploration_new_tile"] == 0.1
    assert [session["from_steps"] for session in manifest["sessions"]] == [0, 128]
    assert len(manifest["rom_sha1"]) == 40
    assert manifest["sessions"][0]["versions"]["stable-baselines3"]
    assert _json(folder / "health.json")["verdict"]
    assert (folder / "agent_stats.npz").is_file()


def test_closing_table_has_the_results(resumed: Result) -> None:
    shown = resumed.stdout
    rows = ("steps ", "steps/s", "PPO updates", "episodes", "battles started", "badges", "KL divergence")
    for row in (*rows, "clip fraction", "explained variance", "health", "tensorboard --logdir"):
        assert row in shown, row


def test_tensorboard_has_the_keys(resumed: Result, runs: Path) -> None:
    assert resumed.returncode == 0
    events = EventAccumulator(str(runs / "whole" / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    wanted = """rollout/ep_rew_mean rollout/ep_len_mean train/approx_kl train/clip_fraction train/entropy_loss
    train/explained_variance train/value_loss train/episode_return_mean train/episode_length_mean
    train/episode_battles_started_mean train/episode_battles_won_mean train/episode_badges_earned_mean
    train/episode_levels_gained_mean train/episode_map_progress_max train/success_rate
    reward_components/exploration reward_components/battle reward_components/milestone
    reward_components/penalty env_stats/coord_count schedule/ent_coef health/verdict
    perf/env_steps_per_s perf/emulator_share perf/inference_share perf/learn_share perf/rss_mb"""
    assert [tag for tag in wanted.split() if tag not in tags] == []
    assert "trajectory/explore_sum" in events.Tags()["images"]
    steps = [event.step for event in events.Scalars("train/approx_kl")]
    assert steps == sorted(set(steps)), "no point is doubled by the resume"


def test_a_finished_or_changed_run_is_not_resumed_silently(
    resumed: Result, refused: Callable[..., str], tiny: Path
) -> None:
    assert resumed.returncode == 0
    assert "has completed all its 256 steps" in refused("train_ppo", "--resume", "whole")
    line = refused("train_ppo", "--resume", "whole", "--gamma", "0.5", "--total-steps", "512")
    assert "settings differ from its own (gamma: 0.997 -> 0.5, total_steps: 256 -> 512)" in line
    assert "whole exists already" in refused("train_ppo", "--config", tiny, "--run-name", "whole")


def test_accepted_changes_are_kept(resumed: Result, program: Program, runs: Path) -> None:
    assert resumed.returncode == 0
    flags = ("--total-steps", 320, "--learning-rate", 0.001, "--accept-changes")
    result = program("train_ppo", "--resume", "whole", *flags)
    assert result.returncode == 0, result.stderr
    assert _json(runs / "whole" / "config.json")["learning_rate"] == 0.001
    trainer = _json(runs / "whole" / "checkpoints" / "final" / "trainer.json")
    assert trainer["steps"] == 320
    assert trainer["optimizer_groups"][0]["lr"] == 0.001


def test_evaluation_compares_with_random_buttons(resumed: Result, program: Program, runs: Path) -> None:
    assert resumed.returncode == 0
    result = program("evaluate", "whole", "--episodes", 3, "--seeds", 2, "--device", "cpu", fresh=True)
    assert result.returncode == 0, result.stderr
    assert "6 episodes each from bedroom" in result.stdout
    assert "never reached: starter" in result.stdout
    assert "interventions: none" in result.stdout
    rows = [json.loads(line) for line in (runs / "whole" / "eval.jsonl").read_text().splitlines()]
    assert [row["policy"] for row in rows] == ["stochastic", "random"]
    assert all(row["episodes"] == 6 and row["length_mean"] == 40 for row in rows)
    assert rows[0]["milestones"]["badge1"] == {
        "reached": 0, "rate": 0.0, "low": 0.0, "high": pytest.approx(0.3903, abs=1e-4),
        "median_actions": None, "median_low": None, "median_high": None,
    }  # fmt: skip


def test_evaluation_can_play_longer_episodes_than_training(
    resumed: Result, program: Program, runs: Path
) -> None:
    assert resumed.returncode == 0
    result = program("evaluate", "whole", "--episodes", 1, "--max-steps", 50, "--device", "cpu")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in (runs / "whole" / "eval.jsonl").read_text().splitlines()]
    assert [row["length_mean"] for row in rows[-2:]] == [50, 50]
    wrong = program("evaluate", "whole", "--max-steps", 0, "--device", "cpu")
    assert wrong.returncode == 2 and "--max-steps 0 is out of range" in wrong.stderr


def test_weights_start_another_run_with_evaluation_and_processes(
    resumed: Result, program: Program, tiny: Path, tmp_path: Path, runs: Path
) -> None:
    assert resumed.returncode == 0
    config = tmp_path / "child.json"
    config.write_text(
        json.dumps({"extends": str(tiny), "workers": 2, "eval_episodes": 1, "total_steps": 128})
    )
    flags = ("--init-from", "whole", "--eval-every-steps", 64, "--torch-deterministic", "--seed", 3)
    result = program("train_ppo", "--config", config, "--run-name", "child", *flags)
    assert result.returncode == 0, result.stderr
    trainer = _json(runs / "child" / "checkpoints" / "final" / "trainer.json")
    assert (trainer["steps"], trainer["extra"]["counts"]["updates"]) == (128, 2), "a fresh count"
    rows = [json.loads(line) for line in (runs / "child" / "eval.jsonl").read_text().splitlines()]
    assert [row["steps"] for row in rows] == [64, 128]
    assert (runs / "child" / "checkpoints" / "best" / "policy.safetensors").is_file()
    assert "whole" in _json(runs / "child" / "manifest.json")["init_from"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_cleanly(
    forker: Forker, tiny: Path, runs: Path, number: signal.Signals
) -> None:
    name = f"signal-{number.name}"
    flags = ("--config", tiny, "--run-name", name, "--total-steps", 1_000_000, "--workers", 2)
    child = forker.start(*flags, before="import os; os.setsid()")
    checkpoint = runs / name / "checkpoints" / "64"
    wait_for(lambda: checkpoint.is_dir() or child.ended)
    if number == signal.SIGINT:  # a terminal sends Ctrl-C to every process of the program
        os.killpg(child.pid, number)
    else:
        child.kill(number)
    assert child.wait() == 0, child.errors
    assert f"stopped by {number.name}; go on with --resume {name}" in child.shown
    assert "Traceback" not in child.errors
    steps = max(int(path.name) for path in (runs / name / "checkpoints").iterdir())
    assert steps % 64 == 0, "only whole rollouts count"
