"""Runs of policies with memory, as users start them: resumed exactly, evaluated, replayed, exported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.training.conftest import Program
from tests.training.forked import Forker
from tests.training.policies.recurrent import page_example
from tests.training.session.test_resume import EXACT, episodes, same_in_everything
from tests.training.stranger import LOADS_THE_EXPORT
from training.checkpoints.reading import read_checkpoint
from training.config.loading import load_config
from training.environments.local import env_makers
from training.environments.task import resolve_task
from training.evaluation.players import load_policy

pytestmark = pytest.mark.slow

KINDS: dict[str, dict[str, Any]] = {
    "gru": {"kind": "remember.py:Gru", "settings": {"width": 16}, "sequence": 8},
    "lstm": {"kind": "lstm", "width": 16, "separate": True},
    "gpt2": {"kind": "gpt2", "max_input_states": 6, "d_model": 16, "num_layers": 2, "num_heads": 2},
}
# A program that cannot import this project.
STRANGER = (
    LOADS_THE_EXPORT
    + """
seen, state, actions = dict(np.load(sys.argv[2])), None, []
for step in range(len(seen["starts"])):
    now = {name: array[step] for name, array in seen.items() if name != "starts"}
    chosen, state = model.predict(now, state, seen["starts"][step], deterministic=True)
    actions.append(chosen.tolist())
print(json.dumps([actions, state[0].tolist()]))
"""
)


@pytest.fixture(scope="module", params=KINDS)
def whole(
    request: pytest.FixtureRequest, forker: Forker, runs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that nothing stopped, of each kind."""
    folder = tmp_path_factory.mktemp(request.param)
    page_example(folder)
    config = folder / "config.json"
    config.write_text(json.dumps({**EXACT, "total_steps": 192, "policy": KINDS[request.param]}))
    forker.run("--config", config, "--run-name", f"{request.param}-whole")
    forker.run("--config", config, "--run-name", f"{request.param}-parted", "--stop-after", 100)
    return runs / f"{request.param}-whole"


def test_stopped_and_resumed_is_the_same_run(whole: Path, forker: Forker) -> None:
    parted = whole.with_name(whole.name.replace("whole", "parted"))
    forker.run("--resume", parted.name, "--workers", 2)
    same_in_everything(whole, parted)
    assert episodes(whole) == episodes(parted)
    states = [read_checkpoint(run / "checkpoints" / "final").state for run in (whole, parted)]
    kept = [state["memory"]["states"] for state in states if state is not None]
    assert np.array_equal(*kept) and kept[0].any()


def test_evaluations_and_new_episodes_repeat(whole: Path, program: Program, tmp_path: Path) -> None:
    flags = (whole.name, "--episodes", 2, "--seeds", 1)
    lines = [program("evaluate", *flags) for _ in range(2)]
    assert [result.returncode for result in lines] == [0, 0], lines[0].stderr
    assert lines[0].stdout == lines[1].stdout
    played = program("replay", whole.name, "--play", "--out", tmp_path / "new.mp4")
    assert played.returncode == 0, played.stderr


def test_an_export_remembers_in_plain_stable_baselines3(
    whole: Path, program: Program, tmp_path: Path
) -> None:
    out = tmp_path / "policy.zip"
    result = program("export_sb3", whole.name, "--out", out)
    assert result.returncode == 0, result.stderr
    config = load_config(whole / "config.json")
    env = DummyVecEnv(env_makers(resolve_task(config), 2))  # type: ignore[arg-type]
    ours = load_policy(config, env, read_checkpoint(whole / "checkpoints" / "final"))
    env.seed(5)
    observations, starts, state = env.reset(), np.ones(2, np.bool_), None
    seen, actions = [], []
    for step in range(12):
        seen.append({**observations, "starts": starts})  # type: ignore[dict-item]
        chosen, state = ours.predict(observations, state, starts, deterministic=True)
        actions.append(chosen.tolist())
        observations, _, starts, _ = env.step(chosen)
        starts = starts | (step == 6)
    env.close()
    np.savez(tmp_path / "seen.npz", **{name: np.stack([one[name] for one in seen]) for name in seen[0]})
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(out), str(tmp_path / "seen.npz")],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    their_actions, their_state = json.loads(done.stdout)
    assert their_actions == actions
    assert state is not None
    np.testing.assert_allclose(their_state, state[0], rtol=0, atol=1e-5)
