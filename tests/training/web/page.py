"""The history page under test: made run folders, and its program as a process."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from tests.paths import ROOT
from tests.training.conftest import environment

HEALTH = {
    "verdict": "healthy",
    "updates": 100,
    "findings": [
        {"metric": "clip_fraction", "level": "low", "value": 0.05, "bound": "below 0.1",
         "advice": "raise learning_rate, then n_epochs", "text": "clip_fraction 0.05 is low"},
        {"metric": "approx_kl", "level": "good", "value": 0.01, "bound": "below 0.05", "advice": ""},
    ],
    "criteria": [{"name": "entropy falls smoothly", "met": None, "text": "too few updates to tell"}],
}  # fmt: skip
EVALUATION = {
    "steps": 20480, "policy": "stochastic", "episodes": 8, "return_mean": 5.0, "return_low": 4.0,
    "return_high": 6.0, "milestones": {"badge 1": {"reached": 2, "rate": 0.25, "low": 0.1, "high": 0.6}},
}  # fmt: skip


def make_run(
    root: Path, run: str, status: str = "finished", reason: str | None = None, **config: Any
) -> None:
    """Make a run folder as training leaves it, with curves of 100 points; ``config`` goes to config.json."""
    folder = root / run
    folder.mkdir(parents=True)
    agent = config.get("agent_id", "none")
    source = {"file": f"/configs/{agent}.json", "base": "defaults", "differences": ["gamma: 0.997 -> 0.99"]}
    manifest = {
        "training_steps": 20480,
        "config_source": source,
        "sessions": [{"started": "2026-01-01T00:00:00+00:00"}],
    }
    record = {
        "status": status,
        "reason": reason,
        "steps": 20480,
        "seconds": 60.0,
        "milestones": {"route 1": 512},
    }
    config = {"name": f"{agent}_agent", "total_steps": 20480, "network": {"hidden": [128]}, **config}
    for file, content in (
        ("config", config),
        ("manifest", manifest),
        ("history", record),
        ("health", HEALTH),
    ):
        (folder / f"{file}.json").write_text(json.dumps(content))
    (folder / "eval.jsonl").write_text(json.dumps(EVALUATION) + "\n")
    writer = SummaryWriter(str(folder / "tensorboard"))
    for number in range(1, 101):
        for key in ("train/approx_kl", "train/episode_return_mean", "reward_components/battle"):
            value = float("nan") if number == 1 else number % 17 / 100
            writer.add_scalar(key, value, number * 2048 // 10)
    writer.close()


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Page:
    """A server on ``port``."""

    port: int

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, host: str | None = None) -> Answer:
        """Request ``path`` verbatim."""
        return self._ask("GET", path, None, {} if host is None else {"Host": host})

    def post(self, path: str, content: str, headers: Mapping[str, str]) -> Answer:
        """Send ``content``."""
        return self._ask("POST", path, content, headers)

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(
            method, path.replace("<", "%3C").replace(">", "%3E"), skip_host="Host" in headers
        )
        sent = dict(headers) | ({"Content-Length": str(len(body))} if body is not None else {})
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", errors="replace")
        connection.close()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)

    def until_listed(self, name: str, seconds: float = 60) -> None:
        """Wait until the run ``name`` is listed."""
        deadline = time.monotonic() + seconds
        while f"/training/run/{name}" not in self.get(f"/training?q={name}").text:
            assert time.monotonic() < deadline, f"{name} is not listed"
            time.sleep(0.1)


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(root: Path) -> Iterator[Page]:
    """Serve the runs in ``root`` with history.py, which must end on SIGINT."""
    page = Page(free_port())
    command = [sys.executable, str(ROOT / "training/history.py"), "--port", str(page.port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(root), stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert server.poll() is None, server.stderr.read() if server.stderr else ""
            try:
                page.get("/training")
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield page
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=30)
    assert "Traceback" not in errors, errors
