"""Finding runs and their checkpoints by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from envs.game.catalog import Game
from envs.installation import program
from envs.paths import expanded, full_path, is_file
from training.checkpoints.writing import Checkpoint, CheckpointError, read_checkpoint
from training.runs.folder import RunError, existing_run
from training.runs.manifest import read_manifest
from training.runs.shipped import PROVENANCE, is_shipped, shipped_policy, verified

if TYPE_CHECKING:  # importing it imports torch, which takes seconds and most error messages do not need
    from training.checkpoints.writing import Checkpoint


def refuse_other_rom(run: Path, game: Game) -> None:
    """Raise RunError if the ROM of ``game`` is not the one, by its hash, that the run began with.

    Raises ManifestError if the run's manifest is missing or damaged.
    """
    began_with = read_manifest(run)["rom_sha1"]
    if game.sha1 != began_with:
        raise RunError(
            f"run {run.name} began with a ROM with SHA-1 {began_with}; {game.rom} has {game.sha1};"
            f" {program('train_ppo.py')} --resume {run.name} --accept-changes continues with it"
        )


def find_checkpoint(name: str) -> Checkpoint:
    """Read the checkpoint in the folder ``name``, or the newest of the run ``name`` (its name or folder).

    Raises:
        UserError: there is no checkpoint, or it is damaged.
    """
    from training.checkpoints.writing import TRAINER, read_checkpoint

    folder = expanded(name, "checkpoint")
    if (folder / TRAINER).is_file():
        return read_checkpoint(folder)
    return newest(find_run(name))


def newest(run: Path) -> Checkpoint:
    """Read the newest sound checkpoint of a run's folder. Raises UserError if there is none."""
    from training.checkpoints.writing import newest_checkpoint

    return newest_checkpoint(run / "checkpoints", warn=_warn)


def find_run(name: str) -> Path:
    """Return the folder of the run ``name``: its name, the path of its folder, or "pretrained".

    A policy that ships is verified. Raises RunError.
    """
    if is_shipped(name):
        return shipped_policy(name)
    if not name.startswith("~") and Path(name).name == name:
        return existing_run(name)
    folder = full_path(name, what="run")
    if not is_file(folder / "config.json"):
        raise RunError(f"{folder} is not a run folder: it has no config.json")
    return verified(folder) if (folder / PROVENANCE).is_file() else folder


def _warn(message: str) -> None:
    print(f"warning: {message}; going back to the one before", file=sys.stderr)


def run_checkpoint(run: Path, name: str | None) -> Checkpoint:
    """Read the run's newest checkpoint, or the one called ``name``. Raises UserError if there is none."""
    if name is None:
        return newest(run)
    folder = run / "checkpoints" / name
    if Path(name).name != name or not folder.is_dir():
        found = sorted(path.name for path in (run / "checkpoints").glob("[!.]*"))
        raise CheckpointError(f"run {run.name} has no checkpoint {name}; it has {', '.join(found) or 'none'}")
    return read_checkpoint(folder)
