"""Everything can be imported where what POSIX alone has is missing, as on Windows."""

from __future__ import annotations

import subprocess
import sys

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
