"""View models of the detail and comparison pages, built from a run's row and folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from envs.episodes.file_format import SUFFIX, Header, read_header
from envs.errors import UserError
from training.history_db.run_facts import config_file, number, text, whole
from training.runs.folder import NAME
from training.web.words import KEY_SETTINGS, setting

MOST_MAPS = 60
MOST_EPISODES = 200  # of which the best and the newest are shown
SHOWN_EPISODES = 8
MOST_EVALUATIONS = 40


@dataclass(frozen=True)
class Card:
    """Summary of a config."""

    name: str
    version: str | None
    settings: list[tuple[str, str]]
    network: list[tuple[str, str]]
    observations: list[str]
    rewards: list[tuple[str, str]]
    file: str | None
    base: str | None
    differences: list[str]


def card_of(row: Row[Any]) -> Card:
    """Return the config summary of a run."""
    config: Mapping[str, Any] = row.config
    source = row.manifest.get("config_source")
    source = source if isinstance(source, dict) else {}
    differences = source.get("differences")
    observations = config.get("observations")
    return Card(
        name=row.agent_name or row.config_name,
        version=row.version,
        settings=[(key.replace("_", " "), setting(config[key])) for key in KEY_SETTINGS if key in config],
        network=_pairs(config.get("network")),
        observations=[str(name) for name in observations] if isinstance(observations, list) else [],
        rewards=_pairs(config.get("rewards")),
        file=config_file(row.manifest),
        base=text(source.get("base")),
        differences=[str(line) for line in differences] if isinstance(differences, list) else [],
    )


def _pairs(values: object) -> list[tuple[str, str]]:
    return [(str(k), setting(v)) for k, v in values.items()] if isinstance(values, dict) else []


def differing_settings(rows: Sequence[Row[Any]]) -> list[tuple[str, list[str]]]:
    """Return the settings that differ between runs: name and the value of each run."""
    flat = [_flat(row.config) for row in rows]
    names = sorted({name for one in flat for name in one})
    table = [(name, [setting(one.get(name)) for one in flat]) for name in names]
    return [(name, values) for name, values in table if len(set(values)) > 1]


OF_REWARDS = ("rewards.", "reward_terms", "layers")


def rewards_among(differing: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Return the settings that differ and belong to the rewards: returns cannot be compared then."""
    return [name for name, _ in differing if name.startswith(OF_REWARDS)]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and "kind" not in value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def health_of(report: Mapping[str, Any], unknown: str = "no updates") -> dict[str, Any]:
    """Return health.json as lists: what to change, what is low (which does not affect the verdict), what is
    good, which criteria are met. ``unknown`` is the verdict if the report has none."""
    findings = _dicts(report.get("findings"))
    return {
        "verdict": str(report.get("verdict") or unknown),
        "change": [one for one in findings if one.get("level") in ("warning", "bad")],
        "noted": [one for one in findings if one.get("level") == "low"],
        "good": [one for one in findings if one.get("level") == "good"],
        "worst": _dicts(report.get("worst")),
        "criteria": _dicts(report.get("criteria")),
    }


def _dicts(values: object) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; ``low`` and ``high`` are None without an interval."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class MeasuredView:
    """One evaluation. ``place`` is the interval of its return (low, mean, high), scaled from the lowest (0)
    to the highest (1) value of all evaluations."""

    steps: int | None
    policy: str
    when: str
    episodes: int | None
    figures: dict[str, Interval]
    place: tuple[float, float, float] | None


MEASURED = {
    "return": "return",
    "battles_won": "battles won",
    "badges_earned": "badges",
    "levels_gained": "levels",
    "map_progress": "place",
}


def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> list[MeasuredView]:
    """Return the latest evaluations, newest first."""
    found = [_measured(row) for row in rows[-MOST_EVALUATIONS:]][::-1]
    returns = [one.figures["return"] for one in found if "return" in one.figures]
    ends = [end for one in returns for end in (one.mean, one.low, one.high) if end is not None]
    least, most = (min(ends), max(ends)) if ends else (0.0, 0.0)
    width = (most - least) or 1.0

    def place(one: MeasuredView) -> tuple[float, float, float] | None:
        shown = one.figures.get("return")
        if shown is None:
            return None
        low = shown.low if shown.low is not None else shown.mean
        high = shown.high if shown.high is not None else shown.mean
        return ((low - least) / width, (shown.mean - least) / width, (high - least) / width)

    return [replace(one, place=place(one)) for one in found]


def newest_evaluation(rows: Sequence[Mapping[str, Any]]) -> MeasuredView | None:
    """Return the newest evaluation of the run's own policy, or None."""
    own = [row for row in rows if row.get("policy") != "random"]
    return _measured(own[-1]) if own else None


def _measured(row: Mapping[str, Any]) -> MeasuredView:
    figures = {}
    for name in MEASURED:
        mean = number(row.get(f"{name}_mean"))
        if mean is not None:
            figures[name] = Interval(mean, number(row.get(f"{name}_low")), number(row.get(f"{name}_high")))
    when = "while training" if row.get("while") == "training" else "evaluate.py"
    episodes = whole(row.get("episodes"))
    return MeasuredView(whole(row.get("steps")), str(row.get("policy", "")), when, episodes, figures, None)


@dataclass(frozen=True)
class MilestoneView:
    """A milestone: the training step that first reached it, and its rate in the newest evaluation."""

    name: str
    first_step: int | None
    rate: float | None
    low: float | None
    high: float | None
    median_actions: float | None


def milestones_of(row: Row[Any], evaluations: Sequence[Mapping[str, Any]]) -> list[MilestoneView]:
    """Return the milestones that training or its newest evaluation reached, in training's order."""
    own = [e for e in evaluations if e.get("policy") != "random" and isinstance(e.get("milestones"), dict)]
    reach: dict[str, Any] = own[-1]["milestones"] if own else {}
    first = {name: step for name, step in row.milestones.items() if whole(step) is not None}
    reached = [name for name, one in reach.items() if isinstance(one, dict) and one.get("reached")]
    names = [*sorted(first, key=lambda name: first[name]), *(name for name in reached if name not in first)]
    found = []
    for name in names:
        one = reach.get(name) if isinstance(reach.get(name), dict) else {}
        numbers = [number((one or {}).get(key)) for key in ("rate", "low", "high", "median_actions")]
        found.append(MilestoneView(name, first.get(name), *numbers))
    return found


def maps_of(folder: Path) -> list[str]:
    """Return the file names of the run's exploration maps, sorted."""
    found = sorted((folder / "exploration").glob("*.png"))
    return [path.name for path in found if NAME.fullmatch(path.name)][:MOST_MAPS]


@dataclass(frozen=True)
class Episodes:
    """Recorded episodes with their headers: the best, the newest, and the total number."""

    best: list[tuple[Path, Header]]
    newest: list[tuple[Path, Header]]
    total: int


def episodes_of(folder: Path) -> Episodes:
    """Return the recorded episodes of a run; files that cannot be read are skipped."""
    paths = [path for path in (folder / "episodes").glob(f"*{SUFFIX}") if NAME.fullmatch(path.name)]
    dated = []
    for path in paths:
        with suppress(OSError):  # deleted in the meantime
            dated.append((path.stat().st_mtime, path))
    read: list[tuple[Path, Header]] = []
    for _, path in sorted(dated, reverse=True)[:MOST_EPISODES]:
        with suppress(UserError):
            read.append((path, read_header(path)))
    best = sorted(read, key=lambda one: one[1].episode_return, reverse=True)[:SHOWN_EPISODES]
    return Episodes(best, read[:SHOWN_EPISODES], len(paths))
