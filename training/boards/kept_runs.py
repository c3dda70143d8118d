"""Evaluated runs of a board as small files, which outlive the runs' folders.

A board may take days, on machines that keep nothing. A file of some kilobytes for each run, in a repository
or on a shared disk, lets any of them go on with the next run, and make the whole page.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.files import write_json
from training.boards.board_file import Board
from training.boards.entries import Track
from training.boards.evaluations import CODE, Evaluation
from training.boards.results import RunResult
from training.evaluation.episode_statistics import as_columns, from_columns
from training.evaluation.protocol import Rules
from training.sweeps.local_jobs import TrialOutcome
from training.sweeps.trials import Trial

HELD_OUT_SEEDS = 1
NAMES = ("sweep", "sweep_config", "sweep_variant", "name", "description", "agent_id")
"""Settings that say what a run is called, and change nothing in it."""


@dataclass(frozen=True)
class KeptRuns:
    """The results of a board in ``folder`` (None: they are not kept). ``base`` is the board file's folder."""

    folder: Path | None
    base: Path
    board: Board

    def read(self, track: Track, trial: Trial) -> RunResult | None:
        """Return the result of a run, or None if there is none by the board's rules and settings."""
        if self.folder is None:
            return None
        try:
            row = json.loads(self._path(trial).read_text(encoding="utf-8"))
            if row["digest"] != self._digest(track, trial):
                return None
            return RunResult(
                TrialOutcome(trial, dict(row["summary"])),
                [
                    Evaluation(one["steps"], from_columns(one["values"]), one[CODE])
                    for one in row["evaluations"]
                ],
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None  # not made yet, or damaged: the run is made again

    def write(self, track: Track, result: RunResult) -> None:
        """Keep the result of an evaluated run."""
        if self.folder is None or not result.evaluated:
            return
        trial, evaluations = result.outcome.trial, [_plain(one) for one in result.evaluations]
        digest, summary = self._digest(track, trial), result.outcome.summary
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._path(trial), {"digest": digest, "summary": summary, "evaluations": evaluations})

    def _path(self, trial: Trial) -> Path:
        assert self.folder is not None
        return self.folder / f"{trial.variant}.s{trial.seed}.json"

    def _digest(self, track: Track, trial: Trial) -> str:
        """Return a hash of all that decides on a result, except for the commit, which the page names."""
        rules = Rules.of(track.task, self.board.episodes, HELD_OUT_SEEDS, 1).record
        config = trial.config.model_dump(mode="json", exclude=set(NAMES))
        about = {
            "rules": {key: value for key, value in rules.items() if key != CODE},
            "points": [self.board.points, self.board.point_episodes],
            "config": _portable(config, self.base),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    return {"steps": evaluation.steps, CODE: evaluation.code, "values": as_columns(evaluation.episodes)}


def _portable(value: Any, base: Path) -> Any:
    """Return JSON values with full paths as seen from ``base``: another machine keeps them elsewhere."""
    if isinstance(value, Mapping):
        return {key: _portable(one, base) for key, one in value.items()}
    if isinstance(value, list):
        return [_portable(one, base) for one in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(os.path.relpath(value, base)).as_posix()
    return value
