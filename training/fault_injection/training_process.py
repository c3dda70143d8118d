"""A training run in its own process, which a soak breaks and restarts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from training.checkpoints.writing import numbered_checkpoints

CONFIG = {
    "description": "Four games, short episodes, a checkpoint after every update: for soaks.",
    "num_envs": 4,
    "workers": 2,
    "max_steps": 200,
    "n_steps": 64,
    "batch_size": 128,
    "total_steps": 1_000_000_000,
    "save_interval": 256,
    "keep_checkpoints": 5,
    "device": "cpu",
    "episodes_mb": 1000,
}
STUCK_S = 300.0
"""Seconds after which a step of the soak counts as stuck, even on a busy machine."""
PROGRAM = Path(__file__).resolve().parents[1] / "train_ppo.py"
BEGINS = re.compile(r"^run \S+?(?: from step ([\d,]+))?: ", re.MULTILINE)


class SoakError(RuntimeError):
    """The run failed in a way that ends the soak."""


class TrainingProcess:
    """The run ``name`` under ``root``, trained by one process at a time."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.run = root / name
        self.checkpoints = self.run / "checkpoints"
        self.rollout_steps = int(str(CONFIG["num_envs"])) * int(str(CONFIG["n_steps"]))
        self.seen: dict[int, float] = {}
        """All processes that ever belonged to the run: id and time of creation."""
        self.shared: set[Path] = set()
        """Shared memory that they had mapped."""
        self._sessions = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: object) -> int:
        """Start training and wait until it begins. Returns its first step count. Raises SoakError."""
        self._sessions += 1
        with self._output("out").open("wb") as out, self._output("err").open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *map(str, flags)],
                env={**os.environ, "POKERED_RUNS": str(self.root)}, stdout=out, stderr=err,
            )  # fmt: skip
        deadline = time.monotonic() + STUCK_S
        while True:
            begins = BEGINS.search(self._output("out").read_text())
            if begins:
                return int((begins[1] or "0").replace(",", ""))
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SoakError(f"training did not begin: {self.errors()}")
            time.sleep(0.05)

    def _output(self, stream: str) -> Path:
        return self.root / f"session-{self._sessions}.{stream}"

    def errors(self) -> str:
        """The session's output on stderr."""
        return self._output("err").read_text()

    def wait_for_checkpoint(self, seconds: float) -> None:
        """Wait for the next checkpoint, which shows that training continues. Raises SoakError."""
        before, deadline = self._newest(), time.monotonic() + seconds
        while self._newest() <= before:
            if self._process is None or self._process.poll() is not None:
                raise SoakError(f"training ended: {self.errors()}")
            if time.monotonic() > deadline:
                raise SoakError(f"no checkpoint for {seconds:g} s: {self.errors()}")
            time.sleep(0.05)
        self._note_processes()

    def wait_for_words(self, words: str, seconds: float) -> None:
        """Wait until the session has written ``words`` to stderr. Raises SoakError."""
        deadline = time.monotonic() + seconds
        while words not in self.errors():
            if time.monotonic() > deadline:
                raise SoakError(f"no message with {words!r} for {seconds:g} s: {self.errors()}")
            time.sleep(0.05)

    def refuse_files_above(self, size: int | None) -> None:
        """Limit the files that the trainer (not its workers) can write to ``size`` bytes; None: no limit."""
        limits = psutil.Process(self._pid)
        hard = limits.rlimit(psutil.RLIMIT_FSIZE)[1]
        limits.rlimit(psutil.RLIMIT_FSIZE, (hard if size is None else size, hard))

    def _newest(self) -> int:
        return max((int(path.name) for path in numbered_checkpoints(self.checkpoints)), default=0)

    def _note_processes(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        try:
            own = psutil.Process(self._process.pid)
            family = [own, *own.children(recursive=True)]
            self.seen |= {process.pid: process.create_time() for process in family}
            for process in family:
                self.shared |= _shared_memory(process.pid)
        except psutil.NoSuchProcess:
            return []
        return family[1:]

    def a_worker(self) -> psutil.Process:
        """Return a worker process, a child of the fork server. Raises SoakError."""
        family = self._note_processes()
        # The fork server itself is a child of the trainer. If it were stopped, only the next fork would hang.
        servers = {process.pid for process in family if process.ppid() == self._pid}
        workers = [process for process in family if process.pid not in servers]
        if not workers:
            raise SoakError("there is no worker")
        return max(workers, key=lambda process: process.cpu_times().user)

    @property
    def _pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def end(self, number: signal.Signals) -> int:
        """Send the trainer a signal and wait for its end. Returns its exit status."""
        self._note_processes()
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the process. Returns its exit status. Raises SoakError on a timeout."""
        assert self._process is not None
        try:
            return self._process.wait(STUCK_S)
        except subprocess.TimeoutExpired:
            raise SoakError(f"training did not end: {self.errors()}") from None

    def alive(self) -> list[int]:
        """Return the processes of this run that are still alive."""
        found = []
        for pid, created in self.seen.items():
            try:
                process = psutil.Process(pid)
                if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(pid)
            except psutil.NoSuchProcess:
                continue
        return found

    def clean_up(self) -> None:
        """Kill all remaining processes of the run."""
        self._note_processes()
        for pid in self.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _shared_memory(pid: int) -> set[Path]:
    """Return the shared memory files that the process has mapped, deleted ones included.

    Empty if /proc cannot be read.
    """
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return set()
    names = (line.split(maxsplit=5)[5] for line in lines if "/dev/shm/" in line)  # noqa: S108
    return {Path(name.removesuffix(" (deleted)")) for name in names}
