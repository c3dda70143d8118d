"""Videos of recorded episodes, made on request in the background, one at a time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

REPLAY = Path(__file__).resolve().parents[1] / "replay.py"
FOLDER = "replays"
KEPT = 20  # videos of a run; the oldest beyond that are deleted
MOST_WAITING = 8
LIMIT_S = 600.0
PARTS = {"verifying": (0.0, 0.3), "filming": (0.3, 0.7)}  # where each part of the work begins, and its share
PROGRESS = re.compile(r"(verifying|filming): ([0-9,]+) of ([0-9,]+) steps")  # see training.cli.progress
PROGRESS_EVERY_S = 1


class TooManyReplays(RuntimeError):
    """Too many videos are waiting to be made."""


class Replays:
    """Makes ``RUN/replays/NAME.mp4`` out of ``RUN/episodes/NAME.episode`` with training/replay.py."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")
        self._jobs: OrderedDict[Path, Future[str]] = OrderedDict()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._making: Path | None = None  # the video that is being made, of which this share is done
        self._share = 0.0
        self._closed = False

    def request(self, run: Path, episode: Path) -> None:
        """Queue the video of ``episode`` unless it exists or is queued. Raises TooManyReplays."""
        video = video_of(run, episode)
        with self._lock:
            job = self._jobs.get(video)
            if video.is_file() or (job is not None and not job.done()):
                return
            self._jobs = OrderedDict((path, job) for path, job in self._jobs.items() if not job.done())
            if len(self._jobs) >= MOST_WAITING:
                raise TooManyReplays(f"{MOST_WAITING} videos are waiting to be made; try again later")
            self._jobs[video] = self._pool.submit(self._make, episode, video)

    def state(self, run: Path, episode: Path) -> dict[str, str | float]:
        """Return ``{"state": "ready" | "working" | "failed" | "none", "said": why it failed}``.

        While it is worked on also ``share``, the part of the work that is done.
        """
        video = video_of(run, episode)
        with self._lock:
            job = self._jobs.get(video)
        if job is not None and not job.done():
            return {"state": "working", "said": "", "share": self._share if video == self._making else 0.0}
        if video.is_file():
            return {"state": "ready", "said": ""}
        return {"state": "failed", "said": job.result()} if job is not None else {"state": "none", "said": ""}

    def close(self) -> None:
        """Stop the current video and drop the queue."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def _make(self, episode: Path, video: Path) -> str:
        """Make the video. Returns the error, or an empty text."""
        video.parent.mkdir(exist_ok=True)
        fresh = video.with_name(f".{video.name}")
        command = [sys.executable, str(REPLAY), str(episode.resolve()), "--out", str(fresh.resolve())]
        with self._lock:
            if self._closed:
                return "the server is closing"
            self._making, self._share = video, 0.0
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, "POKERED_PROGRESS_SECONDS": str(PROGRESS_EVERY_S)},
            )  # fmt: skip
        output = self._follow(self._process)
        if self._process.returncode != 0 or not fresh.is_file():
            fresh.unlink(missing_ok=True)
            return output or "no video was made"
        fresh.replace(video)
        _forget_oldest(video.parent)
        return ""

    def _follow(self, process: subprocess.Popen[str]) -> str:
        """Wait for the process and note its progress. Returns the last line that is not about progress."""
        assert process.stdout is not None
        said = ""
        late = threading.Timer(LIMIT_S, process.kill)
        late.start()
        try:
            for line in process.stdout:
                share = share_done(line)
                if share is not None:
                    self._share = share
                elif line.strip():
                    said = line.strip()
            process.wait()
        finally:
            in_time = late.is_alive()
            late.cancel()
        return said if in_time else f"took longer than {LIMIT_S:.0f} s"


def share_done(line: str) -> float | None:
    """Return the share of the work that is done according to a line of replay.py, or None."""
    found = PROGRESS.match(line)
    if found is None:
        return None
    done, total = (int(number.replace(",", "")) for number in found.groups()[1:])
    begin, part = PARTS[found[1]]
    return begin + part * min(1.0, done / max(1, total))


def video_of(run: Path, episode: Path) -> Path:
    """Return the path of the video of an episode."""
    return run / FOLDER / f"{episode.stem}.mp4"


def _forget_oldest(folder: Path) -> None:
    videos = sorted(folder.glob("[!.]*.mp4"), key=lambda path: path.stat().st_mtime)
    for path in videos[:-KEPT]:
        path.unlink(missing_ok=True)
