"""Evaluate a run: ``python training/evaluate.py RUN --episodes 20 --seeds 5``.

Plays whole episodes on seeds that training never uses, next to a uniformly random player on the same seeds.
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

from training.cli.parsing import File, Name, Switch, UsageError, parse, run_program

MOST = 100_000  # episodes, seeds, games: far below the number of held-out seeds


@dataclass(frozen=True)
class EvaluateFlags:
    """Play whole episodes with a trained policy and with random buttons, on held-out seeds.

    Prints means with 95 % intervals, and for each milestone the share of episodes that reach it and the
    action by which half of them did. Adds a row per player to the run's eval.jsonl and draws eval.png next to
    it. docs/evaluation.md explains each figure.
    """

    runs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN ...]")]
    """Name of a run, path of its folder, or pretrained; several runs of one config are also combined."""
    episodes: int = 10
    """Episodes per seed."""
    seeds: int = 1
    """Number of held-out seeds."""
    against: Name = None
    """Another run, which plays the same episodes by the first run's rules."""
    picture: File = None
    """Path of the picture (PNG; default: in the run's folder); required for a picture of several runs."""
    greedy: Switch = False
    """Always take the most likely action instead of sampling from the policy."""
    checkpoint: Name = None
    """final, best or a number of steps (default: the newest)."""
    num_envs: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Parallel environments (default: 8, or --episodes if fewer); the episodes depend on the number."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda or cuda:N."""
    rom: File = None
    """Cartridge to play (default: the run's own)."""
    game: Name = None
    """Game of a cartridge with an unknown hash: red, blue or clover."""
    start: Name = None
    """Start state (default: the run's own)."""
    max_steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Steps after which an episode is truncated (default: the run's own)."""
    goal: Name = None
    """Milestone that ends an episode as a success (default: the run's own)."""
    watch: Switch = False
    """Show the trained policy in a window instead of evaluating it, at the speed of a real Game Boy. Keys,
    which it prints, pause it, change its speed and take over from it."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate and print the table. Returns the exit status; raises UserError for wrong input."""
    flags = parse(EvaluateFlags, arguments, "evaluate.py")
    _check(flags)
    from training.runs.lookup import find_run

    runs = [find_run(name) for name in flags.runs]
    rival = find_run(flags.against) if flags.against is not None else None
    rom = flags.rom and str(flags.rom)
    given = {"rom": rom, "game": flags.game, "start": flags.start, "goal": flags.goal, "device": flags.device}
    overrides: dict[str, str | int] = {key: value for key, value in given.items() if value}
    if flags.max_steps is not None:
        overrides["max_steps"] = flags.max_steps
    if flags.watch:
        from training.config.loading import load_config
        from training.live.game import Player
        from training.live.window import watch

        config = load_config(runs[0] / "config.json", overrides)
        player = Player(runs[0], config, flags.greedy, flags.checkpoint)
        print(watch(player, flags.episodes * flags.seeds))
        return 0
    from training.evaluation.comparison import EvaluationRequest, evaluate

    how = (flags.episodes, flags.seeds, flags.greedy, flags.checkpoint, flags.num_envs)
    print(evaluate(EvaluationRequest(runs, *how, rival, flags.picture, overrides)))
    return 0


def _check(flags: EvaluateFlags) -> None:
    """Raise UsageError for flags that are wrong without reading any file."""
    for name in ("episodes", "seeds", "num_envs"):
        value = getattr(flags, name)
        if value is not None and not 1 <= value <= MOST:
            raise UsageError(
                f"--{name.replace('_', '-')} {value} is out of range: must be at least 1"
                + (f" and at most {MOST}" if value > MOST else "")
            )
    if not flags.runs:
        raise UsageError("RUN must be given; see --help")
    several = len(flags.runs) > 1
    for given, name in ((flags.against, "--against"), (flags.watch, "--watch")):
        if several and given:
            raise UsageError(f"{name} needs exactly one RUN, not {len(flags.runs)}")
    if flags.watch:
        for name in ("against", "picture", "num_envs"):
            if getattr(flags, name) is not None:
                raise UsageError(
                    f"--{name.replace('_', '-')} has no effect with --watch: nothing is compared"
                )
    if flags.picture is not None:
        _check_picture(flags.picture)


def _check_picture(picture: Path) -> None:
    if picture.suffix != ".png":
        raise UsageError(f"--picture {picture} must end in .png")
    if picture.is_dir():
        raise UsageError(f"--picture {picture} is a folder")
    nearest = next(folder for folder in picture.absolute().parents if folder.exists())
    if not nearest.is_dir():
        raise UsageError(f"--picture {picture}: {nearest} is not a folder")


if __name__ == "__main__":
    run_program(main)
