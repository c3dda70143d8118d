"""A Ray cluster on this machine: real processes on loopback addresses, for benchmarks and tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from envs.cluster.ray_api import PORTS, SETTINGS

PROGRAM = Path(__file__).resolve().parents[1] / "ray_node.py"
HEAD = "127.0.0.2"
STARTING_SECONDS = 300.0
"""A node starts six processes, perhaps on a busy machine."""
STARTED = "Ray runtime started"


class LoopbackCluster:
    """A cluster whose head at 127.0.0.2 has no CPUs; ``add`` adds nodes that have some.

    The variables ``environment`` identify its processes; the trainer must have them too. Raises TimeoutError
    with the nodes' output if they do not start.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rays-"))  # short, as Ray's socket paths must be
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._flags: dict[str, tuple[str, ...]] = {}
        self._ports = 20_000 + os.getpid() % 12 * 1_000  # another process may have another cluster
        self.environment = {
            **SETTINGS,
            "RAY_TMPDIR": str(self.folder),
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
        }
        self.address = ""
        try:
            self._start(HEAD, "--head", "--cpus", "0")
            self.wait_for(HEAD)
        except BaseException:
            self.close()
            raise

    def add(self, address: str, cpus: int) -> None:
        """Start a node with ``cpus`` CPUs. It joins the cluster some seconds later."""
        self._start(address, "--join", self.address, "--cpus", str(cpus))

    def wait_for(self, *addresses: str) -> None:
        """Wait until nodes have started, and restart those that exceed Ray's limit of 30 seconds."""
        end = time.monotonic() + STARTING_SECONDS
        for address in addresses:
            while STARTED not in self.output(address):
                if time.monotonic() > end:
                    raise TimeoutError(f"{address} did not start: {self.output(address)[-2000:]}")
                if self._processes[address].poll() is not None:
                    self._start(address, *self._flags[address])
                time.sleep(0.2)

    def output(self, address: str) -> str:
        """Return what a node has printed."""
        return (self.folder / f"{address}.txt").read_text("utf-8", "replace")

    def _start(self, address: str, *flags: str) -> None:
        self._flags[address] = flags
        if address == HEAD:
            self.address = f"{HEAD}:{self._ports}"
        ports = ("--first-port", str(self._ports))
        with (self.folder / f"{address}.txt").open("wb") as output:
            self._processes[address] = subprocess.Popen(
                [sys.executable, str(PROGRAM), "--listen", address, *ports, *flags],
                env={**os.environ, **self.environment}, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is meant for the calling program
            )  # fmt: skip
        self._ports += PORTS

    def family(self, address: str) -> list[psutil.Process]:
        """Return a node's processes: Ray's own, actors, and their workers."""
        own = psutil.Process(self._processes[address].pid)
        return [own, *own.children(recursive=True)]

    def signal(self, address: str, number: signal.Signals) -> None:
        """Send a signal to every process of a node."""
        for process in self.family(address):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self, address: str) -> None:
        """End a node as a power failure would."""
        self.signal(address, signal.SIGKILL)
        self._processes.pop(address).wait()

    def left(self) -> list[psutil.Process]:
        """Return the cluster's remaining processes, found by their environment.

        This program's own children are excluded, such as multiprocessing's fork server: they have the same
        environment and outlive the cluster.
        """
        nodes = set()
        for address in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                nodes |= {process.pid for process in self.family(address)}
        own = {child.pid for child in psutil.Process().children(recursive=True)} - nodes | {os.getpid()}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.environ().get("RAY_TMPDIR") == str(self.folder)
                if ours and process.pid not in own and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        """Kill the remaining processes and remove the cluster's files."""
        for address in list(self._processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.kill(address)
        left = self.left()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)
