"""Export a policy for plain stable-baselines3: ``python training/export_sb3.py RUN --out PATH.zip``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from training.cli.parsing import Name, parse, run_program


@dataclass(frozen=True)
class ExportFlags:
    """Write a checkpoint's policy and optimizer as a zip for stable_baselines3.PPO.load.

    It loads even if this project is not installed, since the zip contains the network's code, pickled. Load
    such a zip only if you trust its source.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    out: Annotated[Path, tyro.conf.arg(metavar="PATH")] = Path("policy.zip")
    """File to write."""
    checkpoint: Name = None
    """final, best or a number of steps (default: the newest)."""


def main(arguments: Sequence[str]) -> int:
    """Export the checkpoint. Returns the exit status. Raises UserError for wrong input."""
    flags = parse(ExportFlags, arguments, "export_sb3.py")
    from training.runs.export_sb3 import check_path, export_sb3
    from training.runs.lookup import find_run

    check_path(flags.out)
    print(export_sb3(find_run(flags.run), flags.checkpoint, flags.out))
    return 0


if __name__ == "__main__":
    run_program(main)
