"""Several runs of one config, which differ only in the seed: ``train_ppo.py --seeds 5``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from envs.files import write_json
from training.cli.parsing import UsageError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.task import resolve_task
from training.runs.folder import new_run_name, run_folder, runs_root
from training.runs.lookup import find_checkpoint
from training.session.flags import TrainFlags
from training.session.plan import check_cluster, check_plausible
from training.sweeps.comparison import result_row, sweep_table
from training.sweeps.local_jobs import TrialOutcome, finished_summary, run_trials
from training.sweeps.trials import Trial

MOST = 100_000


def train_several(flags: TrainFlags) -> int:
    """Train the runs that are missing, each in a process of its own, and print a table with their means.

    Returns the exit status: 0, or 1 when a run failed. Raises UserError, before any run starts, for flags
    that concern a single run, and for what is wrong in the config.
    """
    name, planned = _planned(flags)
    outcomes = [TrialOutcome(trial, finished_summary(trial)) for trial in planned]
    missing = [outcome.trial for outcome in outcomes if outcome.summary is None]
    steps = sum(trial.config.planned_steps for trial in missing)
    folder = runs_root() / "sweeps" / name
    print(f"{name}: {len(planned)} seeds, {len(planned) - len(missing)} runs already done,"
          f" {len(missing)} to go ({steps:,} steps); logs in {folder / 'logs'}", flush=True)  # fmt: skip
    fresh = run_trials(missing, folder, flags.jobs or 1, lambda line: print(line, flush=True))
    outcomes = [*(outcome for outcome in outcomes if outcome.summary is not None), *fresh]
    print(f"\n{sweep_table(outcomes)}\n")
    write_json(folder / "result.json", {"name": name, "trials": [result_row(one) for one in outcomes]})
    done = [outcome.trial.run for outcome in outcomes if outcome.summary is not None]
    if done:
        print(f"evaluate them: python training/evaluate.py {shlex.join(sorted(done))} --episodes 20 --picture"
              f" {shlex.quote(str(folder / 'eval.png'))}")  # fmt: skip
    return int(len(done) < len(planned))


def _planned(flags: TrainFlags) -> tuple[str, list[Trial]]:
    """Return the name that the runs share, and the runs."""
    for other in _of_one_run(flags):
        raise UsageError(f"{other} and --seeds cannot be given together")
    for flag, number in (("--seeds", flags.seeds), ("--jobs", flags.jobs)):
        if number is not None and not 1 <= number <= MOST:
            raise UsageError(f"{flag} {number} is out of range: must be 1 to {MOST}")
    config = load_config(flags.config, flags.overrides())
    check_cluster(flags, config)
    check_plausible(flags, resolve_task(config))
    weights = () if flags.init_from is None else ("--init-from", str(find_checkpoint(flags.init_from).folder))
    ignored = (("--ignore-memory", flags.ignore_memory), ("--ignore-implausible", flags.ignore_implausible))
    name = flags.run_name if flags.run_name is not None else new_run_name(flags.config)
    trials = [
        Trial(name, seed, f"{name}.s{seed}", own, tuple(flag for flag, given in ignored if given), weights)
        for seed, own in enumerate(_configs(flags, config, name), start=1)
    ]
    for trial in trials:
        run_folder(trial.run)  # refuses a name that is wrong or too long
    return name, trials


def _configs(flags: TrainFlags, config: TrainConfig, name: str) -> Iterator[TrainConfig]:
    file = str(Path(flags.config).resolve()) if flags.config is not None else None
    for seed in range(1, (flags.seeds or 0) + 1):
        yield config.model_copy(update={"seed": seed, "sweep": name, "sweep_config": file})


def _of_one_run(flags: TrainFlags) -> Iterator[str]:
    """Yield the given flags that concern a single run."""
    for key in ("seed", "resume", "stop_after", "export_sb3"):
        if getattr(flags, key) is not None:
            yield "--" + key.replace("_", "-")
    for key in ("accept_changes", "use_graphics"):
        if getattr(flags, key):
            yield "--" + key.replace("_", "-")
    if flags.measure_num_envs:
        yield "--num-envs auto"
