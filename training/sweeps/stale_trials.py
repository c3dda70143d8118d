"""Retries of trials whose process died, which are found at once if it ran on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from training.sweeps.storage import RETRIES

WORKER = "worker"
BOOT = Path("/proc/sys/kernel/random/boot_id")


def record_worker(trial: optuna.Trial) -> None:
    """Record in the database that this process works on ``trial``."""
    trial.set_user_attr(WORKER, {**_machine(), "pid": os.getpid(), "began": psutil.Process().create_time()})


def release_stale_trials(study: optuna.Study) -> None:
    """Fail the trials of dead processes and queue them for a retry.

    A process on this machine is looked up; one on another machine counts as dead when its last heartbeat is
    older than the storage's grace period.
    """
    fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_orphan(trial.user_attrs.get(WORKER)):
            with suppress(ValueError, UpdateFinishedTrialError):  # another process was faster
                retry_later(study, study.tell(trial.number, state=TrialState.FAIL), RETRIES)


def retry_later(study: optuna.Study, trial: FrozenTrial, most: int | None) -> None:
    """Queue a failed trial for a retry with the same settings, at most ``most`` times (None: no limit)."""
    RetryHeartbeatStaleTrialCallback(max_retry=most)(study, trial)


def _machine() -> dict[str, str]:
    """This machine and its current boot: host names alone may not be unique."""
    try:
        boot = BOOT.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return {"host": socket.gethostname(), "boot": boot}


def _is_orphan(worker: Any) -> bool:
    if not isinstance(worker, dict) or any(worker.get(key) != value for key, value in _machine().items()):
        return False
    try:
        return bool(abs(psutil.Process(worker["pid"]).create_time() - worker["began"]) > 2.0)
    except psutil.NoSuchProcess:
        return True
