"""The rules of the house that a machine can hold, beside who imports whom (``make lint`` checks that)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from statistics import mean

import pytest

from tests import rooms
from tests.paths import ROOT

PACKAGES = ("envs", "rewards", "callbacks", "training")
MAX_FILE = 350  # lines
MAX_FUNCTION = 49  # lines
MEAN_FUNCTION = 9  # lines
MAX_PARAMETERS = 6  # beside self
MAX_FOLDER = 20  # Python files, apart from the programs of training/
OURS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
FRONT_DOORS = {"training/config/__init__.py"}
"""Packages that name what scripts and notebooks use; all others are empty, so that workers stay light."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sizes(path: Path) -> dict[str, int]:
    """Lines of each function in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}


def test_imports_run_one_way() -> None:
    """Contracts in pyproject.toml, kept by import-linter; here too, since a test is what people run."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout


def test_the_memory_reader_needs_no_more_than_numpy() -> None:
    code = "import sys, envs.ram; print(*{'pyboy', 'torch', 'gymnasium', 'PIL'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", OURS, ids=name)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_FILE
    assert {f: size for f, size in sizes(path).items() if size > MAX_FUNCTION} == {}


@pytest.mark.parametrize("path", OURS, ids=name)
def test_functions_take_few_parameters(path: Path) -> None:
    """More of them become an object."""
    functions = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.FunctionDef))
    taken = {
        f.name: [a.arg for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)] for f in functions
    }
    many = {f for f, given in taken.items() if len({*given} - {"self", "cls"}) > MAX_PARAMETERS}
    assert many == set()


def test_functions_are_short_on_the_whole() -> None:
    assert mean(size for path in OURS for size in sizes(path).values()) < MEAN_FUNCTION


def test_folders_stay_small_enough_to_find_a_line_in() -> None:
    folders = {path.parent for path in OURS}
    files = {name(folder): len([*folder.glob("*.py")]) - 1 for folder in folders}  # without __init__
    assert {folder: count for folder, count in files.items() if count > MAX_FOLDER} == {}


def test_packages_import_nothing_by_themselves() -> None:
    for path in OURS:
        if path.name == "__init__.py" and name(path) not in FRONT_DOORS and "cartridge" not in path.parts:
            tree = ast.parse(path.read_text("utf-8"))
            assert [node for node in tree.body if not isinstance(node, ast.Expr)] == [], name(path)


def test_tests_mirror_the_rooms() -> None:
    """Every folder of tests is that of a room, so that the tests of a line are found where the line is."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")} - {ROOT / "tests"}
    assert [name(f) for f in folders if not (ROOT / f.relative_to(ROOT / "tests")).is_dir()] == []


def test_the_table_of_rooms_is_that_of_the_code() -> None:
    page = rooms.PAGE.read_text("utf-8")
    assert page == rooms.page_with_table(page), "run python -m tests.rooms"
