"""The doctor's check of top-level names: of two projects with the same ones, only one is imported."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from envs.installation import ROOT
from training.diagnostics.check_result import OK, WARNING, CheckResult
from training.diagnostics.report_facts import PROJECT

NAMES = ("envs", "rewards", "callbacks", "training")


def check_names() -> Iterator[CheckResult]:
    """Check that no other installed project and no other folder of sys.path has the names of our packages."""
    found = [*_of_other_projects(), *_of_other_folders()]
    for name, other in found:
        advice = "give this project an environment of its own (python -m venv)"
        yield CheckResult("names", WARNING, f"{other} also has a package {name}", advice)
    if not found:
        yield CheckResult("names", OK, f"no other project has {', '.join(NAMES)}")


def _of_other_projects() -> Iterator[tuple[str, str]]:
    owners = importlib.metadata.packages_distributions()
    for name in NAMES:
        for project in sorted({*owners.get(name, ())} - {PROJECT}):
            yield name, f"the installed project {project}"


def _of_other_folders() -> Iterator[tuple[str, str]]:
    """Yield folders of sys.path that have these names too, such as another checkout."""
    for folder in dict.fromkeys(Path(entry or ".").resolve() for entry in sys.path):
        if folder == ROOT or any(folder.glob("*.dist-info")):  # there, projects are named by their own names
            continue
        for name in NAMES:
            if (folder / name / "__init__.py").is_file():
                yield name, f"the folder {folder}"
