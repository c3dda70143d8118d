"""Tests of the benchmark: its arithmetic, and one small run of the program from end to end."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.benchmarks.plot import draw
from training.benchmarks.results import (
    BenchmarkResults,
    Target,
    growth,
    memory_per_environment,
    ratio,
    split_of_time,
    table,
    targets,
    workers_megabytes,
)
from training.benchmarks.runner import MemorySample, SpeedSeries

pytestmark = pytest.mark.slow


def sample(actions: int, seconds: float = 1.0, **more: Any) -> MemorySample:
    settings = {"cpu": 0.0, "workers_cpu": 0.0, "rss": 10**8, "workers_rss": 10**8, "workers": 2, **more}
    return MemorySample(actions, seconds, **settings)


def series(*samples: MemorySample) -> SpeedSeries:
    return SpeedSeries(0.5, list(samples))


def constant(actions: int, **costs: float) -> SpeedSeries:
    return series(*[sample(actions, **costs) for _ in range(3)])


@pytest.fixture
def measured() -> BenchmarkResults:
    """1,000 actions: emulation 0.6 s, observation 0.05 s, transport 0.1 s, network 0.15 s, learning 0.3 s."""
    halves = constant(1000, emulator=0.6, looking=0.05)
    environments = {
        "bare": constant(1000, workers_cpu=0.6),
        "emulators": constant(950, workers_cpu=0.95 * 0.72, cpu=0.95 * 0.03),
        "halves": halves,
    }
    learning = {
        "bare": constant(2000),
        "rollouts": constant(1600, workers_cpu=1.6 * 0.8, cpu=1.6 * 0.18),
        "training": constant(1000, workers_cpu=0.9, cpu=0.48, workers_rss=450_000_000),
        "stock-subproc": constant(400),
    }
    return BenchmarkResults(16, 32, 2, environments, learning)


def test_shares_are_medians_of_the_rounds_and_not_of_the_rates() -> None:
    """If the machine is disturbed for a round, both are slow, and their ratio stays the same."""
    ours = series(sample(90), sample(45), sample(88))
    bare = series(sample(100), sample(50), sample(100))
    assert ratio(ours, bare) == 0.9
    with pytest.raises(ValueError, match="argument"):
        ratio(ours, series(sample(1)))


def test_the_split_of_time_adds_up_to_the_whole(measured: BenchmarkResults) -> None:
    parts = split_of_time(measured)
    assert list(parts.values()) == pytest.approx([600, 50, 100, 150, 300, 1380 - 1200])
    assert sum(parts.values()) == pytest.approx(1380), "the time of trainer and workers per action"


def test_targets(measured: BenchmarkResults) -> None:
    measured.start_ups = [9.0, 1.0, 2.0]
    measured.memory = [(steps, 300 + steps / 1e5) for steps in range(10_000, 330_001, 5_000)]
    found = [(round(row.measured, 3), row.reached) for row in targets(measured) if row.measured is not None]
    assert found == [
        (0.95, True),
        (0.8, True),
        (0.5, True),
        (2.5, True),
        (450.0, True),
        (2.05, True),
        (2.0, True),
        (0.083, True),
    ]
    assert "not measured" not in table(measured)


def test_what_was_left_out_is_reported_as_not_measured(measured: BenchmarkResults) -> None:
    del measured.learning["stock-subproc"]
    left_out = [row.quantity.split(",")[0] for row in targets(measured) if row.reached is None]
    assert left_out == [
        "training",
        "RSS growth over 0 steps after 30",
        "16 environments ready",
    ]
    assert table(measured).count("not measured") == 3


@pytest.mark.parametrize(
    ("bound", "at_least", "value", "reached"),
    [(0.5, True, 0.5, True), (0.5, True, 0.49, False), (3.0, False, 3.0, True), (3.0, False, 3.1, False)],
)
def test_bounds(bound: float, at_least: bool, value: float, reached: bool) -> None:
    assert Target("", bound, at_least, "", value).reached is reached


def test_growth_counts_from_the_first_thirty_thousand_steps() -> None:
    early = [(1000 * n, 100.0 + n) for n in range(30)]
    late = [(30_000 + 1000 * n, 200.0 + (n >= 30)) for n in range(60)]
    assert growth(early + late) == 1.0
    assert growth(early) is None


def test_memory_of_workers(measured: BenchmarkResults) -> None:
    assert workers_megabytes(series(sample(1, workers_rss=10**6), sample(1, workers_rss=3 * 10**6))) == 3
    assert memory_per_environment(measured) is None
    for number, size in ((2, 150), (8, 156), (32, 210)):
        measured.scaling[number] = {"emulators": series(sample(1, workers_rss=size * 10**6))}
    assert memory_per_environment(measured) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rounds", "0"], "--rounds 0 must be at least 1"),
        (["--seconds", "0"], "--seconds 0 must be above 0 and at most 3600"),
        (["--scaling", "4", "0"], "--scaling 0: numbers of environments must be at least 1"),
        (["--plot", "figures.txt"], "--plot figures.txt: must end in one of .png, .svg, .pdf"),
        (["--rom", "nowhere.gb"], "nowhere.gb"),
        (["--other-pyboy", "nowhere"], "--other-pyboy nowhere: there is no folder nowhere/pyboy"),
    ],
)
def test_wrong_input_is_refused(refused: Callable[..., str], flags: list[str], message: str) -> None:
    assert message in refused("benchmark", *flags)


def test_the_plot_shows_the_scaling(measured: BenchmarkResults, tmp_path: Path) -> None:
    draw(measured, tmp_path / "without.svg")
    for number in (2, 4):
        measured.scaling[number] = {**measured.environments, "rollouts": measured.learning["rollouts"]}
    draw(measured, tmp_path / "with.svg")
    assert (tmp_path / "with.svg").read_text().count("<path") > (tmp_path / "without.svg").read_text().count(
        "<path"
    )


def test_a_small_run(program: Callable[..., Any], tmp_path: Path) -> None:
    """All parts except stable-baselines3's own training and the long run."""
    flags = ["--rounds", 1, "--seconds", 0.2, "--envs", 2, "--learning-envs", 2]
    written = ["--json", tmp_path / "figures.json", "--plot", tmp_path / "figures.png"]
    package = importlib.util.find_spec("pyboy")
    assert package is not None and package.submodule_search_locations
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "pyboy").symlink_to(package.submodule_search_locations[0])
    version = importlib.metadata.version("pyboy")
    (tmp_path / "again" / f"pyboy-{version}.dist-info").mkdir()
    (tmp_path / "again" / f"pyboy-{version}.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: pyboy\nVersion: {version}\n"
    )
    others = ["--other-pyboy", tmp_path / "again", "--without-stock", "--scaling"]
    result = program("benchmark", *flags, *written, "--growth-steps", 0, *others)
    assert result.returncode == 0, result.stderr
    names = ("bare", "emulators", "subproc", "dummy", "rollouts", "training")
    for name in (*names, "bare, other PyBoy", "training, other PyBoy"):
        assert f"\n  {name} " in result.stdout
    assert result.stdout.count("not measured") == 2, "stock PPO and the long run"
    assert (tmp_path / "figures.png").read_bytes().startswith(b"\x89PNG")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["machine"]["cores"] >= 1
    assert figures["machine"]["other pyboy"] == version
    assert len(figures["start_ups"]) == 1
    assert figures["shares_of_bare"]["environments"]["bare"] == 1
    assert figures["shares_of_bare"]["learning"]["training"] > 0
    assert figures["environments"]["emulators"]["samples"][0]["workers"] == min(
        2, figures["machine"]["cores"]
    )
    assert figures["environments"]["halves"]["samples"][0]["emulator"] > 0
    for series in (*figures["environments"].values(), *figures["learning"].values()):
        assert all(turn["seconds"] >= 0.2 for turn in series["samples"]), "a turn is as long as requested"
    assert len(figures["must_reach"]) == 8
    assert figures["split_of_time_us"]["emulator"] > 0
