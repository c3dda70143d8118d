"""The strip below the screen of a replay: place, step, rewards, milestones, battles, and the pressed button.

Everything is drawn as indices of one small palette, which a GIF stores losslessly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.reward_components import COMPONENTS
from training.drawing.text import HEIGHT, shorten, text_mask, text_width, wrap

WIDTH = 160  # pixels
STRIP = 140  # pixels; with the screen's 144 an even number, as H.264 requires
SHADES = ((0, 0, 0), (85, 85, 85), (170, 170, 170), (255, 255, 255))
GROUND, DIM, BRIGHT, GOLD = 4, 5, 6, 10
COLOURS = {"exploration": 7, "battle": 8, "milestone": GOLD, "penalty": 9}
PALETTE: NDArray[np.uint8] = np.array(
    [
        *SHADES,
        (22, 26, 34),
        (120, 128, 142),
        (240, 242, 246),
        (72, 200, 120),
        (240, 104, 80),
        (112, 150, 255),
        (250, 200, 70),
    ],
    np.uint8,
)
"""uint8 (11, 3): four shades of the screen, then ground, dim and bright text, and the components."""

CHART_HEIGHT, MARGIN, LINE = 22, 2, HEIGHT + 1  # pixels
COLUMNS = WIDTH - 2 * MARGIN
SUMS_END = 112  # pixels: right edge of the sums, unless they are too long
APART = 4  # pixels between two texts on a line
PLACE_TOP = 1
CHART_TOP = PLACE_TOP + 2 * LINE
SUMS_TOP = CHART_TOP + CHART_HEIGHT + 3
BUTTONS_TOP = SUMS_TOP + (len(COMPONENTS) + 1) * LINE
BUTTONS_END = 118  # pixels: right edge of the buttons; the value stands right of them
BAR = 4  # pixels
NOTE_TOP = BUTTONS_TOP + LINE + BAR + 2
SIGNS = {"up": "^", "down": "v", "left": "<", "right": ">", "start": "St", "select": "Se"}

Indexed = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Decision:
    """The ``pressed`` one of the ``buttons`` of an agent. Where a policy played, also its ``probabilities``
    of the buttons, and the ``value`` that it expected."""

    buttons: Sequence[str]
    pressed: str
    probabilities: Sequence[float] | None = None
    value: float | None = None


class RewardCurves:
    """The four reward sums and the battles over an episode of ``steps`` steps, by column of the chart.

    Its memory does not depend on the episode's length.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.values: NDArray[np.float64] = np.full((COLUMNS, len(COMPONENTS)), np.nan)
        self.milestones: list[tuple[int, str]] = []
        self.battles: NDArray[np.bool_] = np.zeros(COLUMNS, np.bool_)

    def add(
        self, step: int, sums: Sequence[float], milestones: Sequence[str] = (), battle: bool = False
    ) -> None:
        """Store the sums, in the order of COMPONENTS, after ``step`` (from 1), the step's milestones, and
        whether it ended in a battle."""
        self.values[self.column(step)] = sums
        self.battles[self.column(step)] |= battle
        self.milestones += [(step, name) for name in milestones]

    def column(self, step: int) -> int:
        """Return the column of ``step``."""
        return max(0, min(step, self.steps) - 1) * COLUMNS // self.steps

    def rows(self) -> NDArray[np.intp]:
        """Pixel rows, (COLUMNS, 5), of the four curves and the zero line."""
        filled = self.values.copy()
        for row in range(COLUMNS):
            if np.isnan(filled[row]).any():
                filled[row] = filled[row - 1] if row else 0.0
        filled = np.concatenate([filled, np.zeros((COLUMNS, 1))], axis=1)
        low, high = min(0.0, filled.min()), max(0.0, filled.max())
        share = (filled - low) / ((high - low) or 1.0)
        rows: NDArray[np.intp] = np.rint((1.0 - share) * (CHART_HEIGHT - 1)).astype(np.intp)
        return rows


def draw_chart(curves: RewardCurves) -> Indexed:
    """Draw the chart, uint8 (CHART_HEIGHT, COLUMNS): zero line, a mark for each milestone, four curves."""
    chart = np.full((CHART_HEIGHT, COLUMNS), GROUND, np.uint8)
    rows = curves.rows()
    chart[rows[0, -1], ::3] = DIM
    for step, _ in curves.milestones:
        chart[::2, curves.column(step)] = GOLD
    for place, name in enumerate(COMPONENTS):
        line = rows[:, place]
        for column in range(COLUMNS):
            ends = line[max(0, column - 1)], line[column]
            chart[min(ends) : max(ends) + 1, column] = COLOURS[name]
    return chart


class RewardOverlay:
    """Draws the strip of one episode as palette indices, uint8 (STRIP, WIDTH)."""

    def __init__(self, curves: RewardCurves) -> None:
        self._curves = curves
        self._chart = draw_chart(curves)

    def draw(
        self,
        step: int,
        place: str,
        sums: Mapping[str, float],
        start: str,
        decision: Decision | None = None,
    ) -> Indexed:
        """Draw the map's name, the sums and their total after ``step``, the buttons, and the last milestone.

        Before the first milestone, ``start`` is shown instead. The line below the chart is red in battles.
        """
        strip = np.full((STRIP, WIDTH), GROUND, np.uint8)
        self._place(strip, place, f"{step} / {self._curves.steps}")
        shown = self._curves.column(step) + 1 if step else 0
        strip[CHART_TOP : CHART_TOP + CHART_HEIGHT, MARGIN : MARGIN + shown] = self._chart[:, :shown]
        self._time(strip, shown)
        lines = [(str(name), sums[name], COLOURS[name]) for name in COMPONENTS]
        lines.append(("total", sum(sums.values()), BRIGHT))
        for number, line in enumerate(lines):
            _sum(strip, SUMS_TOP + number * LINE, *line)
        if decision is not None:
            _buttons(strip, decision)
        self._note(strip, step, start)
        return strip

    def _time(self, strip: Indexed, shown: int) -> None:
        """Draw the line below the chart: dotted, and solid where the ``shown`` columns have battles."""
        strip[CHART_TOP + CHART_HEIGHT, MARGIN : MARGIN + COLUMNS : 2] = DIM
        fought = MARGIN + np.flatnonzero(self._curves.battles[:shown])
        strip[CHART_TOP + CHART_HEIGHT : CHART_TOP + CHART_HEIGHT + 2, fought] = COLOURS["battle"]

    @staticmethod
    def _place(strip: Indexed, place: str, count: str) -> None:
        count_left = WIDTH - MARGIN - text_width(count)
        lines = wrap(place, COLUMNS, count_left - APART - MARGIN)
        for number, line in enumerate(lines):
            _write(strip, (PLACE_TOP + number * LINE, MARGIN), line, BRIGHT)
        _write(strip, (PLACE_TOP + LINE, count_left), count, DIM)

    def _note(self, strip: Indexed, step: int, start: str) -> None:
        reached = [(when, name) for when, name in self._curves.milestones if when <= step]
        if not reached:
            _write(strip, (NOTE_TOP, MARGIN), f"from {start}", DIM)
            return
        when, name = reached[-1]
        at = f" at {when}"
        _write(strip, (NOTE_TOP, MARGIN), shorten(name, COLUMNS - text_width(at) - 1) + at, GOLD)


def _buttons(strip: Indexed, decision: Decision) -> None:
    """Draw a cell for each button, the pressed one bright on a box, with a bar for its probability."""
    wide = (BUTTONS_END - MARGIN) // len(decision.buttons)
    below = BUTTONS_TOP + LINE
    for number, button in enumerate(decision.buttons):
        left, pressed = MARGIN + number * wide, button == decision.pressed
        if pressed:
            strip[BUTTONS_TOP : BUTTONS_TOP + HEIGHT, left : left + wide - 2] = DIM
        _write(strip, (BUTTONS_TOP, left + 1), SIGNS.get(button, button.upper()), BRIGHT if pressed else DIM)
        if decision.probabilities is not None:
            bar = left + round(float(decision.probabilities[number]) * (wide - 2))
            strip[below : below + BAR, left:bar] = COLOURS["exploration"]
            strip[below + BAR - 1, left : left + wide - 2] = DIM
    if decision.value is not None:
        text = shorten(f"V {amount(decision.value)}", WIDTH - MARGIN - BUTTONS_END - APART)
        _write(strip, (BUTTONS_TOP, WIDTH - MARGIN - text_width(text)), text, BRIGHT)


def _sum(strip: Indexed, top: int, name: str, value: float, colour: int) -> None:
    """Draw a line with a name in its colour and its sum, right-aligned."""
    end = _write(strip, (top, MARGIN), name, colour)
    text = amount(value)
    _write(strip, (top, max(end + APART, SUMS_END - text_width(text))), text, BRIGHT)


def _write(strip: Indexed, spot: tuple[int, int], text: str, colour: int) -> int:
    """Draw ``text`` with its top left corner at ``spot`` (y, x). Returns its right edge."""
    top, left = spot
    mask = text_mask(shorten(text, WIDTH - MARGIN - left))
    end = left + int(mask.shape[1])
    strip[top : top + HEIGHT, left:end][mask] = colour
    return end


def amount(value: float) -> str:
    """Format a sum in few characters: ``0.05``, ``-12.3``, ``1,234``."""
    size = round(abs(value), 2)
    if size == 0:
        return "0"
    return f"{value:.2f}" if size < 0.1 else f"{value:.1f}" if round(size) < 100 else f"{value:,.0f}"


def compose(screen: NDArray[np.uint8], strip: Indexed) -> Indexed:
    """Put the screen, shades of uint8 (144, 160), above the strip: palette indices, uint8 (266, 160)."""
    return np.concatenate([screen // 64, strip])
