"""Films: about a minute long, and in the run's folder, unless the user says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from envs.game_boy.emulator import FRAMES_PER_SECOND
from training.config.loading import load_config
from training.replays.film_defaults import default_path, default_speed
from training.replays.replay_episode import ReplaySource


def of_length(steps: int, **settings: Any) -> ReplaySource:
    return ReplaySource(Path("x.episode"), cast(Any, None), load_config(None, settings), steps)


def test_a_long_episode_takes_a_minute() -> None:
    source = of_length(12_288)
    assert 12_288 * 24 / float(FRAMES_PER_SECOND) / default_speed(source) == pytest.approx(60)
    slower = replace(source, config=load_config(None, {"action_frames": 12, "held_frames": 4}))
    assert default_speed(slower) == pytest.approx(default_speed(source) / 2)


def test_a_short_episode_plays_at_the_speed_of_the_machine() -> None:
    assert default_speed(of_length(20)) == 1.0


def test_a_film_goes_to_the_folder_of_its_run(tmp_path: Path) -> None:
    run, stray = tmp_path / "first", tmp_path / "other" / "a.episode"
    (run / "episodes").mkdir(parents=True)
    (run / "config.json").touch()
    assert default_path(run / "episodes" / "e3.episode", run) == run / "e3.mp4"
    assert default_path(run / "episodes" / "e3.episode", None) == run / "e3.mp4"
    assert default_path(Path("/tmp/made/new.episode"), run) == run / "new.mp4"
    assert default_path(stray, None) == stray.with_suffix(".mp4")
