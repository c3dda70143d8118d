"""Live play over HTTP: one game at a time, for this machine's own pages, until nobody looks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import copy_of
from tests.training.web.page import Page, make_run, serving
from training.web import live
from training.web.live import Busy, LivePlays, LiveProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, plain_run: Path) -> Path:
    """A run to play, and one without a checkpoint."""
    folder = tmp_path_factory.mktemp("live") / "runs"
    copy_of(plain_run, folder / "played")
    make_run(folder, "empty")
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    with serving(root) as served:
        served.until_listed("played")
        served.until_listed("empty")
        yield served


def post(page: Page, path: str, **content: Any) -> tuple[int, dict[str, Any]]:
    own = {"Origin": page.address, "Content-Type": "application/json"}
    answer = page.post(f"/training/api/run/{path}", json.dumps(content), own)
    return answer.status, json.loads(answer.text)


def look(page: Page, run: str, until: str, seconds: float = 240) -> dict[str, Any]:
    """Look at the game until its state is ``until``, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        state: dict[str, Any] = json.loads(page.get(f"/training/api/run/{run}/live?after=0").text)
        if state.get("state") == until and (until != "playing" or state.get("step")):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.1)


def test_one_run_is_played_at_a_time(page: Page) -> None:
    assert page.get("/training/run/played/live").status == 200
    assert page.get("/training/api/run/played/live").status == 404, "a look starts nothing"
    assert post(page, "played/live/command", do="pause")[0] == 404
    assert post(page, "played/live") == (200, {"state": "loading"})
    status, reply = post(page, "empty/live")
    assert status == 409
    assert "run played is played live, and only one can be at a time" in reply["error"]
    state = look(page, "played", "playing")
    assert len(state["probabilities"]) == 7
    assert post(page, "played/delete", confirm="played")[0] == 409
    assert post(page, "played/live") == (200, {"state": "loading"}), "another page of the same run"
    assert post(page, "played/live/command", do="fly")[0] == 422
    assert post(page, "played/live/command", do="press", button="reset")[0] == 422
    assert post(page, "played/live/command", do="pause")[0] == 202
    assert post(page, "played/live/end") == (200, {"state": "ended"})
    assert "the game has ended" in look(page, "played", "ended")["failed"]
    assert post(page, "empty/live")[0] == 200
    assert "checkpoint" in look(page, "empty", "ended")["failed"], "what is wrong is said"


def test_other_sites_cannot_play(page: Page) -> None:
    for path in ("played/live", "played/live/command", "played/live/end", "played/rename", "played/delete"):
        answer = page.post(
            f"/training/api/run/{path}", "{}",
            {"Origin": "http://evil.example", "Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status == 403, path


def test_a_game_ends_when_nobody_looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "UNWATCHED_S", 0.5)
    process = LiveProcess(root / "played")
    assert process._process.wait(240) is not None
    deadline = time.monotonic() + 30
    while (state := process.look(0))["state"] != "ended":
        assert time.monotonic() < deadline, state
    assert "nobody looked" in state["failed"]


def test_closing_ends_the_game(root: Path) -> None:
    plays = LivePlays()
    plays.start(root / "played")
    with pytest.raises(Busy):
        plays.start(root / "empty")
    plays.close()
    assert not plays.plays(root / "played")
