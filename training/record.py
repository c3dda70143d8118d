"""A moving picture of a trained agent: ``python training/record.py RUN --out agent.gif --actions 400``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from training.cli import File, Name, Switch, UsageError, parse, run_program

FORMATS = (".gif", ".mp4")


@dataclass(frozen=True)
class RecordFlags:
    """Play a number of actions with a trained policy and write what the screen showed as GIF or MP4."""

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    out: Annotated[Path, tyro.conf.arg(metavar="PATH")] = Path("agent.gif")
    """File to write; its ending (.gif or .mp4) decides the kind."""
    actions: int = 300
    """Actions to play."""
    every: int = 4
    """Frames of the game between pictures; 60 frames are a second."""
    speed: float = 1.0
    """Times as fast as the real machine."""
    scale: int = 1
    """Times as large as the screen of 160 x 144 pixels."""
    seed: int = 0
    """Which of the seeds held apart."""
    greedy: Switch = False
    """Always take the likeliest action instead of drawing from the policy."""
    checkpoint: Name = None
    """final, best or a number of steps; the newest when left out."""
    rom: File = None
    """Cartridge to play; the run's own when left out."""
    game: Name = None
    """Which game that cartridge is (red, blue, clover) when it is not known by its hash."""
    start: Name = None
    """Start state; the run's own when left out."""


def main(arguments: Sequence[str]) -> int:
    """Record and say what was written. Returns the exit status; raises UserError for wrong input."""
    flags = parse(RecordFlags, arguments, "record.py")
    for name, most in (("actions", 100_000), ("every", 60), ("scale", 8), ("speed", 100)):
        if not 0 < getattr(flags, name) <= most:
            raise UsageError(
                f"--{name} {getattr(flags, name)} is out of range: must be above 0, at most {most}"
            )
    if flags.seed < 0:
        raise UsageError(f"--seed {flags.seed} is out of range: must be at least 0")
    if flags.out.suffix not in FORMATS:
        raise UsageError(f"--out {flags.out} must end in .gif or .mp4")
    if not flags.out.parent.is_dir():
        raise UsageError(f"--out {flags.out}: there is no folder {flags.out.parent}")
    from training.config import load_config
    from training.plan import find_run

    run = find_run(flags.run)
    rom = flags.rom and str(flags.rom)
    given = {"rom": rom, "game": flags.game, "start": flags.start, "device": "cpu"}
    config = load_config(run / "config.json", {key: value for key, value in given.items() if value})
    from training.recording import play_and_record, write_moving_picture

    pictures = play_and_record(
        run, config, flags.actions, flags.every, flags.seed, flags.greedy, flags.checkpoint
    )
    rate = 60 / flags.every * flags.speed
    write_moving_picture(flags.out, pictures, rate, flags.scale)
    seconds, size = len(pictures) / rate, flags.out.stat().st_size
    print(f"{flags.out}: {len(pictures)} pictures, {seconds:.0f} s, {size:,} bytes")
    return 0


if __name__ == "__main__":
    run_program(main)
