"""Tests of videos that cannot be written. Written ones are tested with replays."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from training.drawing.reward_overlay import PALETTE
from training.drawing.video import VideoWriter


def test_a_video_that_cannot_be_written_raises_and_leaves_no_file(tmp_path: Path) -> None:
    picture = np.zeros((16, 16), np.uint8)
    (tmp_path / "mine.mp4").mkdir()
    for name in ("nowhere/x.mp4", "nowhere/x.gif", "mine.mp4"):
        with (
            pytest.raises(UserError, match=f"{name}: cannot be written"),
            VideoWriter(tmp_path / name, PALETTE, Fraction(15)) as it,
        ):
            it.add(picture)
    with (
        pytest.raises(RuntimeError, match="on the way"),
        VideoWriter(tmp_path / "x.gif", PALETTE, Fraction(15)) as it,
    ):
        it.add(picture)
        raise RuntimeError("on the way")
    assert not (tmp_path / "x.gif").exists()
