"""Hyperparameter search: Optuna proposes, train_ppo.py trains, evaluations on held-out seeds decide.

Each process runs one trial at a time. Any number of processes, on any number of machines, share a search
through its database; the trial of a dead process is retried by the next process that looks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from envs.errors import UserError
from envs.files import write_json
from training.runs.folder import RunError, made_folder, run_folder, runs_root
from training.sweeps.local_jobs import (
    POLL,
    NotStarted,
    TrialProcess,
    finished_summary,
    terminations_as_interrupts,
)
from training.sweeps.space import Range, Space, base_path, nested, trial_config
from training.sweeps.stale_trials import record_worker, release_stale_trials, retry_later
from training.sweeps.storage import STARTUP_TRIALS
from training.sweeps.trial_places import TrialPlaces
from training.sweeps.trials import Trial

FAILURES = 5
"""Consecutive failed trials after which the search gives up."""


class TrialFailed(Exception):
    """A trial's run failed; the search continues with other trials."""


def search(study: optuna.Study, space: Space, path: Path, trials: int, say: Callable[[str], None]) -> None:
    """Work on ``study`` until it has ``trials`` completed or pruned trials, from any process.

    No trial is begun that would be one too many if all running ones end well. SIGTERM and Ctrl-C stop the
    running trial, which is retried later, and raise KeyboardInterrupt.
    """
    folder = runs_root() / "sweeps" / study.study_name
    for part in ("configs", "logs"):
        made_folder(folder / part)
    taken: list[int] = []
    places = TrialPlaces(study, trials, folder)

    def objective(trial: optuna.Trial) -> float:
        places.release()
        trial.study.sampler = _sampler(space.seed, trial.number)
        try:
            if places.is_surplus(trial.number):
                raise _left_out(trial)
            return _try(trial, space, path, folder, say)
        except UpdateFinishedTrialError:
            taken.append(trial.number)
            say(f"trial {trial.number}: left to another process, which assumed this one was dead")
            raise
        except KeyboardInterrupt:
            retry_later(trial.study, _frozen(trial), None)
            raise

    release_stale_trials(study)
    with terminations_as_interrupts():
        while places.wait_for_one(say):
            known = len(taken)
            try:
                study.optimize(objective, n_trials=1, callbacks=[_stop_after_failures], catch=(TrialFailed,))
            except (ValueError, UpdateFinishedTrialError):  # what Optuna raises for a trial that was taken
                if len(taken) == known:
                    raise
            finally:
                places.release()


def _left_out(trial: optuna.Trial) -> TrialFailed:
    """Return the exception for a trial that is one too many; a retry goes back to the queue."""
    if RetryHeartbeatStaleTrialCallback.retried_trial_number(_frozen(trial)) is not None:
        retry_later(trial.study, _frozen(trial), None)
    return TrialFailed("other processes began enough trials at the same time")


def _sampler(seed: int, number: int) -> optuna.samplers.TPESampler:
    """A sampler with a separate seed for each trial: with one worker a search is reproducible, and workers
    that start together make different proposals."""
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=own, n_startup_trials=STARTUP_TRIALS, constant_liar=True)


def _stop_after_failures(study: optuna.Study, trial: FrozenTrial) -> None:
    last = study.get_trials(deepcopy=False)[-FAILURES:]
    failures = [str(trial.user_attrs["failure"]) for trial in last if "failure" in trial.user_attrs]
    if len(failures) == FAILURES:
        raise RunError(
            f"search {study.study_name}: {FAILURES} trials in a row failed; the last: {failures[-1]}"
        )


def refuse_another_space(study: optuna.Study, space: Space, name: str) -> None:
    """Store the space in a new study; raise RunError if the study was started with a different one."""
    described = space.model_dump(mode="json", exclude={"description"})
    before = study.user_attrs.get("space")
    if before is None:
        study.set_user_attr("space", described)
    elif before != described:
        keys = ", ".join(key for key in described if described[key] != before.get(key))
        raise RunError(
            f"search {name} was started with another space file (differs in {keys}); choose another --name"
        )


def _try(trial: optuna.Trial, space: Space, path: Path, folder: Path, say: Callable[[str], None]) -> float:
    record_worker(trial)
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(_frozen(trial))
    number = trial.number if first is None else first  # a retried trial resumes its run
    settings = {key: _suggest(trial, key, spread) for key, spread in space.space.items()}
    try:
        config = trial_config(space, path, settings, space.seed + number)
    except UserError as error:
        raise _failed(trial, str(error), say) from None
    run = f"{trial.study.study_name}.t{number}"
    base = str(base_path(space, path).resolve())
    config = config.model_copy(update={"sweep": trial.study.study_name, "sweep_config": base})
    trial.set_user_attr("run", run)
    try:
        value, failure = _run(Trial(f"t{number}", config.seed, run, config), trial, space.objective, folder)
    except NotStarted as error:
        raise _failed(trial, str(error), say) from None
    if value is None:
        raise _failed(trial, failure or "it was never evaluated", say)
    if _frozen(trial).state != TrialState.RUNNING:
        raise UpdateFinishedTrialError
    say(f"trial {trial.number}: {space.objective} {value:.3f} with {json.dumps(settings)}")
    return value


def _run(
    planned: Trial, trial: optuna.Trial, objective: str, folder: Path
) -> tuple[float | None, str | None]:
    """Return the figure of the last evaluation, or None, and why the run failed, or None."""
    if finished_summary(planned) is not None:  # the process died before it could report the result
        return _report(trial, evaluations(run_folder(planned.run)), objective), None
    process = TrialProcess(planned, folder)
    try:
        value = _watch(process, trial, objective)
    except BaseException:
        process.stop()
        raise
    outcome = process.outcome()
    return (None if outcome.summary is None else value), outcome.failure


def _failed(trial: optuna.Trial, reason: str, say: Callable[[str], None]) -> TrialFailed:
    trial.set_user_attr("failure", reason)
    say(f"trial {trial.number}: FAILED, {reason}")
    return TrialFailed(reason)


def _frozen(trial: optuna.Trial) -> FrozenTrial:
    return next(t for t in trial.study.get_trials(deepcopy=False) if t.number == trial.number)


def _suggest(trial: optuna.Trial, key: str, spread: Range) -> Any:
    if spread.choices is not None:  # as JSON, since the database cannot store lists
        return json.loads(trial.suggest_categorical(key, [json.dumps(choice) for choice in spread.choices]))
    low, high = spread.low, spread.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, log=spread.log)
    return trial.suggest_float(key, float(low or 0), float(high or 0), log=spread.log)


def _watch(process: TrialProcess, trial: optuna.Trial, objective: str) -> float | None:
    """Report each evaluation of the run until it ends; return the figure of the last.

    Raises optuna.TrialPruned when the median of other trials was better at the same step.
    """
    value, reported = None, 0
    while True:
        ended = process.ended  # checked first, so that every row written before the end is read
        rows = evaluations(run_folder(process.trial.run))
        for row in rows[reported:]:
            value = _report(trial, [row], objective)
            if not ended and trial.should_prune():
                raise optuna.TrialPruned
        reported = len(rows)
        if ended:
            return value
        time.sleep(POLL)


def _report(trial: optuna.Trial, rows: Sequence[Mapping[str, Any]], objective: str) -> float | None:
    """Report evaluations to Optuna; return the figure of the last."""
    value = None
    for row in rows:
        value = float(row[objective])
        trial.report(value, int(row["steps"]))
    return value


def evaluations(run: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's eval.jsonl written by training, without an incomplete last line."""
    try:
        lines = (run / "eval.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [row for row in rows if row.get("while") == "training"]


def write_best(study: optuna.Study, space: Space, path: Path) -> Path:
    """Write the best trial's settings as a config file. Raises RunError when no trial has completed."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise RunError(f"search {study.study_name}: no trial has completed yet, so there is no best one")
    best = study.best_trial
    settings = {
        key: json.loads(value) if space.space[key].choices is not None else value
        for key, value in best.params.items()
    }
    target = runs_root() / "sweeps" / study.study_name / "best.json"
    base = base_path(space, path).resolve()
    description = (
        f"Best of search {study.study_name}: trial {best.number}, {space.objective} {best.value:.3f}."
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, {"extends": str(base), **nested(settings), "description": description})
    return target
