"""The whole way from a plain start to the furthest cell of a run's start archive, as one recorded episode."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.archive_scout import Cell
from envs.episodes.file_format import SUFFIX, file_name
from envs.errors import UserError
from envs.game.maps import map_name
from training.config.loading import load_config
from training.environments.local import make_env
from training.environments.recording import make_recorder
from training.environments.task import Task, resolve_task
from training.runs.lookup import run_checkpoint
from training.start_archive.archive import Archive
from training.start_archive.callback import StartArchive


@dataclass(frozen=True)
class Champion:
    """The file of the episode, and the cell that it leads to."""

    path: Path
    cell: Cell

    def __str__(self) -> str:
        """``champion: 7 milestones, route 2, 5,120 steps from starter; its state is the archive's``."""
        cell = self.cell
        return (
            f"champion: {cell.held.bit_count()} milestones, {map_name(cell.map_id)}, {cell.length:,} steps"
            f" from {cell.way.start}; its state is the archive's, byte for byte"
        )


def play_champion(run: Path, folder: Path, rom: Path | None = None) -> Champion:
    """Play the way to the cell with the most milestones again, without loading a state in between.

    The episode is recorded in ``folder``. ``rom`` is the cartridge (default: the run's own). Raises UserError
    if the run has no start archive, its start state is another one now, or the way ends in another state.
    """
    cell = _furthest(run)
    task = _task(run, cell, rom)
    recorder = make_recorder(task, folder, environment=0)
    with contextlib.closing(make_env(task, recorder=recorder)) as env:
        env.reset(options={"wait_frames": cell.way.wait_frames})
        for action in cell.way.actions:
            env.step(action)
        if env.emulator.save_state() != cell.start_state().data:
            raise UserError(
                f"run {run.name}: the way of {cell.length:,} steps from {cell.way.start} ends in another"
                " state than the archive's; the emulator or the cartridge has changed"
            )
    return Champion((folder / file_name(0, 0)).rename(folder / f"champion{SUFFIX}"), cell)


def _furthest(run: Path) -> Cell:
    state = run_checkpoint(run, None).state
    kept = None if state is None else state["callbacks"].get(StartArchive.state_key)
    if kept is None:
        raise UserError(f"run {run.name} has no start archive; train with a config that has one (archive)")
    archive = Archive(len(kept["archive"]["entries"]) + 1)
    archive.restore(kept["archive"])
    furthest = archive.furthest()
    if furthest is None:
        raise UserError(f"run {run.name}: its start archive is still empty")
    return furthest.cell


def _task(run: Path, cell: Cell, rom: Path | None) -> Task:
    """Return the task of one episode along the way. Raises UserError for another start state."""
    settings: dict[str, Any] = {"start": cell.way.start, "archive": None, "goal": None}
    settings |= {"max_steps": cell.length, "device": "cpu", "record_every": 1}
    settings |= {"rom": str(rom)} if rom is not None else {}
    task = resolve_task(load_config(run / "config.json", settings))
    found = hashlib.sha256(task.start.data).hexdigest()
    if found != cell.way.start_sha256:
        raise UserError(
            f"run {run.name}: start {cell.way.start} has SHA-256 {found}, the champion's way begins at"
            f" {cell.way.start_sha256}"
        )
    return task
