"""How many trials of a search may run at once, so that several processes do not make more than were asked
for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState

from training.sweeps.stale_trials import WORKER, release_stale_trials

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
WAIT = 1.0  # seconds between two looks at the database
UNSIGNED = timedelta(minutes=1)
"""Time within which a process signs a trial that it began. One that is still unsigned then is dead."""


class TrialPlaces:
    """The ``trials`` places of a search: completed, pruned and running trials each take one.

    A lock in ``folder`` keeps processes on this machine from taking the same place. Between machines, which
    share only the database, ``is_surplus`` finds the later one.
    """

    def __init__(self, study: optuna.Study, trials: int, folder: Path) -> None:
        self._study, self._trials = study, trials
        self._lock = FileLock(folder / ".lock")

    def wait_for_one(self, say: Callable[[str], None]) -> bool:
        """Wait until there is a place and hold it with the lock. False once ``trials`` are done."""
        announced = False
        while True:
            self._lock.acquire()
            done, running = self._taken()
            if done + len(running) < self._trials:
                return True
            self._lock.release()
            if done >= self._trials:
                return False
            if not announced:
                say(f"{len(running)} trials of other processes are still running; waiting for their ends")
                announced = True
            time.sleep(WAIT)
            release_stale_trials(self._study)

    def release(self) -> None:
        """Let other processes look for a place. May be called again."""
        self._lock.release()

    def is_surplus(self, number: int) -> bool:
        """Whether the running trial ``number`` got no place, because others began at the same time."""
        done, running = self._taken()
        return number in running[max(0, self._trials - done) :]

    def _taken(self) -> tuple[int, list[int]]:
        """Return the number of trials that are done, and the numbers of those that run, of one moment.

        Two reads would count a trial that ends between them as neither.
        """
        trials = self._study.get_trials(deepcopy=False)
        running = [t.number for t in trials if t.state == TrialState.RUNNING and not _is_abandoned(t)]
        return sum(trial.state in DONE for trial in trials), sorted(running)


def _is_abandoned(trial: FrozenTrial) -> bool:
    """Whether the trial's process died before it signed the trial, so that nobody would notice."""
    began = trial.datetime_start
    return WORKER not in trial.user_attrs and began is not None and datetime.now() - began > UNSIGNED
