"""Tasks without make: their list, their commands, and the environment that they share with the Makefile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envs.errors import ProgramError
from tests.paths import ROOT
from training.tasks.environment import EXTRAS, Environment, run
from training.tasks.table import TASKS

HERE = Environment(Path("env"))
MAKEFILE = (ROOT / "Makefile").read_text()


def tasks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-m", "training.tasks", *arguments]  # -S: without what is installed
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_list_needs_no_package() -> None:
    done = tasks()
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == list(TASKS)


def test_an_unknown_task_is_one_line() -> None:
    done = tasks("demmo")
    assert (done.returncode, done.stderr) == (2, "error: 'demmo' is not a task; did you mean demo?\n")


def test_make_has_the_same_tasks() -> None:
    targets = {line.split(":")[0] for line in MAKEFILE.splitlines() if ":" in line and line[0].islower()}
    assert set(TASKS) - targets == {"setup"}, "which make does by itself"
    assert f"'{EXTRAS}'" in MAKEFILE


@pytest.mark.parametrize("name", ["demo", "test", "test-fast", "docs", "bench", "journey", "soak"])
def test_a_task_runs_what_make_runs(name: str) -> None:
    ((python, *command),) = TASKS[name].commands(HERE, [])
    assert python == HERE.program("python")
    recipe = MAKEFILE.split(f"\n{name}: ")[1].split("\n\n")[0]
    assert [word for word in command if word.endswith(".py") or word.startswith(("training.", "envs."))] == [
        word for word in recipe.split() if word.endswith(".py") or word.startswith(("training.", "envs."))
    ]


def test_watching_films_where_there_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert "training/replay.py" in TASKS["watch"].commands(HERE, [])[0]
    monkeypatch.setenv("DISPLAY", ":0")
    assert TASKS["watch"].commands(HERE, ["--speed", "2"])[0][1:] == [
        "training/evaluate.py", "pretrained", "--watch", "--speed", "2",
    ]  # fmt: skip


def test_what_is_installed_is_not_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(Environment(tmp_path).program("python"))
    python.parent.mkdir()
    python.touch()
    (tmp_path / ".installed").touch()
    (tmp_path / ".dev").touch()
    monkeypatch.setattr(subprocess, "run", None)  # nothing is started
    Environment(tmp_path).prepare(extras=True)
    os.utime(tmp_path / ".installed", (1, 1))
    with pytest.raises(TypeError):
        Environment(tmp_path).prepare(extras=False)


def test_a_step_that_fails_is_named() -> None:
    with pytest.raises(ProgramError, match=r"-c exit.3. ended with status 3"):
        run([sys.executable, "-c", "exit(3)"])
    with pytest.raises(ProgramError, match="no-such-program cannot be started: No such file"):
        run(["no-such-program"])
