"""Finding runs and their checkpoints by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from envs.game.catalog import Game
from training.checkpoints.writing import Checkpoint, CheckpointError, read_checkpoint
from training.runs.folder import RunError, existing_run

if TYPE_CHECKING:  # with it comes torch, which takes seconds and which most mistakes do not need
    from training.checkpoints.writing import Checkpoint


def refuse_other_rom(run: Path, game: Game) -> None:
    """Raise RunError when the ROM of ``game`` is not the one, by its hash, that the run began with."""
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        began_with = manifest["rom_sha1"]
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"run {run.name}: manifest.json is missing or damaged") from None
    if game.sha1 != began_with:
        raise RunError(
            f"run {run.name} began with a ROM of SHA-1 {began_with}; {game.rom} has {game.sha1};"
            " --accept-changes goes on with it"
        )


def find_checkpoint(name: str) -> Checkpoint:
    """A checkpoint by its folder, or the newest of the run ``name`` (a name or the path of its folder).

    Raises:
        UserError: there is none, or it is damaged.
    """
    from training.checkpoints.writing import TRAINER, read_checkpoint

    if (Path(name) / TRAINER).is_file():
        return read_checkpoint(Path(name))
    return newest(find_run(name))


def newest(run: Path) -> Checkpoint:
    """The newest sound checkpoint of a run's folder. Raises UserError when there is none."""
    from training.checkpoints.writing import newest_checkpoint

    return newest_checkpoint(run / "checkpoints", warn=_warn)


def find_run(name: str) -> Path:
    """The folder of the run ``name``, which may also be the path of its folder. Raises RunError."""
    path = Path(name)
    if path.name == name:
        return existing_run(name)
    if not (path / "config.json").is_file():
        raise RunError(f"{name} is no run folder: it has no config.json")
    return path


def _warn(message: str) -> None:
    print(f"warning: {message}; going back to the one before", file=sys.stderr)


def run_checkpoint(run: Path, name: str | None) -> Checkpoint:
    """The run's newest checkpoint, or the one called ``name``. Raises UserError when there is none."""
    if name is None:
        return newest(run)
    folder = run / "checkpoints" / name
    if Path(name).name != name or not folder.is_dir():
        found = sorted(path.name for path in (run / "checkpoints").glob("[!.]*"))
        raise CheckpointError(f"run {run.name} has no checkpoint {name}; it has {', '.join(found) or 'none'}")
    return read_checkpoint(folder)
