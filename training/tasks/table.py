"""The tasks by name: the commands of each, and whether it needs the packages for tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from training.tasks.environment import Environment

Commands = Callable[[Environment, list[str]], list[list[str]]]
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")


@dataclass(frozen=True)
class Task:
    """``commands(environment, further arguments)`` are run in order; ``text`` says what they do."""

    text: str
    commands: Commands
    extras: bool = False


def _python(*arguments: str) -> Commands:
    return lambda here, more: [[here.program("python"), *arguments, *more]]


def _demo(here: Environment, more: list[str]) -> list[list[str]]:
    name = time.strftime("demo-%Y%m%d-%H%M%S")
    return _python("training/train_ppo.py", "--config", "configs/smoke.json", "--run-name", name)(here, more)


def _watch(here: Environment, more: list[str]) -> list[list[str]]:
    if sys.platform != "linux" or any(os.environ.get(name) for name in DISPLAYS):
        return _python("training/evaluate.py", "pretrained", "--watch")(here, more)
    print("no display: writing watch.mp4, two minutes of play at double speed", flush=True)
    film = ("--play", "--actions", "600", "--speed", "2", "--out", "watch.mp4")
    return _python("training/replay.py", "pretrained", *film)(here, more)


def _lint(here: Environment, more: list[str]) -> list[list[str]]:
    return [[here.program("ruff"), "check", "."], [here.program("mypy")], [here.program("lint-imports")]]


TESTS = ("-m", "pytest", "--dist", "loadfile")
TASKS = {
    "setup": Task("make .venv and install the pinned packages", lambda here, more: []),
    "demo": Task("train for about a minute, and print what was learned", _demo),
    "test": Task("run every test", _python(*TESTS, "-n", "3", "--no-loadscope-reorder"), extras=True),
    "test-fast": Task(
        "run the tests that take little time",
        _python(*TESTS, "-n", "2", "-m", "not slow and not cluster"),
        extras=True,
    ),
    "lint": Task("check style, types and who imports whom", _lint, extras=True),
    "docs": Task(
        "build the documentation in build/site/html", _python("-m", "training.tasks.site"), extras=True
    ),
    "watch": Task("watch the policy that ships, or film it without a display", _watch),
    "bench": Task("measure speed and memory", _python("training/benchmark.py")),
    "journey": Task(
        "play the embedded cartridge to its end by script",
        _python("-m", "envs.cartridge.walkthrough", "--until", "champion"),
    ),
    "soak": Task(
        "train for ten minutes with a fault every 20 seconds",
        _python("-m", "training.fault_injection", "--minutes", "10", "--every", "20"),
    ),
}
"""What ``make`` does on Linux and macOS, for every platform."""
