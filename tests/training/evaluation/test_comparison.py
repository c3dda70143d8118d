"""Evaluation as processes: training is not disturbed by it, runs are compared and put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.training.conftest import TINY, Program
from tests.training.evaluation.test_playing import STATS
from training.checkpoints.writing import TRAINER
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.evaluation.episode_statistics import as_columns
from training.evaluation.players import random_choice
from training.evaluation.playing import Interrupted, PlayedEpisode, play_episodes
from training.evaluation.protocol import Rules, known_play
from training.event_logs.curves import mean_curve, read_curve
from training.make_env import make_vec_env


@pytest.fixture(scope="module")
def three(program: Program, tiny: Path, runs: Path) -> Path:
    """Runs of one config: e1, the same with evaluations in between (e1-watched), and e2 of another seed."""
    short = ("--config", tiny, "--total-steps", 256)
    watched = ("--eval-every-steps", 64)
    for name, flags in (("e1", ()), ("e1-watched", watched), ("e2", ("--seed", 7))):
        done = program("train_ppo", *short, "--run-name", name, *flags)
        assert done.returncode == 0, done.stderr
    return runs


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "eval.jsonl").read_text().splitlines()]


def test_evaluations_in_between_change_nothing_of_training(three: Path) -> None:
    """Weights, moments and every random generator are the same to the bit with and without them."""
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


def test_runs_of_one_config_are_put_together(three: Path, program: Program, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "both.png"
    flags = ("--episodes", 2, "--device", "cpu", "--picture", picture)
    done = program("evaluate", "e1", "e2", *flags)
    assert done.returncode == 0, done.stderr
    assert "e1 at 256 steps, e2 at 256 steps, stochastic, 2 episodes each from bedroom" in done.stdout
    assert "together" in done.stdout
    assert "an episode of e2 beats one of random with probability: return" in done.stdout
    assert "with fewer than 20 episodes the intervals of means are too narrow" in done.stdout
    with Image.open(picture) as drawn:
        assert drawn.width > 1000
    assert not (three / "e1" / "eval.png").exists()
    assert [row["run"] for row in rows(three / "e1")] == ["e1", None]
    assert [row["run"] for row in rows(three / "e2")] == ["e2"]
    assert rows(three / "e2")[0]["improvement"]["random"]["return"][0] >= 0


def test_another_config_plays_by_the_first_ones_rules(three: Path, program: Program, tmp_path: Path) -> None:
    """The rival sees and pays attention to other things, and trained with other episodes."""
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


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["e1", "e2", "--against", "e1"], "--against goes with one RUN, not with 2"),
        (["e1", "--picture", "x.jpg"], "--picture x.jpg must end in .png"),
        (["e1", "rival"], "run rival is of another config than e1 (max_steps: 40 -> 20, network.hidden:"),
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


def test_random_play_that_is_known_is_not_played_again(three: Path, tmp_path: Path) -> None:
    config = load_config(three / "e1" / "config.json")
    rules = Rules.of(resolve_task(config), episodes=2, seeds=1, num_envs=2)
    played = [PlayedEpisode({**STATS, "interventions": {}}, {"route 1": 3}, 0)]
    told = [{"policy": "random", "digest": "x", "values": as_columns(played)}, {"policy": "stochastic"}]
    (tmp_path / "eval.jsonl").write_text("\n".join(json.dumps(row) for row in told) + '\n{"cut')
    assert known_play(tmp_path, "random", Rules(rules.record, "x")) == played
    assert known_play(tmp_path, "random", Rules(rules.record, "y")) is None
    assert known_play(tmp_path, "random", Rules(rules.record, None)) is None, "code that no commit has"
    assert known_play(tmp_path, "stochastic", Rules(rules.record, "x")) is None


def test_rules_differ_where_episodes_do_and_only_there(three: Path) -> None:
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


def test_playing_can_be_stopped_and_the_games_be_used_again(three: Path) -> None:
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


def test_the_mean_of_curves_is_taken_where_all_have_values(three: Path) -> None:
    curves = [read_curve(three / name, "train/approx_kl") for name in ("e1", "e2")]
    steps, values = mean_curve(curves)
    assert steps.tolist() == [64, 128, 192, 256]
    assert values[0] == pytest.approx((curves[0][1][0] + curves[1][1][0]) / 2)
    assert len(read_curve(three / "e1", "no/such_key")[0]) == 0
