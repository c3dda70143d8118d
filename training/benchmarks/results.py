"""What the benchmark's samples come to: shares, splits, the table, and whether what must be reached is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from training.benchmarks.runner import SETTLING_STEPS, MemorySample, SpeedSeries

MEGABYTE = 1e6
GROWTH_ENDS = 20
"""Updates at either end of a run whose median counts as its memory there: from one to the next it goes up and
down by 30 MB."""


@dataclass(slots=True)
class BenchmarkResults:
    """All that was measured. ``scaling`` goes by number of environments; ``memory`` is (steps, MB)."""

    envs: int
    learning_envs: int
    cores: int
    environments: dict[str, SpeedSeries]
    learning: dict[str, SpeedSeries]
    scaling: dict[int, dict[str, SpeedSeries]] = field(default_factory=dict)
    start_ups: list[float] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that must be reached; ``measured`` is None when it was left out."""

    quantity: str
    bound: float
    at_least: bool
    unit: str
    measured: float | None

    @property
    def reached(self) -> bool | None:
        """Whether it is; None when it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def rate(series: SpeedSeries) -> float:
    """Actions a second: the median of the rounds."""
    return median(sample.rate for sample in series.samples)


def ratio(one: SpeedSeries, other: SpeedSeries) -> float:
    """How many times as many actions a second as ``other``: the median of the rounds' ratios."""
    pairs = zip(one.samples, other.samples, strict=True)
    return median(left.rate / right.rate for left, right in pairs)


def looking_share(halves: SpeedSeries) -> float:
    """Time for reading the state, reward and observation over the emulator's: the median of the rounds."""
    return median(sample.looking / sample.emulator for sample in halves.samples)


def _each(series: SpeedSeries, *names: str) -> float:
    """Processor microseconds of an action, those parts of a sample together; the median of the rounds."""

    def cost(sample: MemorySample) -> float:
        return sum(float(getattr(sample, name)) for name in names) / sample.actions * 1e6

    return median(map(cost, series.samples))


def split_of_time(measured: BenchmarkResults) -> dict[str, float]:
    """Processor microseconds of one action in training, part by part; "rest" is what makes up the sum.

    Transport is what workers and the process that steps them need beyond emulating and looking; inference
    and learning are what is added to that process with a network, and with updates.
    """
    halves, plain = measured.environments["halves"], measured.environments["emulators"]
    rollouts, training = measured.learning["rollouts"], measured.learning["training"]
    parts = {"emulator": _each(halves, "emulator"), "state, reward, observation": _each(halves, "looking")}
    parts["transport"] = _each(plain, "cpu", "workers_cpu") - sum(parts.values())
    parts["inference and rollout buffer"] = _each(rollouts, "cpu") - _each(plain, "cpu")
    parts["learning"] = _each(training, "cpu") - _each(rollouts, "cpu")
    parts["rest (caches and cores that are shared)"] = _each(training, "cpu", "workers_cpu") - sum(
        parts.values()
    )
    return parts


def growth(memory: Sequence[tuple[int, float]]) -> float | None:
    """MB that a run's memory grew by after its first SETTLING_STEPS; None for a run too short to say."""
    later = [megabytes for steps, megabytes in memory if steps >= SETTLING_STEPS]
    if len(later) < 2 * GROWTH_ENDS:
        return None
    return median(later[-GROWTH_ENDS:]) - median(later[:GROWTH_ENDS])


def workers_megabytes(series: SpeedSeries) -> float:
    """The most that all workers together held at the end of a turn; shared pages count for each."""
    return max(sample.workers_rss for sample in series.samples) / MEGABYTE


def wanted(measured: BenchmarkResults) -> list[Wanted]:
    """What must be reached on two cores, and what was."""
    environments, learning = measured.environments, measured.learning
    bare, training = learning["bare"], learning["training"]
    few, many = f"{measured.envs} environments", f"{measured.learning_envs} environments"
    stock = learning.get("stock-subproc")
    steps = measured.memory[-1][0] - SETTLING_STEPS if measured.memory else 0
    return [
        Wanted(
            f"rollout without a network, share of bare, {few}", 0.93, True, "",
            ratio(environments["emulators"], environments["bare"]),
        ),
        Wanted(
            f"rollout with the default network, share of bare, {many}", 0.75, True, "",
            ratio(learning["rollouts"], bare),
        ),
        Wanted(f"training, 1 epoch, share of bare, {many}", 0.50, True, "", ratio(training, bare)),
        Wanted(
            f"training, times stock PPO with SubprocVecEnv, {many}", 2.2, True, "x",
            ratio(training, stock) if stock else None,
        ),
        Wanted(f"RSS of all workers, {many}", 600.0, False, " MB", workers_megabytes(training)),
        Wanted(
            f"RSS growth over {steps:,} steps after {SETTLING_STEPS:,}", 5.0, False, " MB",
            growth(measured.memory),
        ),
        Wanted(
            f"{few} ready", 3.0, False, " s",
            median(measured.start_ups) if measured.start_ups else None,
        ),
        Wanted(
            "state, reward and observation, share of the emulator's time", 0.10, False, "",
            looking_share(environments["halves"]),
        ),
    ]  # fmt: skip


# --- as text ---


def table(measured: BenchmarkResults) -> str:
    """Everything, for a terminal."""
    return "\n".join(
        [
            *_speeds(f"{measured.envs} environments, no network", measured.environments),
            *_speeds(f"{measured.learning_envs} environments, with a network", measured.learning),
            *_split(measured),
            *_scaling(measured),
            *_must_reach(wanted(measured)),
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
    yield f"\n{'processor time of an action in training':<44}{'us':>8}{'share':>9}"
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
    """MB that all workers grow by with one more environment, between the fewest and the most that scaled."""
    if len(measured.scaling) < 2:
        return None
    fewest, most = min(measured.scaling), max(measured.scaling)
    held = {n: workers_megabytes(measured.scaling[n]["emulators"]) for n in (fewest, most)}
    return (held[most] - held[fewest]) / (most - fewest)


def _must_reach(rows: Sequence[Wanted]) -> Iterator[str]:
    yield f"\n{'Must reach (on a quiet machine of two cores)':<70}{'wanted':>14}{'measured':>12}  reached"
    for row in rows:
        sign = ">=" if row.at_least else "<="
        measured = "-" if row.measured is None else f"{row.measured:.3g}{row.unit}"
        word = {True: "yes", False: "NO", None: "not measured"}[row.reached]
        yield f"  {row.quantity:<68}{f'{sign} {row.bound:g}{row.unit}':>14}{measured:>12}  {word}"


def as_json(measured: BenchmarkResults) -> dict[str, Any]:
    """Figures and every sample, as plain JSON values."""
    return {
        **asdict(measured),
        "scaling": {str(number): _as_json(found) for number, found in measured.scaling.items()},
        "shares_of_bare": {
            phase: {name: ratio(series, found["bare"]) for name, series in found.items() if name != "halves"}
            for phase, found in (("environments", measured.environments), ("learning", measured.learning))
        },
        "split_of_time_us": split_of_time(measured),
        "memory_per_environment_mb": memory_per_environment(measured),
        "must_reach": [{**asdict(row), "reached": row.reached} for row in wanted(measured)],
    }


def _as_json(contenders: Mapping[str, SpeedSeries]) -> dict[str, Any]:
    return {name: asdict(series) for name, series in contenders.items()}
