"""Picture of a track: progress over steps with a band over seeds, and reach rates of the milestones."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from envs.errors import UserError
from training.boards.results import PROGRESS, TrackResults, progress
from training.evaluation.picture import ROW, WIDTH, draw_reach, plain_axes, player_colours, steps_axis
from training.evaluation.table import Comparison

CURVE_HEIGHT, MARGINS = 3.4, 1.0  # inches


def draw_track(found: TrackResults, path: Path) -> None:
    """Draw the picture of a track to the PNG ``path``. Raises UserError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        track_picture(found).savefig(path, dpi=100)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def track_picture(found: TrackResults) -> Figure:
    """Return the picture: curves on top, reach rates below if any milestone was reached."""
    summaries = found.summaries()
    ours = [name for name in summaries if name not in found.players]
    comparison = Comparison(found.track.name, ours, summaries, {}, found.milestones)
    colours = player_colours(comparison)
    reach = 0.5 + ROW * len(summaries) * len(comparison.reached) if comparison.reached else 0.0
    heights = [CURVE_HEIGHT, *([reach] if reach else [])]
    figure = Figure(figsize=(WIDTH, sum(heights) + MARGINS), layout="constrained")
    FigureCanvasAgg(figure)
    grid = GridSpec(len(heights), 1, figure=figure, height_ratios=heights)
    draw_progress(figure.add_subplot(grid[0]), found, colours)
    if reach:
        draw_reach(figure.add_subplot(grid[1]), comparison, colours)
    return figure


def draw_progress(axes: Axes, found: TrackResults, colours: dict[str, str]) -> None:
    """Draw the furthest place from the plain start over steps, per method, beside the fixed players."""
    plain_axes(axes, "places on the way, held-out episodes from the plain start (band: 95 % over runs)")
    for method in found.track.methods:
        points = progress(found.done(method))
        if not points:
            continue
        steps, means = [steps for steps, _, _ in points], [mean for _, mean, _ in points]
        axes.plot(steps, means, color=colours[method], linewidth=2.0, marker="o", markersize=4, label=method)
        bands = [band or (mean, mean) for _, mean, band in points]
        low, high = zip(*bands, strict=True)
        axes.fill_between(steps, low, high, color=colours[method], alpha=0.16, linewidth=0)
    for name, summary in found.summaries().items():
        if name in found.players:
            mean = summary[f"{PROGRESS}_mean"]
            axes.axhline(mean, color=colours[name], linewidth=1.4, linestyle="--", label=name)
    steps_axis(axes)
    axes.legend(fontsize=8, frameon=False)
