"""Tests of the strip below a replay: curves, and texts that neither overlap nor are cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.episodes.stats import COMPONENTS
from envs.game.maps import MAP_NAMES
from envs.game.milestones import LATER_MILESTONES, MILESTONES
from envs.game_boy.emulator import BUTTONS
from training.drawing import reward_overlay
from training.drawing.reward_overlay import (
    BUTTONS_TOP,
    CHART_HEIGHT,
    CHART_TOP,
    COLOURS,
    PALETTE,
    STRIP,
    Decision,
    RewardCurves,
    RewardOverlay,
    amount,
)
from training.drawing.text import ELLIPSIS, text_mask

Written = list[tuple[str, int, int, int]]  # text, top, left, width


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """The positions of the texts of a strip as they are drawn."""
    found: Written = []
    write = reward_overlay._write

    def noted(strip: NDArray[np.uint8], spot: tuple[int, int], text: str, colour: int) -> int:
        end = write(strip, spot, text, colour)
        found.append((text, *spot, end - spot[1]))
        return end

    monkeypatch.setattr(reward_overlay, "_write", noted)
    yield found


def check(written: Written) -> None:
    """Assert that all texts are complete, within the strip, and do not overlap."""
    for text, top, left, width in written:
        assert width == text_mask(text).shape[1], f"{text} is cut"
        assert top >= 0 and top + reward_overlay.HEIGHT <= STRIP
        assert left >= 0 and left + width <= reward_overlay.WIDTH
    for number, (one, top, left, width) in enumerate(written):
        for other, other_top, other_left, other_width in written[number + 1 :]:
            beside = left + width + 4 <= other_left or other_left + other_width + 4 <= left
            below = abs(top - other_top) >= reward_overlay.HEIGHT
            assert beside or below or not width or not other_width, f"{one!r} overlaps {other!r}"


def test_the_memory_of_curves_does_not_depend_on_their_length() -> None:
    curves = RewardCurves(1_000_000)
    for step in range(1, 1_000_001, 10_000):
        curves.add(step, (step / 1e6, 0.0, 5.0 * (step > 500_000), -0.5), ["badge1"] * (step == 500_001))
    curves.add(1_000_000, (1.0, 0.0, 5.0, -0.5))
    rows = curves.rows()
    assert rows[:, 2].max() - rows[:, 2].min() > 15, "the milestone's step is the highest"
    assert (np.diff(rows[:, 0]) <= 0).all(), "it only rises"
    strip = RewardOverlay(curves).draw(
        600_000, "route 1", dict.fromkeys(("exploration", "battle", "milestone", "penalty"), 1.0), "x"
    )
    assert strip.shape == (STRIP, 160)
    assert strip.max() < len(PALETTE)
    assert not np.array_equal(strip, RewardOverlay(curves).draw(400_000, "route 1", dict.fromkeys(
        ("exploration", "battle", "milestone", "penalty"), 1.0), "x"))  # fmt: skip
    assert [amount(value) for value in (0.0, -0.001, 0.05, -2.04, 99.4, 1234.5, -1e6)] == [
        "0", "0", "0.05", "-2.0", "99.4", "1,234", "-1,000,000"
    ]  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 0.05, -99.9, 1234.5, -12345.6, 99_999.0, -1e6, 1e9])
def test_sums_of_any_size_do_not_overlap_their_labels(written: Written, value: float) -> None:
    RewardOverlay(RewardCurves(10)).draw(3, "route 1", dict.fromkeys(COMPONENTS, value), "bedroom")
    check(written)
    assert amount(value) in [text for text, *_ in written]


@pytest.mark.parametrize("place", sorted(set(MAP_NAMES.values())))
def test_the_name_of_every_map_fits_beside_the_steps(written: Written, place: str) -> None:
    RewardOverlay(RewardCurves(123_456)).draw(123_456, place, dict.fromkeys(COMPONENTS, 0.0), "bedroom")
    check(written)
    assert " ".join(text for text, *_ in written[:2] if text) == place


@pytest.mark.parametrize("name", [milestone.name for milestone in (*MILESTONES, *LATER_MILESTONES)])
def test_every_milestone_fits(written: Written, name: str) -> None:
    curves = RewardCurves(123_456)
    curves.add(123_456, (0.0, 0.0, 5.0, 0.0), [name])
    RewardOverlay(curves).draw(123_456, "", dict.fromkeys(COMPONENTS, 0.0), "bedroom")
    check(written)
    assert written[-1][0] == f"{name} at 123456"


@settings(max_examples=25)
@given(st.text(max_size=80), st.text(max_size=80), st.floats(-1e30, 1e30))
def test_names_of_any_length_fit(place: str, name: str, value: float) -> None:
    curves = RewardCurves(20_480)
    overlay = RewardOverlay(curves)
    sums = dict.fromkeys(COMPONENTS, value)
    assert overlay.draw(0, place, sums, name).shape == (STRIP, 160)
    curves.add(20_000, (value,) * 4, [name])
    assert RewardOverlay(curves).draw(20_480, place, sums, name).shape == (STRIP, 160)


def test_a_shortened_name_ends_with_an_ellipsis(written: Written) -> None:
    curves = RewardCurves(20_480)
    curves.add(5, (0.0, 0.0, 1.0, 0.0), ["a custom milestone with a very, very long name of its own"])
    RewardOverlay(curves).draw(20_480, "", dict.fromkeys(COMPONENTS, 0.0), "bedroom")
    check(written)
    assert written[-1][0].endswith(f"{ELLIPSIS} at 5")


@pytest.mark.parametrize("value", [None, 0.0, -12.345, 1e9])
def test_the_pressed_button_and_what_the_policy_thought_are_shown(
    written: Written, value: float | None
) -> None:
    shares = None if value is None else (0.0, 0.0, 0.7, 0.0, 0.3, 0.0, 0.0)
    curves = RewardCurves(10)
    curves.add(5, (0.0,) * 4, ["badge1"])
    zeros = dict.fromkeys(COMPONENTS, 0.0)
    strips = [
        RewardOverlay(curves).draw(5, "route 1", zeros, "bedroom", Decision(BUTTONS, pressed, shares, value))
        for pressed in ("right", "a")
    ]
    check(written[: len(written) // 2])
    row = slice(BUTTONS_TOP, BUTTONS_TOP + reward_overlay.LINE)
    assert not np.array_equal(strips[0][row], strips[1][row])
    bars = strips[0][row.stop : row.stop + reward_overlay.BAR] == COLOURS["exploration"]
    assert bars.any() == (value is not None)
    if value is not None:
        cells = [bars[:, 2 + 16 * number : 16 + 16 * number].any(axis=0).sum() for number in range(7)]
        assert [wide > 0 for wide in cells] == [share > 0 for share in shares or ()]
        assert cells[2] > cells[4]


def test_battles_are_marked_below_the_chart() -> None:
    curves = RewardCurves(156)
    for step in range(1, 157):
        curves.add(step, (0.0,) * 4, (), battle=50 <= step < 60)
    strip = RewardOverlay(curves).draw(55, "route 1", dict.fromkeys(COMPONENTS, 0.0), "bedroom")
    marked = np.flatnonzero(strip[CHART_TOP + CHART_HEIGHT + 1] == COLOURS["battle"]) - 2
    assert marked.tolist() == [49, 50, 51, 52, 53, 54], "up to the present step"
