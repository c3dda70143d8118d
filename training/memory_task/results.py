"""Results of trials: one file for each, and the table of all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from envs.errors import UserError
from envs.files import read_plain, write_atomically
from training.cli.table import table
from training.config.schema import TrainConfig
from training.evaluation.intervals import rate_over_runs
from training.memory_task.trials import Outcome, Trial

MAX_BYTES = 1_000_000
HEADINGS = ("policy", "seeds", "steps", "episodes", "right choices", "95 % interval", "each seed")


def result_file(folder: Path, trial: Trial) -> Path:
    """Return where the outcome of a trial is stored."""
    return folder / f"{trial.name}-seed-{trial.seed}.json"


def write_outcome(folder: Path, trial: Trial, outcome: Outcome) -> None:
    """Store an outcome with the config that it belongs to. Raises UserError."""
    path = result_file(folder, trial)
    text = json.dumps({**asdict(outcome), "config": trial.config.model_dump(mode="json")}, indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error


def read_outcome(folder: Path, trial: Trial, episodes: int) -> Outcome | None:
    """Return the stored outcome of a trial; None if there is none yet.

    Raises UserError if the file is damaged, or is of another config or number of episodes.
    """
    path = result_file(folder, trial)
    try:
        stored = json.loads(read_plain(path, MAX_BYTES))
        config = TrainConfig.model_validate_json(json.dumps(stored["config"]))
        outcome = Outcome(*(_count(stored, name) for name in ("steps", "episodes", "right")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the result of a trial ({error}); remove it to run the trial") from error
    changes = trial.config.differences(config)
    if outcome.episodes != episodes:
        changes.append(f"episodes: {outcome.episodes} -> {episodes}")
    if changes:
        raise UserError(f"{path}: the result of other settings ({', '.join(changes)}); choose another --out")
    return outcome


def _count(stored: Mapping[str, Any], name: str) -> int:
    value = stored[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is {value!r}")
    return value


def results_table(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    """Return the table of all policies, by their names."""
    return table([HEADINGS, *(_row(name, found) for name, found in outcomes.items())])


def _row(name: str, found: Sequence[Outcome]) -> tuple[str, ...]:
    rates = [outcome.right / outcome.episodes for outcome in found]
    episodes = sum(outcome.episodes for outcome in found)
    low, high = rate_over_runs(rates, episodes)
    return (
        name,
        str(len(found)),
        f"{found[0].steps:,}",
        f"{episodes:,}",
        f"{fmean(rates):.1%}",
        f"{low:.1%} to {high:.1%}",
        ", ".join(f"{rate:.0%}" for rate in rates),
    )
