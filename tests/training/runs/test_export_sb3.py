"""Tests of exported policies: plain stable-baselines3 without this project chooses the same actions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.training.conftest import TINY, Program
from tests.training.forked import Forker
from tests.training.stranger import LOADS_THE_EXPORT
from training.checkpoints.writing import read_checkpoint
from training.config.loading import load_config
from training.environments.local import env_makers
from training.environments.task import resolve_task
from training.evaluation.players import load_policy

pytestmark = pytest.mark.slow

NORMALIZED = {
    "normalize_value": True,
    "normalize_input": True,
    "reward_scale": 1000,
    "network": {"separate": True, "activation": "tanh"},
}
# A program that cannot import this project.
STRANGER = (
    LOADS_THE_EXPORT
    + """
observations = dict(np.load(sys.argv[2]))
actions, _ = model.predict(observations, deterministic=True)
values = model.policy.predict_values(model.policy.obs_to_tensor(observations)[0])
moments = len(model.policy.optimizer.state_dict()["state"])
print(json.dumps([actions.tolist(), values.flatten().tolist(), model.num_timesteps, moments, model.ent_coef]))
"""
)


@pytest.fixture(scope="module")
def run(program: Program, tiny: Path, runs: Path) -> Path:
    """A run of two updates, exported at its end."""
    out = runs / "while-training.zip"
    result = program("train_ppo", "--config", tiny, "--run-name", "exported", "--total-steps", 128,
                     "--ent-coef", 0.02, "--export-sb3", out)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert f"{out}: exported, 128 steps" in result.stdout
    return runs / "exported"


def test_plain_stable_baselines3_chooses_the_same_actions(
    program: Program, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "policy.zip"
    result = program("export_sb3", run.name, "--out", out, fresh=True)
    assert result.returncode == 0, result.stderr
    _choose_alike(run, [out, run.parent / "while-training.zip"], tmp_path)


def test_an_export_has_statistics(program: Program, runs: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "normalized.json", tmp_path / "policy.zip"
    config.write_text(json.dumps({**TINY, "total_steps": 128, "ent_coef": 0.02, **NORMALIZED}))
    for command in (["train_ppo", "--config", config, "--run-name", "statistics"],
                    ["export_sb3", "statistics", "--out", out]):  # fmt: skip
        result = program(*command)
        assert result.returncode == 0, result.stderr
    _choose_alike(runs / "statistics", [out], tmp_path)


def _choose_alike(run: Path, zips: list[Path], tmp_path: Path) -> None:
    """Check that a program without this project finds in ``zips`` the policy that ``run`` ends with."""
    config = load_config(run / "config.json")
    env = DummyVecEnv(env_makers(resolve_task(config), 2))
    ours = load_policy(config, env, read_checkpoint(run / "checkpoints" / "final"))
    env.seed(5)
    seen = [env.reset()]
    for _ in range(12):
        seen.append(env.step(ours.predict(seen[-1], deterministic=True)[0])[0])
    env.close()
    observations = {name: np.concatenate([one[name] for one in seen]) for name in seen[0]}
    np.savez(tmp_path / "seen.npz", **observations)
    actions, _ = ours.predict(observations, deterministic=True)
    values = ours.policy.predict_values(ours.policy.obs_to_tensor(observations)[0]).flatten().tolist()
    for path in zips:
        done = subprocess.run(
            [sys.executable, "-c", STRANGER, str(path), str(tmp_path / "seen.npz")],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        their_actions, their_values, steps, moments, ent_coef = json.loads(done.stdout)
        assert their_actions == actions.tolist()
        assert their_values == pytest.approx(values, rel=1e-6, abs=1e-6)
        assert (steps, ent_coef) == (128, 0.02)
        assert moments == len(ours.policy.optimizer.param_groups[0]["params"])


PLAYER = """
import sys, resource
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]), int(sys.argv[3])))
import numpy as np
from stable_baselines3 import PPO
model = PPO.load(sys.argv[1], device="cpu")
actions, _ = model.predict(dict(np.load(sys.argv[2])), deterministic=True)
print(model.n_steps, len(actions), "observations" in vars(model.rollout_buffer))
model.rollout_buffer.buffer_size = 8
model.rollout_buffer.reset()
print({name: array.shape[:2] for name, array in model.rollout_buffer.observations.items()}["screen"])
"""
"""Plays with an exported model in little memory, then allocates a short rollout buffer as learning does."""


def test_a_run_of_long_rollouts_is_exported_and_played_in_little_memory(
    run: Path, forker: Forker, tmp_path: Path
) -> None:
    """Its rollout buffer has 16 GB, for a process that may have 6."""
    long = run.parent / "long"
    shutil.copytree(run, long)
    settings = json.loads((long / "config.json").read_text())
    (long / "config.json").write_text(json.dumps({**settings, "n_steps": 400_000, "total_steps": 800_000}))
    out, most = tmp_path / "long.zip", 6 << 30
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({most}, {most}))"
    child = forker.run("long", "--out", out, program="export_sb3", before=limit)
    assert f"{out}: long, 128 steps" in child.shown
    env = DummyVecEnv(env_makers(resolve_task(load_config(run / "config.json")), 1))
    np.savez(tmp_path / "seen.npz", **env.reset())  # type: ignore[arg-type]
    env.close()
    done = subprocess.run(
        [sys.executable, "-c", PLAYER, str(out), str(tmp_path / "seen.npz"), str(most)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["400000 1 False", "(8, 1)"]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["nothing"], "run nothing does not exist"),
        (["exported", "--out", "policy.pt"], "--out policy.pt must end in .zip"),
        (["exported", "--out", "no/such/policy.zip"], "there is no folder no/such"),
        (["exported", "--checkpoint", "../x"], "run exported has no checkpoint ../x"),
    ],
)
def test_mistakes_are_one_line(run: Path, refused: Callable[..., str], flags: list[str], line: str) -> None:
    assert line in refused("export_sb3", *flags)
    assert run.is_dir()
