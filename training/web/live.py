"""Live play for the page: one process at a time that plays a run's newest checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.live.commands import Command

ROOT = Path(__file__).resolve().parents[2]
UNWATCHED_S = 15.0
"""Seconds without a look after which a game ends."""
LOOK_S = 1.0  # a look waits so long for news
CLOSING_S = 10.0  # until a process that should end is killed


class Busy(RuntimeError):
    """Another run is played live."""


class LiveProcess:
    """A process that plays ``folder``, and the latest of everything that it said.

    It ends by itself when nobody looks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "training.live", str(folder.resolve())]
        # Not another working directory: the path of a ROM may count from it.
        places = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": places},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._news = threading.Condition()
        self._state: dict[str, Any] = {"state": "loading", "run": folder.name}
        self._number = 0  # of the latest news
        self._looked = time.monotonic()
        for work in (self._read, self._watch):
            threading.Thread(target=work, name="live play", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it plays."""
        return self._process.poll() is None

    def look(self, after: int) -> dict[str, Any]:
        """Return the state, once there is news after number ``after`` or LOOK_S have passed."""
        self._looked = time.monotonic()
        with self._news:
            self._news.wait_for(lambda: self._number > after, LOOK_S)
            return {**self._state, "number": self._number}

    def send(self, command: Command) -> None:
        """Send a command. Does nothing if the process has ended."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, or is about to
            self._process.stdin.write(command.model_dump_json() + "\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(CLOSING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        """Take in what the process says until it ends."""
        assert self._process.stdout is not None
        last = ""
        for line in self._process.stdout:
            try:
                frame = json.loads(line)
            except ValueError:  # a warning, or an error
                last = line.strip() or last
                continue
            self._tell({"state": "playing", **frame} if isinstance(frame, dict) else {})
        self._process.wait()
        if "failed" not in self._state:
            why = last if last and self._process.returncode else "the game has ended"
            self._tell({"failed": why})
        self._tell({"state": "ended"})

    def _tell(self, news: dict[str, Any]) -> None:
        with self._news:
            said = {"said_number": self._number + 1} if news.get("said") else {}
            if not news.get("said"):
                news.pop("said", None)
            self._state.update(news | said)
            self._number += 1
            self._news.notify_all()

    def _watch(self) -> None:
        """End the process once nobody has looked for UNWATCHED_S."""
        while self.alive:
            if time.monotonic() - self._looked > UNWATCHED_S:
                self._tell({"failed": f"the game has ended: nobody looked for {UNWATCHED_S:.0f} seconds"})
                self.end()
            time.sleep(0.5)


class LivePlays:
    """The one process that plays for the page, if any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: LiveProcess | None = None

    def start(self, folder: Path) -> None:
        """Begin to play ``folder``, unless that is being played. Raises Busy."""
        with self._lock:
            current = self._current
            if current is not None and current.alive:
                if current.folder == folder:
                    return
                raise Busy(
                    f"run {current.folder.name} is played live, and only one can be at a time: end it on its"
                    f" page, or close that and wait {UNWATCHED_S:.0f} seconds"
                )
            self._current = LiveProcess(folder)

    def of(self, folder: Path) -> LiveProcess | None:
        """Return what plays ``folder`` or played it last, or None."""
        current = self._current
        return current if current is not None and current.folder == folder else None

    def plays(self, folder: Path) -> bool:
        """Whether ``folder`` is being played."""
        found = self.of(folder)
        return found is not None and found.alive

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._current is not None:
                self._current.end()
