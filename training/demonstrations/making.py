"""Making sets: of the scripted player, or of episodes that were recorded before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from envs.episodes.file_format import read_header
from training.demonstrations.demo_set import (
    DemonstrationFile,
    DemonstrationSet,
    Manifest,
    new_set,
    read_set,
    refuse_existing,
    write_manifest,
)
from training.demonstrations.scripted import Said, ScriptedPlay, record_scripted, scripted_task

Player = Literal["script", "run", "human"]
Source = Mapping[str, str | bool | int | float | None]
Write = Callable[[Path], Sequence[DemonstrationFile]]


def make_scripted_set(out: Path, play: ScriptedPlay, say: Said) -> DemonstrationSet:
    """Record the scripted player in the new folder ``out``.

    Raises UserError for wrong input, and ProgramError if the player fails too often.
    """
    refuse_existing(out)
    task = scripted_task(play)
    source: Source = asdict(play)
    return make_set(out, "script", source, lambda folder: record_scripted(task, play, folder, say))


def make_set(out: Path, player: Player, source: Source, write: Write) -> DemonstrationSet:
    """Make a set in the new folder ``out``, whose episodes ``write(folder)`` writes.

    All must be of one cartridge. Raises UserError if ``out`` exists or cannot be written; nothing is left
    then, as after any other exception.
    """
    with new_set(out) as folder:
        episodes = list(write(folder))
        headers = [read_header(folder / entry.file) for entry in episodes]
        manifest = Manifest(
            game=headers[0].game,
            rom_sha1=headers[0].rom_sha1,
            player=player,
            source=dict(source),
            made_on=datetime.now(UTC).isoformat(timespec="seconds"),
            steps=sum(header.steps for header in headers),
            episodes=episodes,
        )
        write_manifest(folder, manifest)
    return read_set(out)
