"""Bounds for judging updates, used by rules and charts. A test compares docs/metrics.md with them.

stable-baselines3's approx_kl is the mean over the last epoch of an update, and its clip_fraction the mean
over all epochs. Shares are fractions of 1.
"""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["good", "low", "warning", "bad"]
LEVELS: tuple[Level, ...] = get_args(Level)
Verdict = Literal["no updates", "healthy", "warning", "unhealthy"]
VERDICTS: tuple[Verdict, ...] = ("healthy", "warning", "unhealthy")
"""In the order of the values of ``health/verdict``."""

WINDOW = 10  # updates in a moving mean or median
TREND = 50  # updates in a trend
TREND_UPDATES = 20  # fewest updates for a trend
SHORT = 5  # updates in the medians that are compared to find sudden changes
FEWEST = 5  # updates before a finding can stop a run

KL_WARNING, KL_BAD = 0.05, 0.1
CLIP_LOW, CLIP_HIGH, CLIP_BAD = 0.1, 0.3, 0.5
VARIANCE_BAD, VARIANCE_POOR, VARIANCE_AIM = 0.3, 0.5, 0.7
VARIANCE_RISE = 0.02  # between the halves of a trend; less counts as flat
VARIANCE_LATE = 10_000_000  # steps after which VARIANCE_POOR should be reached
COLLAPSED = 0.05  # of the highest entropy
COLLAPSE_EARLY = 1_000_000  # steps before which a collapse is bad
DROP_WARNING, DROP_BAD = 0.2, 0.5  # of the highest entropy, within SHORT updates
FLAT_NEAR, FLAT_CHANGE = 0.98, 0.005  # of the highest entropy
LOSS_WARNING, LOSS_BAD = 2.0, 10.0  # newer half of a trend divided by the older half
SLOWER, MUCH_SLOWER = 0.6, 0.3  # of the highest median of WINDOW updates
GROWTH_WARNING, GROWTH_BAD = 0.1, 0.5  # of resident memory, from the second quarter of a run to the last
GROWTH_MB = 50.0
ACCURACY_LOW, ACCURACY_HIGH = 0.6, 0.95  # of AMP's discriminator
ACCURACY_SHARE = 0.8  # of the last WINDOW updates that should lie between these

AIM_STEPS = 20_000_000  # within which explained variance should reach its aim
INSIDE_SHARE = 0.5  # of the updates whose clip fraction should lie in its range

RATE_PAUSE = 5  # updates between two such changes, and in the mean that decides on them

Zone = tuple[float | None, float | None, Level]  # lower bound, upper bound, level in between
ZONES: dict[str, tuple[Zone, ...]] = {
    "approx_kl": (
        (None, KL_WARNING, "good"),
        (KL_WARNING, KL_BAD, "warning"),
        (KL_BAD, None, "bad"),
    ),
    "clip_fraction": (
        (None, CLIP_LOW, "low"),
        (CLIP_LOW, CLIP_HIGH, "good"),
        (CLIP_HIGH, CLIP_BAD, "warning"),
        (CLIP_BAD, None, "bad"),
    ),
    "explained_variance": (
        (None, VARIANCE_BAD, "bad"),
        (VARIANCE_BAD, VARIANCE_POOR, "warning"),
        (VARIANCE_POOR, None, "good"),
    ),
}
"""Zones of the metrics whose bounds are the same in every run. Those of explained variance apply to a flat
curve after VARIANCE_LATE steps."""
