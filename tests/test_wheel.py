"""A wheel of this project: installed into a fresh environment, it works outside of the repository.

The environment has the other packages of the one that runs the tests, and ours from the wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow
SOURCE = ("envs", "rewards", "callbacks", "training", "configs", "policies")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
Pokered = Callable[..., str]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCE:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("build"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / "source")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    home = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (wheel,) = folder.glob("*.whl")
    python = home / SCRIPTS / "python"
    pip("--python", python, "install", wheel)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    Path(packages, "others.pth").write_text(sysconfig.get_path("purelib"))
    shutil.rmtree(folder / "source")
    return home / SCRIPTS


def pip(*arguments: str | Path) -> None:
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", *arguments, *offline]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory outside of the repository."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def pokered(scripts: Path, work: Path) -> Pokered:
    """pokered(argument, ...): what the command prints; it must succeed."""

    def run(*arguments: str) -> str:
        return output(scripts / "pokered", *arguments, folder=work)

    return run


def output(*command: str | Path, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_is_trained_and_evaluated(pokered: Pokered, work: Path) -> None:
    tiny = {"extends": "configs/smoke.json", "num_envs": 2, "n_steps": 32, "max_steps": 16, "batch_size": 32}
    (work / "tiny.json").write_text(json.dumps(tiny))
    said = pokered("train", "--config", "tiny.json", "--run-name", "first", "--total-steps", "64")
    assert "run folder: runs/first" in said
    manifest = json.loads((work / "runs" / "first" / "manifest.json").read_text())
    assert manifest["sessions"][0]["git_commit"] is None
    assert manifest["config_source"]["base"].endswith(str(Path("training/shipped/configs/smoke.json")))
    assert "random" in pokered("evaluate", "first", "--episodes", "1")


def test_gymnasium_makes_the_game_and_a_policy_ships(scripts: Path, work: Path) -> None:
    code = """
import envs, gymnasium, training.gymnasium_envs.registration
env = gymnasium.make("PokemonRed-v0", config="configs/first_battles.json", start="route1")
print(env.reset(seed=1)[1]["start"], envs.__file__)
from training.runs.shipped import shipped_policy
print(shipped_policy("pretrained").name)
"""
    start, file, policy = output(scripts / "python", "-c", code, folder=work).split()
    assert start == "route1"
    assert file.startswith(str(scripts.parent))
    assert policy == "clover_third_badge"


def test_the_doctor_finds_nothing_wrong(pokered: Pokered) -> None:
    found = {one["check"]: one for one in json.loads(pokered("doctor", "--json", "--num-envs", "2"))}
    assert found["packages"]["level"] == found["names"]["level"] == found["rom"]["level"] == "ok"
