"""The process that plays for the history page: frames, commands, and its end."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paths import ROOT
from training.demonstrations.demo_set import read_set
from training.live.messages import packed


class Playing:
    """The process that plays ``run``, and everything that it said."""

    def __init__(self, run: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "training.live", str(run)], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.state: dict[str, Any] = {}

    def until(self, met: Callable[[dict[str, Any]], bool], frames: int = 2000) -> dict[str, Any]:
        """Read frames until the state is ``met``; return it."""
        assert self.process.stdout is not None
        for _ in range(frames):
            line = self.process.stdout.readline()
            assert line, self.state
            self.state.update(json.loads(line))
            if met(self.state):
                return self.state
        raise AssertionError(self.state)

    def send(self, **command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()


@contextmanager
def playing(run: Path) -> Iterator[Playing]:
    """Play ``run``; the process must end with its input."""
    found = Playing(run)
    try:
        yield found
        assert found.process.stdin is not None
        found.process.stdin.close()
        assert found.process.stdout is not None
        found.process.stdout.read()
        assert found.process.wait(60) == 0
    finally:
        found.process.kill()


def test_a_picture_is_packed_four_pixels_to_a_byte() -> None:
    screen = np.zeros((144, 160), np.uint8)
    screen[0, :4], screen[143, 159] = (0, 85, 170, 255), 170
    data = base64.b64decode(packed(screen))
    assert (len(data), data[0], data[-1]) == (144 * 160 // 4, 0b00011011, 0b00000010)


def test_the_page_is_told_what_is_played_and_can_take_over(own_run: Path) -> None:
    with playing(own_run) as game:
        now = game.until(lambda state: state.get("step", 0) >= 2)
        assert now["checkpoint"] == 64
        assert sum(now["probabilities"]) == pytest.approx(1, abs=0.01)
        assert len(now["probabilities"]) == len(now["buttons"]) == 7
        assert set(now["rewards"]) == {"exploration", "battle", "milestone", "penalty"}
        assert now["button"] in now["buttons"]
        assert (now["by_hand"], now["place"]["name"]) == (False, "home town")
        game.send(do="pause")
        stopped = game.until(lambda state: state["paused"])["step"]
        game.send(do="hand")
        game.send(do="press", button="left")
        for _ in range(2):
            game.send(do="step")
        now = game.until(lambda state: state["step"] == stopped + 2)
        assert (now["button"], now["by_hand"], now["hand_actions"], now["paused"]) == ("left", True, 2, True)
        game.send(do="release", button="left")
        game.send(do="demonstration")
        now = game.until(lambda state: "demonstration" in state.get("said", ""))
        assert f"{stopped + 2} actions, 2 of them with a key" in now["said"]
        game.send(do="moment")
        assert "live-" in game.until(lambda state: "saved: " in state["said"])["said"]
        game.send(do="hand")
        game.send(do="pause")
        for _ in range(9):
            game.send(do="faster")
        now = game.until(lambda state: state.get("ended"))
        assert now["speed"] == "unlimited"
        assert "2 actions by hand: an intervention" in now["ended"]
    assert len(read_set(own_run / "by_hand" / "demonstrations")) == 1


def test_pictures_come_between_actions_and_ten_times_a_second_at_most(plain_run: Path) -> None:
    with playing(plain_run) as game:
        game.until(lambda state: state.get("step") == 1)
        pictures, begun = 0, time.monotonic()

        def fourth(state: dict[str, Any]) -> bool:
            nonlocal pictures
            pictures += "picture" in state
            state.pop("picture", None)
            return bool(state["step"] == 4)

        game.until(fourth)
        assert 3 * 2 <= pictures <= 3 + 10 * (time.monotonic() - begun) + 1, "24 frames are 0.4 seconds"


def test_it_plays_at_the_speed_of_the_real_machine(lstm_run: Path) -> None:
    with playing(lstm_run) as game:
        game.until(lambda state: state.get("step") == 1)
        begun = time.monotonic()
        game.until(lambda state: state["step"] == 4)
        assert time.monotonic() - begun > 0.7 * 3 * 24 / 60


def test_what_is_wrong_is_said_in_a_frame(plain_run: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.live", str(tmp_path)], cwd=ROOT, input="", capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is not a run folder" in json.loads(done.stdout)["failed"]
