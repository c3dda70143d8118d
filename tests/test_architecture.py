"""The rules of the house that a machine can hold: who imports whom, and how long files and functions
are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGES = ("envs", "rewards", "callbacks", "training")
# Which of our packages a file of the package may import; a longer entry is a module alone.
ALLOWED = {
    "envs": ("envs",),
    "rewards": ("rewards", "envs.ram", "envs.errors", "envs.game.plausible_moments"),
    "callbacks": ("callbacks", "envs.errors", "envs.files"),
    "training": ("training", "callbacks", "envs", "rewards"),
}
MAX_FILE = 350  # lines
MAX_FUNCTION = 50  # lines
OURS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, those within functions included."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module) if node.module else base)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(f"{allowed}.")


@pytest.mark.parametrize("path", OURS, ids=name)
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    ours = [module for module in imports(path) if module.split(".")[0] in PACKAGES]
    assert [m for m in ours if not any(within(m, allowed) for allowed in ALLOWED[package])] == []


def test_only_the_emulator_imports_pyboy() -> None:
    users = {name(path) for path in OURS if any(within(module, "pyboy") for module in imports(path))}
    assert users == {"envs/game_boy/emulator.py"}


def test_environments_and_rewards_know_nothing_of_learning() -> None:
    """Workers import envs and rewards alone: torch would cost each of them seconds and 200 MB."""
    heavy = ("torch", "stable_baselines3", "sb3_contrib", "tensorboard", "matplotlib")
    for path in OURS:
        if path.relative_to(ROOT).parts[0] in ("envs", "rewards") and not path.name.endswith("vec_env.py"):
            assert [m for m in imports(path) if any(within(m, h) for h in heavy)] == [], name(path)


def test_the_memory_reader_needs_no_more_than_numpy() -> None:
    code = "import sys, envs.ram; print(*{'pyboy', 'torch', 'gymnasium', 'PIL'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", OURS, ids=name)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_FILE
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    sizes = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert {f: size for f, size in sizes.items() if size > MAX_FUNCTION} == {}
