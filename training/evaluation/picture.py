"""Picture of an evaluation: learning curves, figures with intervals, and reach rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from envs.errors import UserError
from training.evaluation.table import Comparison
from training.event_logs.curves import mean_curve, read_curve

# Figure -> its title and the training curve of the same quantity.
SHOWN = {
    "return": ("return", "train/episode_return_mean"),
    "battles_won": ("battles won", "train/episode_battles_won_mean"),
    "battles_started": ("battles started", "train/episode_battles_started_mean"),
    "levels_gained": ("levels gained", "train/episode_levels_gained_mean"),
    "coord_count": ("tiles visited", "env_stats/coord_count"),
    "map_progress": ("places on the way", "train/episode_map_progress_max"),
}
CURVES = ("battles_won", "return")
INK, PALE, GRID = "#22303c", "#5d6b78", "#e3e8ec"
RANDOM_COLOUR, RIVAL_COLOUR, TOGETHER_COLOUR = "#9aa4ae", "#d9822b", "#0b5f59"
RUN_COLOURS = ("#1b998b", "#4f86c6", "#8e6bbf", "#c05780", "#6a994e", "#b08d3c")
WIDTH, CURVE_HEIGHT, FIGURE_HEIGHT, MARGINS = 11.0, 2.9, 1.5, 1.5  # inches
ROW = 0.26  # inches per player
COLUMNS = 3


def draw(comparison: Comparison, runs: Sequence[Path], path: Path) -> None:
    """Draw ``comparison`` to the PNG ``path``, with the training curves of ``runs``.

    Raises:
        UserError: the file cannot be written.
    """
    figure = picture(comparison, runs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def picture(comparison: Comparison, runs: Sequence[Path]) -> Figure:
    """Return the whole picture: curves on top, figures below, reach rates at the bottom."""
    colours = player_colours(comparison)
    players = len(comparison.summaries)
    figures_high = max(FIGURE_HEIGHT, 0.55 + ROW * players)
    reach_high = 0.5 + ROW * max(1, players) * max(1, len(comparison.reached)) if comparison.reached else 0.0
    heights = [CURVE_HEIGHT, figures_high, figures_high, *([reach_high] if reach_high else [])]
    figure = Figure(figsize=(WIDTH, sum(heights) + MARGINS + 0.45 * len(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_wrapped(comparison.heading), fontsize=10.5, color=INK)
    grid = GridSpec(len(heights), COLUMNS * len(CURVES), figure=figure, height_ratios=heights)
    for index, name in enumerate(CURVES):
        axes = figure.add_subplot(grid[0, COLUMNS * index : COLUMNS * (index + 1)])
        draw_curves(axes, name, comparison, runs, colours)
    for index, name in enumerate(SHOWN):
        row, column = 1 + index // COLUMNS, index % COLUMNS
        axes = figure.add_subplot(grid[row, len(CURVES) * column : len(CURVES) * (column + 1)])
        draw_figure(axes, name, comparison, colours, labels=column == 0)
    if reach_high:
        draw_reach(figure.add_subplot(grid[3, :]), comparison, colours)
    return figure


def _wrapped(text: str) -> str:
    parts, lines = text.split(", "), [""]
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        lines = [*lines[:-1], joined] if len(joined) < 120 else [*lines, part]
    return "\n".join(lines)


def player_colours(comparison: Comparison) -> dict[str, str]:
    """Return a colour for each column of the comparison."""
    colours: dict[str, str] = {}
    for name in comparison.summaries:
        if name in comparison.ours:
            colours[name] = RUN_COLOURS[comparison.ours.index(name) % len(RUN_COLOURS)]
        else:
            colours[name] = {"random": RANDOM_COLOUR, "together": TOGETHER_COLOUR}.get(name, RIVAL_COLOUR)
    return colours


def plain_axes(axes: Axes, title: str, above: float = 6.0) -> None:
    """Give ``axes`` a title on the left, ``above`` points over them, and only a pale line below."""
    axes.set_title(title, fontsize=9.5, color=INK, loc="left", pad=above)
    axes.tick_params(labelsize=8, colors=PALE, length=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
        axes.spines[side].set_color(GRID)


def draw_curves(
    axes: Axes, name: str, comparison: Comparison, runs: Sequence[Path], colours: Mapping[str, str]
) -> None:
    """Draw training curves (means of the last 100 episodes) with random play's mean and interval."""
    title, key = SHOWN[name]
    plain_axes(axes, f"{title}, mean of the last 100 episodes of training")
    axes.grid(color=GRID, linewidth=0.8)
    curves = [read_curve(run, key) for run in runs]
    for run, (steps, values) in zip(runs, curves, strict=True):
        alone = len(runs) == 1
        axes.plot(steps, values, color=colours[run.name], linewidth=2.2 if alone else 1.1, label=run.name)
    if len(runs) > 1:
        axes.plot(*mean_curve(curves), color=colours["together"], linewidth=2.6, label="mean of the runs")
    random = comparison.summaries["random"]
    low, high = random[f"{name}_low"], random[f"{name}_high"]
    if low is not None:
        axes.axhspan(low, high, color=colours["random"], alpha=0.25, linewidth=0)
    axes.axhline(random[f"{name}_mean"], color=colours["random"], linewidth=1.6, label="random buttons")
    steps_axis(axes)
    axes.legend(fontsize=8, frameon=False, labelcolor=INK)


def steps_axis(axes: Axes) -> None:
    """Label the x axis as steps of training, in thousands."""
    axes.set_xlabel("steps", fontsize=8, color=PALE)
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{value / 1000:,g}k" if value >= 1000 else f"{value:.0f}"
    )
    axes.margins(x=0.01)


def draw_figure(
    axes: Axes, name: str, comparison: Comparison, colours: Mapping[str, str], labels: bool
) -> None:
    """Draw the mean of one figure for each player, with its 95 % interval."""
    plain_axes(axes, SHOWN[name][0])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    order = list(comparison.summaries)
    for place, player in enumerate(order):
        summary = comparison.summaries[player]
        low, mean, high = (summary[f"{name}_{part}"] for part in ("low", "mean", "high"))
        ends = (mean, mean, mean) if low is None else (low, mean, high)
        _whisker(axes, place, ends, colours[player])
    axes.set_yticks(range(len(order)), order if labels else [""] * len(order), fontsize=8.5, color=INK)
    axes.set_ylim(len(order) - 0.4, -0.75)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.0), right + 0.06 * (right - left))


def _whisker(axes: Axes, place: float, interval: tuple[float, float, float], colour: str) -> None:
    """Draw low end, mean and high end in row ``place``, with the mean as a number."""
    low, mean, high = interval
    axes.plot([low, high], [place, place], color=colour, linewidth=3.0, alpha=0.55, solid_capstyle="round")
    axes.plot([mean], [place], "o", color=colour, markersize=6.5)
    axes.annotate(
        _short(mean), (mean, place), (0, 5), textcoords="offset points", fontsize=7.5, color=INK, ha="center"
    )


def _short(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{0.0 if math.isclose(value, 0, abs_tol=0.004) else value:,.{digits}f}"


BESIDE_A_TITLE = 4
"""Players whose legend fits beside the title; with more the title is above the legend."""


def draw_reach(axes: Axes, comparison: Comparison, colours: Mapping[str, str]) -> None:
    """Draw the share of episodes that reached each milestone, by player, with 95 % intervals."""
    players, step = list(comparison.summaries), 0.8 / len(comparison.summaries)
    above = 6.0 if len(players) <= BESIDE_A_TITLE else 20.0
    plain_axes(axes, "episodes that reach a milestone, and the action by which half of them do", above)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    for row, milestone in enumerate(comparison.reached):
        for index, player in enumerate(players):
            found = comparison.summaries[player]["milestones"][milestone]
            place = row - 0.4 + step * (index + 0.5)
            rate, low, high = (100 * found[key] for key in ("rate", "low", "high"))
            axes.plot([low, high], [place, place], color=colours[player], linewidth=3.0, alpha=0.55)
            label = player if row == 0 else None
            axes.plot([rate], [place], "o", color=colours[player], markersize=5.5, label=label)
            if found["median_actions"] is not None:
                text = f"  {found['median_actions']:,.0f}"
                axes.annotate(text, (high, place), fontsize=7.5, color=PALE, va="center")
    axes.set_yticks(range(len(comparison.reached)), comparison.reached, fontsize=8.5, color=INK)
    axes.set_ylim(len(comparison.reached) - 0.5, -0.5)
    axes.set_xlim(0, 110)
    axes.set_xticks(range(0, 101, 20), [f"{share} %" for share in range(0, 101, 20)])
    for row in range(1, len(comparison.reached)):
        axes.axhline(row - 0.5, color=GRID, linewidth=0.8)
    axes.legend(
        fontsize=8,
        frameon=False,
        labelcolor=INK,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.99),
        ncols=len(players),
        borderaxespad=0.0,
    )
