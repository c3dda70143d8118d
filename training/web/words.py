"""Formatting of numbers, times and settings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from training.history_db.models import FIGURES

NONE = "–"
KEY_SETTINGS = (
    "learning_rate", "clip_range", "ent_coef", "gamma", "gae_lambda", "vf_coef", "max_grad_norm", "n_epochs",
    "n_steps", "batch_size", "num_envs", "max_steps", "seed",
)  # fmt: skip


def figure(value: object, digits: int = 2) -> str:
    """A number for a table: ``12,345``, ``12.35``, ``0.00123``; a dash if it is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NONE
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if abs(value) >= 10**-digits else f"{value:.2g}"


def short(value: object) -> str:
    """A short count: ``950``, ``12.3k``, ``4.5M``."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return NONE
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:g}"


def span(seconds: object) -> str:
    """Seconds as ``2 h 5 min``, ``3 min 20 s`` or ``12 s``."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return NONE
    whole = max(0, round(seconds))
    for size, name, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // below} {small}"
    return f"{whole} s"


def ago(moment: object) -> str:
    """A short time since a moment: ``5 min ago``."""
    if not isinstance(moment, datetime):
        return NONE
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name} ago"
    return NONE


def stamp(moment: object) -> str:
    """A moment as ``2026-11-21 08:12 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(moment, datetime) else NONE


def share(part: object, whole: object) -> float:
    """part / whole, clipped to 0..1; 0 without a whole."""
    usable = isinstance(part, int | float) and isinstance(whole, int | float) and whole > 0
    return min(1.0, max(0.0, part / whole)) if usable else 0.0  # type: ignore[operator]


def setting(value: object) -> str:
    """A setting on one line; schedules as ``linear 0.02 → 0.005``."""
    if isinstance(value, Mapping) and "kind" in value:
        rest = {key: part for key, part in value.items() if key not in ("kind", "start", "end", "points")}
        if isinstance(value.get("points"), list):
            course = " → ".join(str(point[1]) for point in value["points"] if isinstance(point, list))
        else:
            course = " → ".join(str(value[key]) for key in ("start", "end") if key in value)
        more = ", ".join(f"{key} {part}" for key, part in rest.items() if part is not None)
        return f"{value['kind']} {course}" + (f" ({more})" if more else "")
    if value is None:
        return NONE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pretty(value: object) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


COLUMNS = (
    ("name", "Run"), ("agent", "Agent"), ("variant", "Variant"), ("status", "Status"), ("steps", "Progress"),
    ("episode_return", "Return"), ("battles_won", "Won"), ("badges", "Badges"), ("approx_kl", "KL"),
    ("clip_fraction", "Clip"), ("explained_variance", "Expl. var."), ("steps_per_s", "Steps/s"),
    ("verdict", "Health"), ("started", "Started"),
)  # fmt: skip
"""Columns of the list with their headings, in order."""

FILTERS: dict[str, Callable[..., object]] = {
    "figure": figure,
    "short": short,
    "span": span,
    "ago": ago,
    "stamp": stamp,
    "setting": setting,
    "pretty": pretty,
}
GLOBALS: dict[str, Any] = {
    "share": share, "KEY_SETTINGS": KEY_SETTINGS, "NONE": NONE, "COLUMNS": COLUMNS, "FIGURES": FIGURES,
}  # fmt: skip
