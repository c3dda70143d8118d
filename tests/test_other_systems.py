"""Everything can be imported, and trains, where what POSIX alone has is missing, as on Windows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.workers.process import start_method
from tests.paths import ROOT

# What these packages import is loaded first: of it, each system has its own files. Then ours begin anew in a
# Python whose os and signal lack what Windows lacks, and which has no module that Windows has not.
CODE = """
import builtins, importlib, os, pkgutil, signal, sys

OURS = ("envs", "rewards", "callbacks", "training")
NO_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
NO_SIGNALS = ("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGUSR1")
NO_CALLS = (
    "fork", "getpgid", "getuid", "geteuid", "killpg", "mkfifo", "nice", "sched_getaffinity",
    "sched_setaffinity", "setsid", "uname", "wait3", "wait4",
    "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK",
)

def names():
    for top in OURS:
        yield top
        for found in pkgutil.walk_packages([top], top + "."):
            if not found.name.endswith("__main__"):
                yield found.name

every = list(names())
for name in every:
    importlib.import_module(name)
for name in every:
    del sys.modules[name]
for where, missing in ((os, NO_CALLS), (signal, NO_SIGNALS)):
    for name in missing:
        vars(where).pop(name, None)
ordinary = builtins.__import__

def as_on_windows(name, scope=None, *rest):
    importer = (scope or {}).get("__name__", "")
    if name in NO_MODULES and importer.split(".")[0] in OURS:
        raise ModuleNotFoundError(f"{importer} imports {name}, which Windows has not")
    return ordinary(name, scope, *rest)

builtins.__import__ = as_on_windows
for name in every:
    importlib.import_module(name)
print(len(every), flush=True)
os._exit(0)  # what was loaded twice need not be taken down in order
"""


def test_every_module_can_be_imported_without_what_posix_alone_has() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


# Runs at the start of every Python, workers among them: refuses the modules to our code, and takes calls away
# that the libraries of this system do without.
AT_START = """
import builtins, os

OURS = ("envs", "rewards", "callbacks", "training")
NO_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
NO_CALLS = (
    "fork", "forkpty", "killpg", "mkfifo", "nice", "setsid", "wait3",
    "sched_getaffinity", "sched_setaffinity",
)
ordinary = builtins.__import__

def as_on_windows(name, globals=None, *rest, **named):
    importer = (globals or {}).get("__name__", "").split(".")[0]
    if name in NO_MODULES and importer in (*OURS, "importlib", "__main__"):
        raise ModuleNotFoundError(name)
    return ordinary(name, globals, *rest, **named)

builtins.__import__ = as_on_windows
for name in NO_CALLS:
    vars(os).pop(name, None)
"""


@pytest.mark.slow
def test_a_run_trains_with_spawned_workers_and_without_what_posix_alone_has(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_START)
    tiny = {"start": "route1", "num_envs": 4, "workers": 2, "n_steps": 16, "batch_size": 32, "max_steps": 8}
    (tmp_path / "tiny.json").write_text(json.dumps({**tiny, "total_steps": 64}))
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "POKERED_START_METHOD": "spawn"}
    done = subprocess.run(
        [sys.executable, ROOT / "training" / "train_ppo.py", "--config", "tiny.json", "--run-name", "away"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "runs" / "away" / "summary.json").read_text())["finished"]


def test_a_start_method_that_there_is_not_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POKERED_START_METHOD", "fork")
    with pytest.raises(UserError, match="POKERED_START_METHOD fork must be spawn or forkserver"):
        start_method()
