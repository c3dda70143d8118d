"""What is imported is declared and pinned, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, version

import pytest

from tests.paths import ROOT

PACKAGES = ("envs", "rewards", "callbacks", "training")
BY_CHOICE = {"mlflow", "wandb"}
"""Imported where a config asks for them, and neither declared nor installed: docs/sweeps.md."""
BESIDE = {"moviepy"}
"""Asks for an older Pillow, so `make test` installs it in a folder of its own: docs/api.md."""
NOT_IMPORTED = {
    "jinja2": "fastapi.templating imports it, and fastapi does not bring it",
    "optuna-dashboard": "a program that run_sweep.py names",
    "psycopg": "sqlalchemy imports it for a postgresql:// address",
    "ipykernel": "runs docs/tour.ipynb",
    "pandas": "stable_baselines3's load_results imports it",
    "sb3-contrib": "examples of docs/howto.md import it",
    "pytest-xdist": "pytest imports it",
    "import-linter": "a program",
    "mkdocs": "a program",
    "mkdocs-material": "the theme of mkdocs.yml",
    "mkdocstrings": "a plugin of mkdocs.yml",
    "mypy": "a program",
    "ruff": "a program",
    "types-psutil": "read by mypy",
    "types-pyyaml": "read by mypy",
    "types-tqdm": "read by mypy",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def plain(name: str) -> str:
    """A distribution's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(entries: Iterable[str]) -> set[str]:
    """The distributions of entries such as "psycopg[binary]==3.3.9"."""
    found = (re.match(r"[A-Za-z0-9._-]+", entry) for entry in entries)
    return {plain(name[0]) for name in found if name is not None}


REQUIRED = named(PROJECT["dependencies"])
EXTRAS = named(entry for entries in PROJECT["optional-dependencies"].values() for entry in entries)
PINNED = dict(
    line.split("==") for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if "==" in line
)


def numbers(text: str) -> tuple[int, ...]:
    """The parts of a version."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", text))


def imported(folders: Iterable[str]) -> set[str]:
    """First names of the modules of other projects that files import, also within functions."""
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.split(".")[0])
                elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
                    found.add(ast.literal_eval(node.args[0]).split(".")[0])
    return found - sys.stdlib_module_names - {*PACKAGES, "tests"}


def distributions(modules: Iterable[str]) -> set[str]:
    """Who brings these modules; the module's own name where that is not installed."""
    known = packages_distributions()
    return {plain(name) for module in modules for name in known.get(module, [module])}


def test_what_the_packages_import_is_declared() -> None:
    extras = PROJECT["optional-dependencies"]
    named_extras = named(extras["ray"] + extras["minari"] + extras["gpt"])
    assert distributions(imported(PACKAGES)) - BY_CHOICE <= REQUIRED | named_extras


def test_what_the_tests_import_is_declared() -> None:
    assert distributions(imported(["tests"])) - BY_CHOICE - BESIDE <= REQUIRED | EXTRAS


def test_what_is_declared_is_imported_or_has_a_reason() -> None:
    used = distributions(imported(PACKAGES))
    assert REQUIRED - used - set(NOT_IMPORTED) == set()
    assert EXTRAS - used - distributions(imported(["tests"])) - set(NOT_IMPORTED) == set()
    assert set(NOT_IMPORTED) & used == set(), "listed as never imported, but imported"
    assert set(NOT_IMPORTED) <= REQUIRED | EXTRAS


def test_what_is_declared_is_pinned() -> None:
    assert set(PINNED) - {"optuna-dashboard"} == REQUIRED


@pytest.mark.parametrize("name", PINNED)
def test_pins_are_what_is_tested_and_no_older_than_declared(name: str) -> None:
    assert version(name).split("+")[0] == PINNED[name]
    least = next((entry.split(",")[0] for entry in PROJECT["dependencies"] if named([entry]) == {name}), name)
    assert numbers(PINNED[name]) >= numbers(least.removeprefix(name)), f"{least} is declared"
