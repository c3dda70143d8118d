"""Median times to milestones that some episodes never reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from training.evaluation.intervals import wilson

HALF = 0.5 - 1e-12


def median_time(times: Sequence[int | None], lengths: Sequence[int]) -> float | None:
    """Return the Kaplan-Meier estimate of the time by which half of all episodes arrive; None when fewer than
    half do.

    ``times`` holds each episode's arrival (None: it did not arrive within its ``lengths``, where observation
    ends). A median over only those that arrive would make rare milestones look quick.

    Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53, 457-481.
    """
    return next((float(moment) for moment, share, _ in _arrivals(times, lengths) if share >= HALF), None)


def median_interval(
    times: Sequence[int | None], lengths: Sequence[int], size: int | None = None
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of ``median_time``; an end is None where it is later than all observed times.

    It contains the times at which Wilson's interval of the share that has arrived, over the episodes whose
    status is known, contains a half: the inversion of Brookmeyer, R. and Crowley, J. (1982), Biometrics 38,
    29-41.
    """
    factor = 1.0 if size is None or not times else size / len(times)
    low = high = None
    for moment, share, known in _arrivals(times, lengths):
        trials = max(1, round(known * factor))
        least, most = wilson(share * trials, trials)
        if low is None and most >= HALF:
            low = float(moment)
        if least >= HALF:
            high = float(moment)
            break
    return low, high


def _arrivals(times: Sequence[int | None], lengths: Sequence[int]) -> Iterator[tuple[int, float, int]]:
    """Yield for each arrival its time, the share that has arrived by then, and the number still observed."""
    ends = [length if time is None else time for time, length in zip(times, lengths, strict=True)]
    still = 1.0
    for moment in sorted({time for time in times if time is not None}):
        watched = sum(end >= moment for end in ends)
        still *= 1 - sum(time == moment for time in times) / watched
        before = sum(time is not None and time < moment for time in times)
        yield moment, 1 - still, watched + before
