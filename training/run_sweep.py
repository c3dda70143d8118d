"""Compare variants of a config: ``python training/run_sweep.py "configs/sweeps/ppo_agent_sweep_*.json"``.

Each variant runs once per seed as a separate training run; the same command continues where it stopped.
``--search configs/sweeps/space.json`` searches ranges for good settings instead.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from envs.cluster.ray_api import require_ray
from envs.installation import call, shipped_config
from training.cli.parsing import Count, File, Name, Switch, UsageError, parse, run_program

ONLY_SWEEP = ("episodes", "mode", "base_config", "seeds", "jobs", "ray_address", "trial_cpus", "rom",
              "compare_unlike")  # fmt: skip
ONLY_SEARCH = ("trials", "storage", "stale_after")


@dataclass(frozen=True)
class SweepFlags:
    """Compare variants of a config, each over several seeds."""

    patterns: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATTERN")]
    """Config files, or quoted patterns that match them."""
    episodes: Count = 100
    """Length of each run in episodes (episodes x max_steps steps)."""
    mode: Annotated[Literal["smoke", "full"], tyro.conf.arg(metavar="{smoke,full}")] = "smoke"
    """smoke: at most 512 steps per episode, 8 environments, 256 steps per rollout; full: as configured."""
    base_config: File = None
    """Config to use instead of the one that the agents extend: the same agents on another task."""
    seeds: Count = 3
    """Runs per variant, with seeds 1, 2, ..."""
    jobs: Count = 1
    """Runs in parallel."""
    ray_address: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Run as tasks on the Ray cluster with this head (see docs/ray.md), as many at a time as fit."""
    trial_cpus: Count = 2
    """Processors per run on the cluster."""
    rom: File = None
    """Cartridge to play (default: POKEMON_RED_ROM, or the embedded one)."""
    name: Name = None
    """Name of the sweep (default: derived from the variants, so that the same command continues it)."""
    search: File = None
    """Search for good settings: a file with ranges (see configs/sweeps/space.json), instead of patterns."""
    trials: Count = 20
    """Trials of the search, across all processes."""
    storage: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    """Database of the search (default: SQLite in its folder); postgresql://... for several machines."""
    stale_after: Annotated[float, tyro.conf.arg(metavar="S")] = 120.0
    """Seconds without a heartbeat after which a trial's process counts as dead and the trial is retried."""
    compare_unlike: Switch = False
    """Compare variants even if they play different games or have different rewards."""


def main(arguments: Sequence[str]) -> int:
    """Plan everything, run what is missing, print the table. Returns 0, or 1 when a run failed.

    Raises:
        UserError: a pattern matches nothing, a config is wrong, or the variants cannot be compared.
    """
    flags = parse(SweepFlags, arguments, "run_sweep.py")
    if bool(flags.patterns) == (flags.search is not None):
        raise UsageError("give either PATTERN or --search PATH; see --help")
    for flag in ("episodes", "seeds", "jobs", "trials", "trial_cpus"):
        if not 1 <= (number := getattr(flags, flag) or 0) <= 100_000:
            raise UsageError(f"--{flag.replace('_', '-')} {number} is out of range: must be 1 to 100000")
    _refuse_unused(flags)
    if flags.ray_address is not None:
        require_ray()
    if not 2 <= flags.stale_after <= 86_400:
        raise UsageError(f"--stale-after {flags.stale_after:g} is out of range: must be 2 to 86400 seconds")
    return _sweep(flags) if flags.search is None else _search(flags, shipped_config(flags.search))


def _refuse_unused(flags: SweepFlags) -> None:
    """Raise UsageError for a flag that has no effect on what was chosen, a sweep or a search."""
    unused, needed = (ONLY_SEARCH, "--search") if flags.search is None else (ONLY_SWEEP, "PATTERN")
    usual = {field.name: field.default for field in fields(SweepFlags)}
    for name in unused:
        if getattr(flags, name) != usual[name]:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(flags, name)} needs {needed}")


def _search(flags: SweepFlags, path: Path) -> int:
    from training.runs.folder import made_folder, run_folder, runs_root
    from training.sweeps.search import refuse_another_space, search, write_best
    from training.sweeps.space import load_space
    from training.sweeps.storage import explained, open_study, printable

    space, _ = load_space(path)
    name = flags.name or path.stem
    run_folder(f"{name}.t100000")  # rejects a bad name before anything is created
    folder = runs_root() / "sweeps" / name
    if flags.storage is None:
        made_folder(folder)
    url = flags.storage or f"sqlite:///{(folder / 'search.sqlite').resolve()}"
    study = open_study(name, url, flags.stale_after)
    with explained(url):
        refuse_another_space(study, space, name)
        print(f"search {name}: {flags.trials} trials of {space.episodes} episodes; view it with\n"
              f"  optuna-dashboard {shlex.quote(printable(url))}", flush=True)  # fmt: skip
        search(study, space, path, flags.trials or 1, _say)
        best = write_best(study, space, path)
    print(f"\nbest: trial {study.best_trial.number}, {space.objective} {study.best_value:.3f}: {best}")
    print(f"train with it: {call('train_ppo.py')} --config {best}")
    return 0


def _sweep(flags: SweepFlags) -> int:
    from envs.files import write_json
    from training.runs.folder import run_folder, runs_root
    from training.sweeps.comparison import recommendation, result_row, sweep_table
    from training.sweeps.local_jobs import TrialOutcome, finished_summary, run_trials
    from training.sweeps.trials import find_configs, load_variants, refuse_unlike, sweep_name, trials

    overrides: dict[str, Any] = {"rom": str(flags.rom)} if flags.rom else {}
    paths = find_configs(flags.patterns)
    variants = load_variants(paths, flags.base_config, flags.mode, flags.episodes or 1, overrides)
    if not flags.compare_unlike:
        refuse_unlike(variants)
    name = flags.name or sweep_name(variants)
    planned = trials(name, variants, flags.seeds or 1)
    for trial in planned:
        run_folder(trial.run)  # rejects a name that is too long before anything starts
    done = [TrialOutcome(trial, finished_summary(trial)) for trial in planned]
    missing = [outcome.trial for outcome in done if outcome.summary is None]
    done = [outcome for outcome in done if outcome.summary is not None]
    steps = sum(trial.config.planned_steps for trial in missing)
    print(f"sweep {name}: {len(variants)} variants x {flags.seeds} seeds, {len(done)} runs already done,"
          f" {len(missing)} to go ({steps:,} steps)", flush=True)  # fmt: skip
    folder = runs_root() / "sweeps" / name
    if flags.ray_address is not None:
        from training.sweeps.cluster_jobs import run_trials_on_cluster

        fresh = run_trials_on_cluster(missing, folder, flags.ray_address, flags.trial_cpus or 1, _say)
    else:
        fresh = run_trials(missing, folder, flags.jobs or 1, _say)
    outcomes = [*done, *fresh]
    text = f"{sweep_table(outcomes)}\n\n{recommendation(outcomes)}"
    print(f"\n{text}\n\nlogs and configs: {folder}")
    rows = [result_row(outcome) for outcome in outcomes]
    write_json(folder / "result.json", {"name": name, "trials": rows, "text": text})
    return 1 if any(outcome.summary is None for outcome in fresh) else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    run_program(main, lasting=True)
