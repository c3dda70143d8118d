"""Check of the embedded cartridge's statistics: ``python training/profile_cartridge.py --episodes 50``.

Prints a table of measured values and their bounds. The exit status is 1 if a bound does not hold.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training.benchmarks.cartridge_profile import EPISODE_CAP, Profile, median_interval, profile
from training.cli.parsing import File, Switch, UsageError, parse, run_program
from training.evaluation.intervals import wilson

FIRST_BATTLE = (300, 1_500)
"""Actions, median."""
WIN_SHARE = (0.15, 0.50)
WALKTHROUGH_BELOW = 6_000
"""Actions."""
SPEED_FROM = 700
"""Actions per second on one core."""


@dataclass(frozen=True)
class ProfileFlags:
    """Measure the embedded cartridge and check its bounds.

    It plays uniformly random buttons from outside the laboratory and the scripted player from power-on, and
    measures the emulation speed. The exit status is 1 if a bound does not hold.
    """

    episodes: int = 50
    """Random episodes of several wild battles each."""
    badge_actions: int = 200_000
    """Actions of the long random run, which must not earn a badge."""
    seed: int = 0
    """Seed of all random buttons."""
    processes: int = 2
    """Worker processes."""
    rom: File = None
    """Cartridge to measure (default: the embedded one)."""
    json: Switch = False
    """Print everything as JSON instead of a table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``holds``: whether the measured value is within its bound."""

    quantity: str
    measured: str
    bound: str
    holds: bool


def rows(measured: Profile) -> list[Row]:
    """Return the rows of the table."""
    return [
        _first_battle(measured),
        _win_share(measured),
        _badge(measured),
        _walkthrough(measured),
        _speed(measured),
    ]


def _first_battle(measured: Profile) -> Row:
    lengths = [EPISODE_CAP if e.first_battle is None else e.first_battle for e in measured.episodes]
    median, (low, high) = statistics.median(lengths), median_interval(lengths)
    none = sum(e.first_battle is None for e in measured.episodes)
    text = f"median {median:.0f} [{low:.0f}, {high:.0f}] actions, {len(lengths)} episodes, {none} without"
    least, most = FIRST_BATTLE
    return Row("first battle, random buttons", text, f"median {least} to {most}", least <= median <= most)


def _win_share(measured: Profile) -> Row:
    won, lost, escaped = (
        sum(getattr(e, end) for e in measured.episodes) for end in ("won", "lost", "escaped")
    )
    total = won + lost + escaped
    share, (low, high) = (won / total if total else 0.0), wilson(won, total)
    text = f"{share:.1%} [{low:.1%}, {high:.1%}]: {won} won, {lost} lost, {escaped} escaped"
    least, most = WIN_SHARE
    return Row("wild battles won, random buttons", text, f"{least:.0%} to {most:.0%}", least <= share <= most)


def _badge(measured: Profile) -> Row:
    run = measured.long_run
    text = f"{run.badges} in {run.actions} actions (maps {', '.join(map(str, run.maps))}; level {run.level})"
    return Row("badges, random buttons", text, "none", run.badges == 0)


def _walkthrough(measured: Profile) -> Row:
    walk = measured.walkthrough
    text = f"{walk.actions} actions" if walk.failure is None else f"not reached: {walk.failure}"
    holds = walk.failure is None and walk.actions < WALKTHROUGH_BELOW
    return Row("power-on to badge1, scripted", text, f"under {WALKTHROUGH_BELOW} actions", holds)


def _speed(measured: Profile) -> Row:
    speed = measured.actions_per_second
    return Row("emulation, one core", f"{speed:.0f} actions/s", f"at least {SPEED_FROM}", speed >= SPEED_FROM)


def table(lines: Sequence[Row]) -> str:
    """Return the rows as text, in columns."""
    cells = [
        ("quantity", "measured", "bound", ""),
        *((r.quantity, r.measured, r.bound, _word(r)) for r in lines),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _word(row: Row) -> str:
    return "ok" if row.holds else "FAIL"


def main(arguments: Sequence[str]) -> int:
    """Measure and print. Returns 0 if all bounds hold, else 1. Raises UserError for wrong input."""
    flags = parse(ProfileFlags, arguments, "profile_cartridge.py")
    for name in ("episodes", "badge_actions", "processes"):
        if getattr(flags, name) < 1:
            raise UsageError(
                f"--{name.replace('_', '-')} {getattr(flags, name)} is out of range: must be at least 1"
            )
    if flags.seed < 0:
        raise UsageError(f"--seed {flags.seed} is out of range: must be at least 0")
    measured = profile(
        flags.rom,
        flags.episodes,
        flags.badge_actions,
        flags.seed,
        flags.processes,
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    lines = rows(measured)
    if flags.json:
        print(json.dumps({"rows": [asdict(row) for row in lines], "measured": asdict(measured)}, indent=2))
    else:
        print(table(lines))
    return 0 if all(row.holds for row in lines) else 1


if __name__ == "__main__":
    run_program(main)
