"""A Ray cluster within this machine: nodes as real processes on loopback addresses, to measure and to try."""

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
"""Six processes start with a node, on a machine that is busy perhaps."""
STARTED = "Ray runtime started"


class LoopbackCluster:
    """The head at 127.0.0.2, which has no processors; ``add`` adds nodes that have some.

    Its processes are known by ``environment``, which the trainer must have too. Raises TimeoutError, with
    what they said, when they do not start.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rays-"))  # short: Ray's sockets lie in it
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
        """Start a node with so many processors; the cluster knows of it some seconds later."""
        self._start(address, "--join", self.address, "--cpus", str(cpus))

    def wait_for(self, *addresses: str) -> None:
        """Until nodes have started. Ray gives a node 30 seconds; one that took longer is started again."""
        end = time.monotonic() + STARTING_SECONDS
        for address in addresses:
            while STARTED not in self.said(address):
                if time.monotonic() > end:
                    raise TimeoutError(f"{address} did not start: {self.said(address)[-2000:]}")
                if self._processes[address].poll() is not None:
                    self._start(address, *self._flags[address])
                time.sleep(0.2)

    def said(self, address: str) -> str:
        """What a node has printed."""
        return (self.folder / f"{address}.txt").read_text("utf-8", "replace")

    def _start(self, address: str, *flags: str) -> None:
        self._flags[address] = flags
        if address == HEAD:
            self.address = f"{HEAD}:{self._ports}"
        ports = ("--first-port", str(self._ports))
        with (self.folder / f"{address}.txt").open("wb") as said:
            self._processes[address] = subprocess.Popen(
                [sys.executable, str(PROGRAM), "--listen", address, *ports, *flags],
                env={**os.environ, **self.environment}, stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for the program that made it
            )  # fmt: skip
        self._ports += PORTS

    def family(self, address: str) -> list[psutil.Process]:
        """A node's processes: Ray's own, actors, and their workers."""
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
        """Processes that belong to the cluster, by their environment, whoever is their parent now.

        Those that this program itself has started, multiprocessing's fork server among them, are not meant:
        they have its environment too, and outlive the cluster.
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
        """Kill what is left of it, and remove its files."""
        for address in list(self._processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.kill(address)
        left = self.left()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)
