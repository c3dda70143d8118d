"""How good is a run: ``python training/evaluate.py RUN --episodes 20 --seeds 3``.

Whole episodes on seeds that training never uses, beside a uniformly random player on the same seeds.
"""

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


@dataclass(frozen=True)
class EvaluateFlags:
    """Play whole episodes with a trained policy and with random buttons, on seeds held apart from training.

    Prints means, and for each milestone the share of episodes that reach it with its 95 % Wilson interval and
    the median number of actions it took. Adds a row for each player to the run's eval.jsonl.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    episodes: int = 10
    """Episodes of each seed."""
    seeds: int = 1
    """Seeds, counted from the first one held apart."""
    greedy: Switch = False
    """Always take the likeliest action instead of drawing from the policy."""
    checkpoint: Name = None
    """final, best or a number of steps; the newest when left out."""
    num_envs: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Games played side by side (default: 8 or --episodes if fewer); another number plays others."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda or cuda:N."""
    rom: File = None
    """Cartridge to play; the run's own when left out."""
    game: Name = None
    """Which game that cartridge is (red, blue, clover) when it is not known by its hash."""
    start: Name = None
    """Start state; the run's own when left out."""
    watch: Switch = False
    """Show the trained policy in a window, at the speed of the real machine, instead of measuring it."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate a run and print the table. Returns the exit status; raises UserError for wrong input."""
    flags = parse(EvaluateFlags, arguments, "evaluate.py")
    for name in ("episodes", "seeds", "num_envs"):
        value = getattr(flags, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value} is out of range: must be at least 1")
    from training.config import load_config
    from training.plan import find_run

    run = find_run(flags.run)
    rom = flags.rom and str(flags.rom)
    given = {"rom": rom, "game": flags.game, "start": flags.start, "device": flags.device}
    config = load_config(run / "config.json", {key: value for key, value in given.items() if value})
    if flags.watch:
        from training.watching import watch

        print(watch(run, config, flags.episodes * flags.seeds, flags.greedy, flags.checkpoint))
        return 0
    from training.evaluation import evaluate

    print(evaluate(run, config, flags.episodes, flags.seeds, flags.greedy, flags.checkpoint, flags.num_envs))
    return 0


if __name__ == "__main__":
    run_program(main)
