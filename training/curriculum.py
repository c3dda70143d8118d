"""Train a curriculum: ``python training/curriculum.py configs/curriculum.json --name first``.

Each stage is a separate run that starts with the weights of the previous one and ends when an evaluation
meets its criterion.
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

from envs.installation import shipped_config
from training.cli.parsing import Count, File, Name, Switch, UsageError, parse, run_program


@dataclass(frozen=True)
class CurriculumFlags:
    """Train the stages of a curriculum in order, each as a run runs/NAME-NUMBER-STAGE.

    SIGTERM and Ctrl-C save a checkpoint and stop; --resume continues from there. docs/curriculum.md describes
    stages and criteria.
    """

    curriculum: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CURRICULUM")]
    """JSON or YAML file with the stages (see configs/curriculum.json)."""
    name: Annotated[str, tyro.conf.arg(metavar="NAME")]
    """Name of this course and prefix of its runs' names."""
    resume: Switch = False
    """Continue the course of this name where it was stopped."""
    rom: File = None
    """Cartridge for every stage."""
    num_envs: Count = None
    """Number of environments in every stage."""
    seed: Count = None
    """Seed for every stage."""
    device: Name = None
    """auto, cpu, cuda or cuda:N, for every stage."""


def main(arguments: Sequence[str]) -> int:
    """Train the curriculum. Returns 0 when it finished or was stopped by a signal, 1 when a budget ended, an
    environment failed or training diverged; raises UserError for wrong input."""
    flags = parse(CurriculumFlags, arguments, "curriculum.py")
    given = {"rom": flags.rom and str(flags.rom), "num_envs": flags.num_envs}
    overrides = {**given, "seed": flags.seed, "device": flags.device}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    if flags.resume and overrides:
        name = next(iter(overrides)).replace("_", "-")
        raise UsageError(f"--{name} needs a new course; a resumed one keeps its settings")
    from training.curricula.schema import read_curriculum, stage_configs
    from training.runs.folder import lock_run

    path = shipped_config(flags.curriculum)
    curriculum = read_curriculum(path)
    configs = [] if flags.resume else stage_configs(path, curriculum, overrides)
    from callbacks.stop_signals import StopRequest
    from envs.vec_env import WorkerFailed
    from training.curricula.progress import BUDGET_ENDED, ending, follow
    from training.curricula.state import begin_course, read_course
    from training.session.session import Diverged, NotSaved

    if flags.resume:
        course = read_course(flags.name, curriculum)
    else:
        course = begin_course(flags.name, curriculum, configs)
    with lock_run(course.folder), StopRequest() as stopped:
        try:
            result = follow(course, stopped)
        except (WorkerFailed, Diverged, NotSaved) as error:
            print(f"error: {error}; --resume continues from the last checkpoint", file=sys.stderr)
            return 1
    print(ending(course, result, stopped))
    return 1 if result == BUDGET_ENDED else 0


if __name__ == "__main__":
    run_program(main, lasting=True)
