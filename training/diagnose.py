"""Diagnose a run: ``python training/diagnose.py RUN``, or two runs side by side.

Reads the TensorBoard files of any run with stable-baselines3's keys, including those of other programs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.errors import UserError
from envs.paths import expanded
from training.cli.parsing import Switch, parse, run_program


@dataclass(frozen=True)
class DiagnoseFlags:
    """Judge a run by its TensorBoard files: problems, what to change first, and five success criteria.

    docs/metrics.md explains how each figure is judged. The exit status is 0 whatever the verdict.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or a folder with TensorBoard files of stable-baselines3."""
    other: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN2")] = None
    """Another run, shown next to it."""
    json: Switch = False
    """Print JSON."""


def main(arguments: Sequence[str]) -> int:
    """Diagnose and print. Returns the exit status; raises UserError for wrong input."""
    flags = parse(DiagnoseFlags, arguments, "diagnose.py")
    from training.diagnostics.run_health import diagnose, text

    names = [name for name in (flags.run, flags.other) if name is not None]
    diagnoses = [diagnose(name, place) for name, place in zip(names, map(_place, names), strict=True)]
    if flags.json:
        print(json.dumps({"runs": [diagnosis.plain() for diagnosis in diagnoses]}, indent=1, allow_nan=False))
    else:
        print(text(diagnoses))
    return 0


def _place(name: str) -> Path:
    """Return the folder of a run by name, or any folder or file by path. Raises UserError."""
    from training.runs.folder import existing_run, run_folder

    path = expanded(name, "run")
    if path.exists():
        return path
    if path.name != name:
        raise UserError(f"{path}: no such folder")
    folder = run_folder(name)
    return folder if folder.is_dir() else existing_run(name)  # raises, with the nearest name


if __name__ == "__main__":
    run_program(main)
