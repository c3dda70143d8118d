"""The table printed at the end of a run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from callbacks.health.bounds import WINDOW
from training.cli.table import table
from training.config.schema import TrainConfig

SETTINGS = {
    "exploration_recent_window": "exploration_recent_tile",
    "stuck_after": "penalty_stuck",
    "battle_weak_decay": "",
}
"""Coefficients that are no weights, and the term that each belongs to."""


@dataclass(frozen=True)
class RunSummary:
    """The values of the closing table; ``metrics`` are means of the last updates, by which health is
    judged."""

    folder: Path
    steps: int
    wanted_steps: int
    session_steps: int
    seconds: float
    updates: int
    counts: Mapping[str, int]
    mean_return: float | None
    metrics: Mapping[str, float]
    verdict: str
    findings: Sequence[str] = ()
    stopped_by: str | None = None
    signal: str | None = None  # received, perhaps in the last moments of a finished session
    dropped_steps: int = 0
    episodes: str | None = None
    start: str = "-"
    interventions: Mapping[str, int] = field(default_factory=dict)

    @property
    def folder_exists(self) -> bool:
        """Whether the run's folder is still there: it may have been removed during training."""
        return (self.folder / "config.json").is_file()


def summary_record(summary: RunSummary) -> dict[str, Any]:
    """Return the summary as plain JSON values, as stored in summary.json."""
    record = asdict(summary)
    del record["folder"], record["signal"]
    return {**record, "finished": summary.stopped_by is None and summary.steps >= summary.wanted_steps}


def opening(folder: Path, config: TrainConfig, first_step: int, last_step: int) -> str:
    """Return the line printed when a run starts."""
    begin = f" from step {first_step:,}" if first_step else ""
    return (
        f"run {folder.name}{begin}: {last_step:,} steps, {config.num_envs} environments,"
        f" {config.rollout_steps:,} steps per update"
    )


def pays(config: TrainConfig) -> str:
    """The line that says what the game's reward is made of, when a run starts.

    A layer whose weight is 0 throughout pays nothing.
    """
    from rewards.coefficients import DEFAULT_COEFFICIENTS
    from rewards.stack import RewardStack

    rewards = config.rewards
    weights = [name for name in rewards if name not in SETTINGS]
    off = {term.name for term in RewardStack(rewards).terms if getattr(config.layers, term.layer) == 0}
    paid = [name for name in weights if rewards[name] and name not in off]
    parts = [f"{name} {rewards[name]:g}{_with_setting(name, rewards)}" for name in paid]
    parts += [f"{Path(spec).name} {value:g}" for spec, value in config.reward_terms.items() if value]
    if rewards["battle_weak_decay"]:
        parts.append(f"battle_weak_decay {rewards['battle_weak_decay']:g}")
    unpaid = ", ".join(name for name in weights if name not in paid)
    kind = "the defaults: " if rewards == DEFAULT_COEFFICIENTS and not off else ""
    return f"pays {kind}{', '.join(parts) or 'nothing'}" + (f"; nothing for {unpaid}" if unpaid else "")


def _with_setting(name: str, rewards: Mapping[str, float]) -> str:
    """The count of steps that a term goes by, in brackets."""
    return "".join(f" ({own} {rewards[own]:g})" for own, term in SETTINGS.items() if term == name)


def describe_interventions(counts: Mapping[str, int]) -> str:
    """Describe the writes to the game's memory by kind, or return "none"."""
    return ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items())) or "none"


def run_report(summary: RunSummary) -> str:
    """Return the closing table, the run's folder and the TensorBoard command."""
    counts = summary.counts
    speed = summary.session_steps / summary.seconds if summary.seconds > 0 else 0.0
    recent = f", last {min(WINDOW, summary.updates)} updates"
    rows = [
        ("steps", f"{summary.steps:,} of {summary.wanted_steps:,}"),
        ("steps/s", f"{speed:,.0f}"),
        ("seconds", f"{summary.seconds:,.0f}"),
        ("PPO updates", f"{summary.updates:,}"),
        ("episodes ended", f"{counts['episodes']:,}"),
        ("mean return, last 100", _number(summary.mean_return)),
        ("battles started", f"{counts['battles_started']:,}"),
        ("battles won", f"{counts['battles_won']:,}"),
        ("badges", f"{counts['badges_earned']:,}"),
        ("levels gained", f"{counts['levels_gained']:,}"),
        (f"KL divergence{recent}", _number(summary.metrics.get("approx_kl"), 4)),
        (f"clip fraction{recent}", _number(summary.metrics.get("clip_fraction"), 3)),
        (f"explained variance{recent}", _number(summary.metrics.get("explained_variance"), 3)),
        ("health", summary.verdict),
    ]
    rows.insert(-1, ("episodes begin at", summary.start))
    rows.insert(-1, ("interventions", describe_interventions(summary.interventions)))
    lines = ["", table(rows), *(f"  {finding}" for finding in summary.findings), ""]
    return "\n".join([*lines, *_whereabouts(summary)])


def _whereabouts(summary: RunSummary) -> Iterator[str]:
    """Yield how to continue, and where the run's files are."""
    if not summary.folder_exists:
        yield f"stopped by {summary.stopped_by}" if summary.stopped_by else "finished"
        yield f"run folder: {summary.folder} was removed while it trained, so nothing can be continued"
        return
    if summary.stopped_by:
        dropped = summary.dropped_steps
        again = f", which plays the last {dropped:,} steps again" if dropped else ""
        yield f"stopped by {summary.stopped_by}; go on with --resume {summary.folder.name}{again}"
    yield f"run folder: {summary.folder}"
    if summary.episodes:
        yield f"episodes:   {summary.episodes}"
    yield f"curves:     {_tensorboard()} --logdir {summary.folder / 'tensorboard'}"


def _tensorboard() -> str:
    """The command, with its path if the virtual environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    beside = Path(sys.executable).with_name("tensorboard")
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _number(value: object, digits: int = 2) -> str:
    return f"{float(value):.{digits}f}" if isinstance(value, int | float) else "-"
