"""Shipping a policy from a run, and every program that takes a run with what was shipped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.paths import ROOT
from tests.training.conftest import Program, environment
from training.runs.shipped import POLICIES_VARIABLE, PROVENANCE, verified
from training.tasks.environment import Environment
from training.tasks.table import DISPLAYS, TASKS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policies")


@pytest.fixture(autouse=True)
def _own_policies(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POLICIES_VARIABLE, str(policies))


@pytest.fixture(scope="module")
def shipped(policies: Path, program: Program, tiny: Path, runs: Path) -> Path:
    """The policy "small", made from a tiny run."""
    run = program("train_ppo", "--config", tiny, "--run-name", "to-ship", "--seed", 7)
    assert run.returncode == 0, run.stderr
    made = program("shipping.__main__", "to-ship", "--name", "small", "--episodes", 4, "--to", policies)
    assert made.returncode == 0, made.stderr
    assert "4 episodes each from bedroom" in made.stdout
    assert f"{policies / 'small'}: " in made.stdout
    return policies / "small"


def test_a_policy_ships_with_weights_config_evaluation_and_provenance(shipped: Path, runs: Path) -> None:
    assert verified(shipped) == shipped
    files = sorted(path.relative_to(shipped).as_posix() for path in shipped.rglob("*") if path.is_file())
    names = ("optimizer.safetensors", "policy.safetensors", "trainer.json")
    assert files == [
        "MODEL_CARD.md",
        *(f"checkpoints/final/{name}" for name in names),
        "config.json",
        "eval.jsonl",
        PROVENANCE,
    ]
    weights, theirs = (
        load_file(folder / "checkpoints" / "final" / "policy.safetensors")
        for folder in (shipped, runs / "to-ship")
    )
    assert weights.keys() == theirs.keys() and all((weights[name] == theirs[name]).all() for name in weights)
    assert (shipped / "checkpoints" / "final" / "optimizer.safetensors").stat().st_size < 100
    facts = json.loads((shipped / PROVENANCE).read_text())
    assert (facts["run"], facts["checkpoint"], facts["steps"], facts["seed"]) == ("to-ship", "final", 256, 7)
    assert facts["commands"][0][2:4] == ["--config", "tiny.json"]
    assert facts["starts"][0]["name"] == facts["evaluation"]["start"] == "bedroom"
    assert facts["evaluation"]["episodes"] == 4
    assert facts["interventions"]["enabled"] == []
    assert sorted(facts["sha256"]) == files[:-1]
    rows = [json.loads(line) for line in (shipped / "eval.jsonl").read_text().splitlines()]
    assert [row["policy"] for row in rows] == ["stochastic", "random"]
    assert not list(shipped.parent.glob(".*"))
    card = (shipped / "MODEL_CARD.md").read_text("utf-8")
    assert "| run | to-ship |" in card and "4 episodes from bedroom" in card and "| seed | 7 |" in card
    for file in ("config.json", PROVENANCE, "eval.jsonl", "MODEL_CARD.md"):
        assert str(runs) not in (shipped / file).read_text()
        assert str(ROOT) not in (shipped / file).read_text()


def test_every_program_takes_it_and_leaves_it_alone(
    shipped: Path, program: Program, runs: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in shipped.rglob("*") if path.is_file()}
    evaluated = program("evaluate", "pretrained", "--episodes", 4)
    assert evaluated.returncode == 0, evaluated.stderr
    assert "small at 256 steps, stochastic, 4 episodes each from bedroom" in evaluated.stdout
    kept = runs / "pretrained" / "small"
    assert sorted(path.name for path in kept.iterdir()) == ["eval.jsonl", "eval.png"]
    row, shipped_row = (
        json.loads((folder / "eval.jsonl").read_text().splitlines()[0]) for folder in (kept, shipped)
    )
    assert row["values"] == shipped_row["values"], "the same policy on the same held-out seeds"

    film = tmp_path / "film.mp4"
    replayed = program("replay", "pretrained", "--play", "--actions", 20, "--out", film)
    assert replayed.returncode == 0, replayed.stderr
    assert film.stat().st_size > 1000
    exported = program("export_sb3", "pretrained:small", "--out", tmp_path / "policy.zip")
    assert exported.returncode == 0, exported.stderr
    assert "small, 256 steps" in exported.stdout
    begun = program(
        "train_ppo", "--config", shipped / "config.json", "--init-from", "pretrained",
        "--run-name", "from-it", "--total-steps", 64, "--workers", 1,
    )  # fmt: skip
    assert begun.returncode == 0, begun.stderr
    assert {path: path.read_bytes() for path in shipped.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "flags", "line"),
    [
        ("shipping.__main__", ("to-ship", "--name", "small"), "policy small exists already ("),
        ("shipping.__main__", ("to-ship", "--name", "../x"), "policy name '../x' must be letters"),
        (
            "shipping.__main__",
            ("to-ship", "--name", "x", "--checkpoint", "best"),
            "run to-ship has no checkpoint best",
        ),
        ("shipping.__main__", ("to-ship", "--name", "x", "--episodes", 0), "--episodes 0 is out of range"),
        ("train_ppo", ("--run-name", "pretrained"), "run name 'pretrained' stands for the policy that ships"),
        ("train_ppo", ("--resume", "pretrained"), "run name 'pretrained' stands for the policy that ships"),
        ("evaluate", ("pretrained", "--watch"), "--watch needs a display"),
        ("replay", ("pretrained",), "run small has no recorded episodes"),
    ],
)
def test_what_does_not_work_gets_one_line(
    shipped: Path, refused: Any, monkeypatch: pytest.MonkeyPatch, name: str, flags: tuple[Any, ...], line: str
) -> None:
    for display in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(display, raising=False)
    assert line in refused(name, *flags)
    assert [path.name for path in shipped.parent.iterdir()] == ["small"]


def test_a_wheel_carries_the_policies(shipped: Path, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "configs").mkdir()
    shutil.copytree(shipped, tmp_path / "policies" / "small")
    subprocess.run(
        [sys.executable, "setup.py", "build_py", "--build-lib", "built"],
        cwd=tmp_path, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert verified(tmp_path / "built" / "training" / "shipped" / "policies" / "small")


def test_watching_films_without_a_display(
    shipped: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of `make watch` in a folder of its own, with a short film."""
    monkeypatch.setattr(sys, "platform", "linux")
    for display in DISPLAYS:
        monkeypatch.delenv(display, raising=False)
    ((_, script, *flags),) = TASKS["watch"].commands(Environment(), [])
    flags[flags.index("600")] = "20"
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *flags],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False, env=environment(runs),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "watch.mp4").stat().st_size > 1000
