"""Fault injection into a training run: ``python -m training.fault_injection --minutes 10``.

It kills and stops processes and damages files. Then it checks that no step, episode or weight was harmed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from training.cli.parsing import File, UsageError, parse, run_program


@dataclass(frozen=True)
class SoakFlags:
    """Train a small run while injecting a fault every few seconds, then check the result.

    It checks that no steps are lost, no episode is duplicated, weights are finite, and no processes or shared
    memory are left behind.
    """

    minutes: float = 10.0
    """Duration in minutes."""
    every: float = 20.0
    """Seconds between faults."""
    seed: int = 0
    """Seed of the order of the faults."""
    keep: File = None
    """New folder to keep the run in (default: a temporary folder)."""


def main(arguments: Sequence[str]) -> int:
    """Soak and print the table. Returns 0 if all checks hold, else 1. Raises UserError for wrong input."""
    flags = parse(SoakFlags, arguments, "python -m training.fault_injection")
    for name in ("minutes", "every"):
        if not getattr(flags, name) > 0:
            raise UsageError(f"--{name} {getattr(flags, name)} is out of range: must be above 0")
    if flags.keep is not None and flags.keep.exists():
        raise UsageError(f"--keep {flags.keep}: exists already")
    from training.fault_injection.faults import soak
    from training.fault_injection.training_process import SoakError

    try:
        report, sound = soak(flags.minutes * 60, flags.every, flags.seed, flags.keep)
    except SoakError as error:
        print(f"error: soak: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(report)
    return 0 if sound else 1


if __name__ == "__main__":
    run_program(main)
