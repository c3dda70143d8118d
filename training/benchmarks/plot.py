"""The benchmark as a plot: speeds against bare emulators, where time goes, and scaling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window
from matplotlib.figure import Figure

from training.benchmarks.results import BenchmarkResults, rate, split_of_time
from training.benchmarks.runner import SpeedSeries

BLUE, GREY = "#2b6cb0", "#a0aec0"


def draw(measured: BenchmarkResults, path: Path) -> None:
    """Write the plot to ``path``, whose suffix decides the format."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    axes = figure.subplots(2, 2)
    _bars(axes[0, 0], f"{measured.envs} environments, no network", measured.environments)
    _bars(axes[0, 1], f"{measured.learning_envs} environments, with a network", measured.learning)
    _time(axes[1, 0], split_of_time(measured))
    _scaling(axes[1, 1], measured)
    figure.savefig(path, dpi=110)


def _bars(axes: Any, title: str, contenders: Mapping[str, SpeedSeries]) -> None:
    shown = {name: series for name, series in contenders.items() if name != "halves"}
    rates = [rate(series) for series in shown.values()]
    ours = ("bare", "emulators", "rollouts", "training")
    axes.barh(list(shown), rates, color=[BLUE if name in ours else GREY for name in shown])
    axes.invert_yaxis()
    axes.set(title=title, xlabel="actions per second, median of the rounds")


def _time(axes: Any, parts: Mapping[str, float]) -> None:
    axes.barh(list(parts), list(parts.values()), color=BLUE)
    axes.invert_yaxis()
    axes.set(title="CPU time of an action in training", xlabel="microseconds")


def _scaling(axes: Any, measured: BenchmarkResults) -> None:
    numbers = sorted(measured.scaling)
    for name in ("bare", "emulators", "rollouts") if numbers else ():
        axes.plot(numbers, [rate(measured.scaling[n][name]) for n in numbers], marker="o", label=name)
    axes.set(title=f"{measured.cores} cores", xlabel="environments", ylabel="actions per second")
    axes.set_ylim(bottom=0)
    if numbers:
        axes.legend()
