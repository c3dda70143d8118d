"""Programs of training/ as processes that start at once: forked from one that has imported what they need."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import psutil

from tests.paths import ROOT

JOBS = "from tests.training.forked_jobs import fork_jobs_of as jobs; jobs({})"
SWEEP_JOBS = JOBS.format("'training.sweeps.local_jobs'")
SOAK_JOBS = JOBS.format("'training.fault_injection.training_process'")
"""``before`` with which the trainers that a program starts are forked as well."""

# A line of JSON in, a line out: {"start": ...} gives a process id, {"wait": id} its status.
SERVER = """
import gc, json, os, sys
sys.path.insert(0, sys.argv[1])
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # torch reads it when it is imported
import torch._dynamo  # the first optimizer of a process imports it, which takes more than a second
import tyro._backends, tyro._backends._tyro_help_formatting, tyro.constructors._struct_spec_pydantic
import training.session.session, training.session.plan, training.train_ppo, training.export_sb3
import training.replays.replay_episode, training.sweeps.search
from tests.training.forked_jobs import run_here
gc.freeze()  # the children need not look through what the imports made
for line in sys.stdin:
    order = json.loads(line)
    if "start" in order:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, path in ((1, order["out"]), (2, order["err"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
            os.environ.update(order["environment"])
            for name in os.environ.keys() - order["environment"].keys():
                del os.environ[name]
            os.chdir(order["cwd"])
            run_here(order["program"], order["start"], order["before"])
        answer = pid
    else:
        answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
    print(json.dumps(answer), flush=True)
os._exit(0)  # at once: taking down what it has imported takes long
"""


@dataclass
class Child:
    """A program under way."""

    pid: int
    out: Path
    err: Path
    ask: Callable[[dict[str, Any]], int]

    def kill(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 1800.0) -> int:
        """Its exit status; minus the signal's number when one ended it. After ``seconds`` it counts as stuck
        and is killed."""
        limit = Timer(seconds, self.kill, [signal.SIGKILL])
        limit.start()
        status = self.ask({"wait": self.pid})
        limit.cancel()
        return status

    @property
    def ended(self) -> bool:
        """Whether it has ended, and only ``wait`` is left to do."""
        return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE

    @property
    def errors(self) -> str:
        """What it has said on stderr so far."""
        return self.err.read_text() if self.err.exists() else ""

    @property
    def shown(self) -> str:
        """What it has said on stdout so far."""
        return self.out.read_text() if self.out.exists() else ""


class Forker:
    """Starts programs; ``folder`` holds what they say. Close it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._count = 0
        self._running: set[int] = set()
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(ROOT)], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(
        self, *flags: Any, program: str = "train_ppo", before: str = "", cwd: Path = ROOT,
        environment: dict[str, str] | None = None,
    ) -> Child:  # fmt: skip
        """Start ``training/PROGRAM.py`` with ``flags``; ``before`` is code that its process runs first,
        ``environment`` what it has in place of the forker's."""
        self._count += 1
        out, err = (self.folder / f"{self._count}.{name}" for name in ("out", "err"))
        pid = self._ask(
            {
                "start": [str(flag) for flag in flags], "program": program, "before": before,
                "out": str(out), "err": str(err), "cwd": str(cwd),
                "environment": environment or self.environment,
            }
        )  # fmt: skip
        self._running.add(pid)
        return Child(pid, out, err, self._ask)

    def run(self, *flags: Any, program: str = "train_ppo", before: str = "") -> Child:
        """Start a program and wait for its end, which must be a good one."""
        child = self.start(*flags, program=program, before=before)
        status = child.wait()
        assert status == 0, child.errors
        return child

    def _ask(self, order: dict[str, Any]) -> int:
        self._running.discard(order.get("wait", 0))
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return int(json.loads(self._server.stdout.readline()))

    def end_all(self) -> None:
        """Kill what a test that failed has left running."""
        for pid in sorted(self._running):
            os.kill(pid, signal.SIGKILL)
            self._ask({"wait": pid})

    def close(self) -> None:
        """End the server, and what a test that failed has left running."""
        self.end_all()
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)


def wait_for(condition: Callable[[], bool], seconds: float = 600.0) -> None:
    """Until ``condition()`` holds; AssertionError when it does not for so long: it never will, on a busy
    machine neither."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
