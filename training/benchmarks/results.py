"""Results of the benchmark: shares, the split of time, the table, and whether targets are reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from training.benchmarks.runner import SETTLING_STEPS, MemorySample, SpeedSeries

MEGABYTE = 1e6
GROWTH_ENDS = 20
"""Updates at either end of a run whose median is its memory there, since single values vary by 30 MB."""


@dataclass(slots=True)
class BenchmarkResults:
    """All measurements. ``scaling`` is by number of environments; ``memory`` is (steps, MB)."""

    envs: int
    learning_envs: int
    cores: int
    environments: dict[str, SpeedSeries]
    learning: dict[str, SpeedSeries]
    scaling: dict[int, dict[str, SpeedSeries]] = field(default_factory=dict)
    start_ups: list[float] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """One value to reach; ``measured`` is None if it was not measured."""

    quantity: str
    bound: float
    at_least: bool
    unit: str
    measured: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None if it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def rate(series: SpeedSeries) -> float:
    """Actions per second: the median of the rounds."""
    return median(sample.rate for sample in series.samples)


def ratio(one: SpeedSeries, other: SpeedSeries) -> float:
    """Actions per second relative to ``other``: the median of the rounds' ratios."""
    pairs = zip(one.samples, other.samples, strict=True)
    return median(left.rate / right.rate for left, right in pairs)


def looking_share(halves: SpeedSeries) -> float:
    """Time of state, reward and observation over the emulator's time: the median of the rounds."""
    return median(sample.looking / sample.emulator for sample in halves.samples)


def _each(series: SpeedSeries, *names: str) -> float:
    """CPU microseconds per action of these parts of a sample together: the median of the rounds."""

    def cost(sample: MemorySample) -> float:
        return sum(float(getattr(sample, name)) for name in names) / sample.actions * 1e6

    return median(map(cost, series.samples))


def split_of_time(measured: BenchmarkResults) -> dict[str, float]:
    """CPU microseconds of one action in training, part by part; "rest" completes the sum.

    Transport is what workers and the main process need beyond emulation and observation. Inference and
    learning are what a network and updates add in the main process.
    """
    halves, plain = measured.environments["halves"], measured.environments["emulators"]
    rollouts, training = measured.learning["rollouts"], measured.learning["training"]
    parts = {"emulator": _each(halves, "emulator"), "state, reward, observation": _each(halves, "looking")}
    parts["transport"] = _each(plain, "cpu", "workers_cpu") - sum(parts.values())
    parts["inference and rollout buffer"] = _each(rollouts, "cpu") - _each(plain, "cpu")
    parts["learning"] = _each(training, "cpu") - _each(rollouts, "cpu")
    parts["rest (shared caches and cores)"] = _each(training, "cpu", "workers_cpu") - sum(parts.values())
    return parts


def growth(memory: Sequence[tuple[int, float]]) -> float | None:
    """Growth of a run's memory in MB after its first SETTLING_STEPS; None if the run is too short."""
    later = [megabytes for steps, megabytes in memory if steps >= SETTLING_STEPS]
    if len(later) < 2 * GROWTH_ENDS:
        return None
    return median(later[-GROWTH_ENDS:]) - median(later[:GROWTH_ENDS])


def workers_megabytes(series: SpeedSeries) -> float:
    """Largest resident memory of all workers at the end of a turn. Shared pages count for each worker."""
    return max(sample.workers_rss for sample in series.samples) / MEGABYTE


def targets(measured: BenchmarkResults) -> list[Target]:
    """The targets for two cores, with the measured values."""
    environments, learning = measured.environments, measured.learning
    bare, training = learning["bare"], learning["training"]
    few, many = f"{measured.envs} environments", f"{measured.learning_envs} environments"
    stock = learning.get("stock-subproc")
    steps = measured.memory[-1][0] - SETTLING_STEPS if measured.memory else 0
    return [
        Target(
            f"rollout without a network, share of bare, {few}", 0.93, True, "",
            ratio(environments["emulators"], environments["bare"]),
        ),
        Target(
            f"rollout with the default network, share of bare, {many}", 0.75, True, "",
            ratio(learning["rollouts"], bare),
        ),
        Target(f"training, 1 epoch, share of bare, {many}", 0.50, True, "", ratio(training, bare)),
        Target(
            f"training, times stock PPO with SubprocVecEnv, {many}", 2.2, True, "x",
            ratio(training, stock) if stock else None,
        ),
        Target(f"RSS of all workers, {many}", 600.0, False, " MB", workers_megabytes(training)),
        Target(
            f"RSS growth over {steps:,} steps after {SETTLING_STEPS:,}", 5.0, False, " MB",
            growth(measured.memory),
        ),
        Target(
            f"{few} ready", 3.0, False, " s",
            median(measured.start_ups) if measured.start_ups else None,
        ),
        Target(
            "state, reward and observation, share of the emulator's time", 0.10, False, "",
            looking_share(environments["halves"]),
        ),
    ]  # fmt: skip


# --- as text ---


def table(measured: BenchmarkResults) -> str:
    """Return all results as text."""
    return "\n".join(
        [
            *_speeds(f"{measured.envs} environments, no network", measured.environments),
            *_speeds(f"{measured.learning_envs} environments, with a network", measured.learning),
            *_split(measured),
            *_scaling(measured),
            *_target_lines(targets(measured)),
        ]
    )


def _speeds(title: str, contenders: Mapping[str, SpeedSeries]) -> Iterator[str]:
    yield f"\n{title:<32}{'actions/s':>10}{'of bare':>9}{'ready s':>9}{'own MB':>9}{'workers MB':>12}"
    for name, series in contenders.items():
        if name == "halves":
            continue
        share = f"{ratio(series, contenders['bare']):.3f}"
        own = max(sample.rss for sample in series.samples) / MEGABYTE
        yield (
            f"  {name:<30}{rate(series):>10.0f}{share:>9}{series.ready:>9.1f}{own:>9.0f}"
            f"{workers_megabytes(series):>12.0f}"
        )


def _split(measured: BenchmarkResults) -> Iterator[str]:
    parts = split_of_time(measured)
    whole = sum(parts.values())
    yield f"\n{'CPU time of an action in training':<44}{'us':>8}{'share':>9}"
    for name, cost in parts.items():
        yield f"  {name:<42}{cost:>8.0f}{cost / whole:>9.3f}"


def _scaling(measured: BenchmarkResults) -> Iterator[str]:
    if not measured.scaling:
        return
    yield f"\n{'environments':<14}" + "".join(
        f"{title:>16}"
        for title in ("bare /s", "emulators /s", "of bare", "rollouts /s", "of bare", "workers MB")
    )
    for number, contenders in measured.scaling.items():
        bare, plain, rollouts = (contenders[name] for name in ("bare", "emulators", "rollouts"))
        cells = (
            f"{rate(bare):.0f}",
            f"{rate(plain):.0f}",
            f"{ratio(plain, bare):.3f}",
            f"{rate(rollouts):.0f}",
            f"{ratio(rollouts, bare):.3f}",
            f"{workers_megabytes(plain):.0f}",
        )
        yield f"  {number:<12}" + "".join(f"{cell:>16}" for cell in cells)
    each = memory_per_environment(measured)
    if each is not None:
        yield f"  one more environment in a worker: {each:.1f} MB"


def memory_per_environment(measured: BenchmarkResults) -> float | None:
    """Memory in MB that one more environment adds, between the fewest and the most environments measured."""
    if len(measured.scaling) < 2:
        return None
    fewest, most = min(measured.scaling), max(measured.scaling)
    held = {n: workers_megabytes(measured.scaling[n]["emulators"]) for n in (fewest, most)}
    return (held[most] - held[fewest]) / (most - fewest)


def _target_lines(rows: Sequence[Target]) -> Iterator[str]:
    yield f"\n{'Targets (on an idle machine with two cores)':<70}{'target':>14}{'measured':>12}  reached"
    for row in rows:
        sign = ">=" if row.at_least else "<="
        measured = "-" if row.measured is None else f"{row.measured:.3g}{row.unit}"
        word = {True: "yes", False: "NO", None: "not measured"}[row.reached]
        yield f"  {row.quantity:<68}{f'{sign} {row.bound:g}{row.unit}':>14}{measured:>12}  {word}"


def as_json(measured: BenchmarkResults) -> dict[str, Any]:
    """Return figures and all samples as plain JSON values."""
    return {
        **asdict(measured),
        "scaling": {str(number): _as_json(found) for number, found in measured.scaling.items()},
        "shares_of_bare": {
            phase: {name: ratio(series, found["bare"]) for name, series in found.items() if name != "halves"}
            for phase, found in (("environments", measured.environments), ("learning", measured.learning))
        },
        "split_of_time_us": split_of_time(measured),
        "memory_per_environment_mb": memory_per_environment(measured),
        "must_reach": [{**asdict(row), "reached": row.reached} for row in targets(measured)],
    }


def _as_json(contenders: Mapping[str, SpeedSeries]) -> dict[str, Any]:
    return {name: asdict(series) for name, series in contenders.items()}
