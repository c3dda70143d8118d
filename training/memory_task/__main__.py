"""Compare policies on a task that needs memory: ``python -m training.memory_task CONFIG ... --seeds N``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from envs.paths import expanded
from training.cli.parsing import File, UsageError, parse, run_program

if TYPE_CHECKING:
    from training.memory_task.trials import Report, Trial


@dataclass(frozen=True)
class MemoryFlags:
    """Train each config's policy on a task that needs memory, with several seeds, and evaluate it on held-out
    seeds.

    A trial that is done is not repeated, so that the same command continues after a stop. Prints the share of
    right choices of each policy; chance is 50 %.
    """

    configs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG")]
    """Configs, each named after its file."""
    seeds: int = 5
    """Seeds for each config, counted from 1."""
    episodes: int = 200
    """Held-out episodes for each seed."""
    out: File = None
    """Folder for the results of trials (default: memory_task/ beside the runs)."""


def main(arguments: Sequence[str]) -> int:
    """Run the trials that are missing and print the table. Returns the exit status. Raises UserError."""
    flags = parse(MemoryFlags, arguments, "python -m training.memory_task")
    for name, value in (("seeds", flags.seeds), ("episodes", flags.episodes)):
        if not 1 <= value <= 10_000:
            raise UsageError(f"--{name} {value} is out of range: must be 1 to 10000")
    from training.memory_task.results import read_outcome, results_table, write_outcome
    from training.memory_task.trials import run_trial
    from training.runs.folder import runs_root

    trials = _trials(flags)
    folder = expanded(flags.out, "--out") if flags.out is not None else runs_root() / "memory_task"
    outcomes = {(t.name, t.seed): read_outcome(folder, t, flags.episodes) for t in trials}
    for trial in trials:
        key = trial.name, trial.seed
        found = outcomes[key]
        if found is None:
            print(f"{trial.name}, seed {trial.seed}: {trial.config.planned_steps:,} steps", flush=True)
            found = outcomes[key] = run_trial(trial, flags.episodes, _reporter(trial))
            write_outcome(folder, trial, found)
        print(f"{trial.name}, seed {trial.seed}: {found.right / found.episodes:.0%} right", flush=True)
    by_name = {t.name: [o for (name, _), o in outcomes.items() if name == t.name and o] for t in trials}
    print(f"\n{results_table(by_name)}")
    return 0


def _reporter(trial: Trial) -> Report:
    """Return a function that prints the share of right choices ten times in a training."""
    reported = 0

    def report(steps: int, right: float) -> None:
        nonlocal reported
        tenth = 10 * steps // trial.config.planned_steps
        if tenth > reported:
            reported = tenth
            print(f"  {steps:,} steps: {right:.0%} right", flush=True)

    return report


def _trials(flags: MemoryFlags) -> list[Trial]:
    """Load every config. Raises UserError for one that is wrong, or two of one name."""
    from training.config.loading import load_config
    from training.memory_task.trials import Trial

    files = [Path(name) for name in flags.configs]
    names = [file.stem for file in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two configs are named {twice}: rename one, since results are named after them")
    configs = [(file, load_config(file)) for file in files]
    return [Trial(file, config, seed) for file, config in configs for seed in range(1, flags.seeds + 1)]


if __name__ == "__main__":
    run_program(main)
