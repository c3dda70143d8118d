"""Translate a config of another project: ``python training/import_config.py FILE --out mine.json``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.errors import UserError
from envs.files import write_atomically
from training.cli.parsing import File, Name, parse, run_program


@dataclass(frozen=True)
class ImportFlags:
    """Translate a config of rl_games, CleanRL or rl-baselines3-zoo into one of this project.

    Files that end in .yaml, .yml or .json are of rl_games (with "params") or rl-baselines3-zoo. Any other
    file holds a command line of CleanRL's ppo.py. What has no counterpart is listed by name and why.
    """

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """File to translate."""
    out: File = None
    """Config to write (JSON), which must not exist yet; printed when left out."""
    entry: Name = None
    """Entry of a file of rl-baselines3-zoo that has several."""


def main(arguments: Sequence[str]) -> int:
    """Translate the file. Returns the exit status. Raises UserError for wrong input."""
    flags = parse(ImportFlags, arguments, "import_config.py")
    from training.foreign_configs.reading import as_json, translated

    if flags.out is not None:
        _check(flags.out)
    found = translated(flags.file, flags.entry)
    if flags.out is None:
        print(as_json(found), end="")
    else:
        write_atomically(flags.out, as_json(found).encode())
        print(f"{flags.out}: {len(found.settings)} settings of {found.source}")
    shown = sys.stderr if flags.out is None else sys.stdout
    for note in found.notes:
        print(f"note: {note}", file=shown)
    for name, why in found.left_out.items():
        print(f"left out: {name}: {why}", file=shown)
    return 0


def _check(out: Path) -> None:
    if out.suffix != ".json":
        raise UserError(f"--out {out} must end in .json")
    if out.exists():
        raise UserError(f"--out {out} exists already")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")


if __name__ == "__main__":
    run_program(main)
