"""Evaluation as processes: it does not disturb training, and runs are compared and combined."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.training.conftest import TINY, Program
from tests.training.evaluation.test_playing import STATS
from training.checkpoints.writing import TRAINER
from training.cli.parsing import UsageError
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.evaluate import main
from training.evaluation.episode_statistics import as_columns
from training.evaluation.players import random_choice
from training.evaluation.playing import Interrupted, PlayedEpisode, play_episodes
from training.evaluation.protocol import Rules, known_play
from training.event_logs.curves import mean_curve, read_curve
from training.make_env import make_vec_env

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def three(program: Program, tiny: Path, runs: Path) -> Path:
    """Runs of one config: e1, e1-watched (the same with evaluations), and e2 with another seed."""
    short = ("--config", tiny, "--total-steps", 256)
    watched = ("--eval-every-steps", 64)
    for name, flags in (("e1", ()), ("e1-watched", watched), ("e2", ("--seed", 7))):
        done = program("train_ppo", *short, "--run-name", name, *flags)
        assert done.returncode == 0, done.stderr
    return runs


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "eval.jsonl").read_text().splitlines()]


def test_evaluations_do_not_change_training(three: Path) -> None:
    """Weights, moments and every random generator are identical with and without them."""
    plain, watched = (
        json.loads((three / name / "checkpoints" / "final" / TRAINER).read_text())
        for name in ("e1", "e1-watched")
    )
    assert [row["steps"] for row in rows(three / "e1-watched")] == [64, 128, 192, 256]
    for name in ("policy.safetensors", "optimizer.safetensors"):
        assert plain["sha256"][name] == watched["sha256"][name]
    assert plain["random"] == watched["random"]
    returns = [read_curve(three / name, "train/episode_return_mean") for name in ("e1", "e1-watched")]
    assert returns[0][1].tolist() == returns[1][1].tolist()
    assert returns[0][0].tolist() == [128, 192, 256], "no episode had ended at 64"
    assert plain["sha256"]["environments.safetensors"] == watched["sha256"]["environments.safetensors"]
    other = json.loads((three / "e2" / "checkpoints" / "final" / TRAINER).read_text())
    assert other["sha256"]["policy.safetensors"] != plain["sha256"]["policy.safetensors"]


def test_runs_of_one_config_are_combined(three: Path, program: Program, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "both.png"
    flags = ("--episodes", 2, "--device", "cpu", "--picture", picture)
    done = program("evaluate", "e1", "e2", *flags)
    assert done.returncode == 0, done.stderr
    assert "e1 at 256 steps, e2 at 256 steps, stochastic, 2 episodes each from bedroom" in done.stdout
    assert "together" in done.stdout
    assert "an episode of e2 beats one of random with probability: return" in done.stdout
    assert "an episode of the runs together beats one of random with probability: return" in done.stdout
    assert "fewer than 20 independent episodes: intervals of means cover less than 95 %" in done.stdout
    assert "fewer than 5 runs: intervals are wide" in done.stdout
    with Image.open(picture) as drawn:
        assert drawn.width > 1000
    assert not (three / "e1" / "eval.png").exists()
    assert [row["run"] for row in rows(three / "e1")] == ["e1", None]
    assert [row["run"] for row in rows(three / "e2")] == ["e2"]
    assert rows(three / "e2")[0]["improvement"]["random"]["return"][0] >= 0


def test_another_config_plays_by_the_rules_of_the_first(
    three: Path, program: Program, tmp_path: Path
) -> None:
    """The rival has other observations and another network, and trained on other episodes."""
    config = {**TINY, "observations": ["screen", "facing"], "max_steps": 20, "network": {"hidden": [16]}}
    path = tmp_path / "rival.json"
    path.write_text(json.dumps(config))
    trained = program("train_ppo", "--config", path, "--run-name", "rival", "--total-steps", 64)
    assert trained.returncode == 0, trained.stderr
    done = program("evaluate", "e2", "--against", "rival", "--episodes", 1, "--seeds", 2, "--greedy")
    assert done.returncode == 0, done.stderr
    assert "an episode of e2 beats one of rival with probability" in done.stdout
    ours, theirs, random = rows(three / "e2")[-3:]
    assert [row["run"] for row in (ours, theirs, random)] == ["e2", "rival", None]
    assert ours["length_mean"] == theirs["length_mean"] == random["length_mean"] == 40
    assert ours["policy"] == "greedy"
    assert ours["policy_sha256"] != theirs["policy_sha256"]
    assert ours["values"]["seed"] == [0, 1]
    assert (three / "e2" / "eval.png").is_file()


def test_a_greedy_policy_has_at_most_one_episode_per_wait(
    three: Path, program: Program, tmp_path: Path
) -> None:
    picture = tmp_path / "greedy.png"
    done = program("evaluate", "e1", "--episodes", 40, "--greedy", "--picture", picture)
    assert done.returncode == 0, done.stderr
    ours, random = rows(three / "e1")[-2:]
    assert ours["episodes"] == random["episodes"] == random["different"] == random["effective"] == 40
    assert ours["effective"] <= ours["different"] == len(set(ours["values"]["trajectory"])) <= 31
    assert f"e1: only {ours['different']} of its 40 episodes are different, worth " in done.stdout
    assert "random: only" not in done.stdout
    assert picture.is_file()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["e1", "e2", "--against", "e1"], "--against needs exactly one RUN, not 2"),
        (["e1", "--picture", "x.jpg"], "--picture x.jpg must end in .png"),
        (["e1", "rival"], "run rival has a different config than e1 (max_steps: 40 -> 20, network.hidden:"),
        (["e1", "--checkpoint", "77"], "run e1 has no checkpoint 77; it has 0, 128, 192"),
        (["e1", "--start", "nowhere"], 'start "nowhere": neither a start of clover'),
    ],
)
def test_wrong_commands(three: Path, refused: Callable[..., str], flags: list[str], line: str) -> None:
    if "rival" in flags:
        changes = {"max_steps": 20, "network": {"hidden": [16]}}
        folder = three / "rival"
        if not folder.is_dir():
            folder.mkdir()
            config = load_config(three / "e1" / "config.json", changes)
            (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    assert line in refused("evaluate", *flags)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--watch", "--picture", "x.png"], "--picture has no effect with --watch"),
        (["--watch", "--num-envs", "2"], "--num-envs has no effect with --watch"),
        (["--watch", "--against", "other"], "--against has no effect with --watch"),
        (["--picture", "{here}/file/x.png"], "{here}/file is not a folder"),
        (["--picture", "{here}/folder.png"], "{here}/folder.png is a folder"),
    ],
)
def test_flags_are_checked_before_anything_is_read(tmp_path: Path, flags: list[str], line: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match=re.escape(line.format(here=tmp_path))):
        main(["no run", *(flag.format(here=tmp_path) for flag in flags)])


def test_known_random_play_is_reused(three: Path, tmp_path: Path) -> None:
    config = load_config(three / "e1" / "config.json")
    rules = Rules.of(resolve_task(config), episodes=2, seeds=1, num_envs=2)
    played = [PlayedEpisode({**STATS, "interventions": {}}, {"route 1": 3}, 0, "4f")]
    lines = [{"policy": "random", "digest": "x", "values": as_columns(played)}, {"policy": "stochastic"}]
    whole = "\n".join(json.dumps(row) for row in lines).encode()
    (tmp_path / "eval.jsonl").write_bytes(whole + b'\n{"cut \xe9')
    assert known_play(tmp_path, "random", Rules(rules.record, "x")) == played
    assert known_play(tmp_path, "random", Rules(rules.record, "y")) is None
    assert known_play(tmp_path, "random", Rules(rules.record, None)) is None, "uncommitted code"
    assert known_play(tmp_path, "stochastic", Rules(rules.record, "x")) is None


def test_rules_differ_only_where_episodes_do(three: Path) -> None:
    def settings(**changes: Any) -> Any:
        changed = load_config(three / "e1" / "config.json", changes)
        return Rules.of(resolve_task(changed), 2, 1, 2).record["settings"]

    plain = settings()
    for changes in (
        *({"seed": 5}, {"n_steps": 64}, {"learning_rate": 0.1}, {"network": {"hidden": [8]}}),
        *({"tags": ["first"]}, {"mlflow": True}, {"bfloat16": True}, {"health": {"memory": "stop"}}),
        *({"record_every": 0}, {"agent_id": "other"}, {"farm_alarm_share": 0.5}),
    ):
        assert settings(**changes) == plain, changes
    for changes in ({"max_steps": 41}, {"rewards": {"penalty_step": -1.0}}, {"fast_text": True}):
        assert settings(**changes) != plain, changes


def test_playing_can_be_stopped_and_the_environments_reused(three: Path) -> None:
    env = make_vec_env(load_config(three / "e1" / "config.json"), 2)
    asked = iter([False] * 7 + [True])
    try:
        with pytest.raises(Interrupted):
            play_episodes(env, random_choice(env, 0), 2, 0, lambda: next(asked))
        played = [play_episodes(env, random_choice(env, 0), 3, 0) for _ in range(2)]
    finally:
        env.close()
    assert len(played[0]) == 3
    assert played[0] == played[1], "one seed, one game"


def test_the_mean_of_curves_covers_the_steps_that_all_have(three: Path) -> None:
    curves = [read_curve(three / name, "train/approx_kl") for name in ("e1", "e2")]
    steps, values = mean_curve(curves)
    assert steps.tolist() == [64, 128, 192, 256]
    assert values[0] == pytest.approx((curves[0][1][0] + curves[1][1][0]) / 2)
    assert len(read_curve(three / "e1", "no/such_key")[0]) == 0
