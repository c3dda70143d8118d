"""Videos of recorded episodes, made on request in the background, one at a time."""

from __future__ import annotations

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


class TooManyReplays(RuntimeError):
    """Too many videos are waiting to be made."""


class Replays:
    """Makes ``RUN/replays/NAME.mp4`` out of ``RUN/episodes/NAME.episode`` with training/replay.py."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")
        self._jobs: OrderedDict[Path, Future[str]] = OrderedDict()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
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

    def state(self, run: Path, episode: Path) -> dict[str, str]:
        """Return ``{"state": "ready" | "working" | "failed" | "none", "said": why it failed}``."""
        video = video_of(run, episode)
        with self._lock:
            job = self._jobs.get(video)
        if job is not None and not job.done():
            return {"state": "working", "said": ""}
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
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        try:
            output, _ = self._process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            output = f"took longer than {LIMIT_S:.0f} s"
        if self._process.returncode != 0 or not fresh.is_file():
            fresh.unlink(missing_ok=True)
            return (output.strip().splitlines() or ["no video was made"])[-1]
        fresh.replace(video)
        _forget_oldest(video.parent)
        return ""


def video_of(run: Path, episode: Path) -> Path:
    """Return the path of the video of an episode."""
    return run / FOLDER / f"{episode.stem}.mp4"


def _forget_oldest(folder: Path) -> None:
    videos = sorted(folder.glob("[!.]*.mp4"), key=lambda path: path.stat().st_mtime)
    for path in videos[:-KEPT]:
        path.unlink(missing_ok=True)
