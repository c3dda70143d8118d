"""Trials whose process is gone: found at once where it ran on this machine, and tried again."""

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


def sign(trial: optuna.Trial) -> None:
    """Note in the database that this process works on ``trial``."""
    trial.set_user_attr(WORKER, {**_machine(), "pid": os.getpid(), "began": psutil.Process().create_time()})


def release_stale_trials(study: optuna.Study) -> None:
    """Fail the trials of dead processes and put them up to be tried again.

    A process of this machine is looked for; one of another machine is dead when its last sign of life is
    older than the storage allows.
    """
    fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_orphan(trial.user_attrs.get(WORKER)):
            with suppress(ValueError, UpdateFinishedTrialError):  # another process was faster
                retry_later(study, study.tell(trial.number, state=TrialState.FAIL), RETRIES)


def retry_later(study: optuna.Study, trial: FrozenTrial, most: int | None) -> None:
    """Put a trial that failed up to be tried again with its settings, unless it was ``most`` times."""
    RetryHeartbeatStaleTrialCallback(max_retry=most)(study, trial)


def _machine() -> dict[str, str]:
    """This machine since it was started: names alone may be shared by several."""
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
