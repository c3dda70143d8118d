"""Entropy annealing, samples of the agents, and pictures of where they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.agent_stats import FILE_NAME, GIVEN, AgentStatsCallback, SampleRing
from callbacks.entropy import EntropyAnnealing, entropy_at
from callbacks.exploration import MAX_PANELS, ExplorationPicture, mosaic, panel
from callbacks.update_log import UpdateLog

Learn = Callable[..., Any]
Curves = Callable[[], Any]


def points(curves: Curves, key: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in curves().Scalars(key)]


def test_entropy_falls_in_a_line_over_its_share_and_stays() -> None:
    values = [entropy_at(steps, 1000, 0.1, 0.02, 0.5) for steps in (0, 250, 500, 501, 1000, 5000)]
    assert values == pytest.approx([0.1, 0.06, 0.02, 0.02, 0.02, 0.02])


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_entropy_never_leaves_its_ends(
    steps: int, total: int, start: float, end: float, share: float
) -> None:
    value = entropy_at(steps, total, start, end, share)
    assert min(start, end) - 1e-12 <= value <= max(start, end) + 1e-12


def test_the_update_uses_the_value_that_is_logged_for_its_step(learn: Learn, curves: Curves) -> None:
    model = learn([EntropyAnnealing(0.1, 0.0, 256), UpdateLog()])
    assert model.ent_coef == 0.0
    steps, values = zip(*points(curves, "schedule/ent_coef"), strict=True)
    assert steps == (64, 128, 192, 256)
    assert values == pytest.approx([entropy_at(n, 256, 0.1, 0.0) for n in steps], abs=1e-6)


def test_wrong_schedules_are_refused() -> None:
    for start, end, total, share in (
        (0.1, 0.0, 0, 1.0),
        (0.1, 0.0, 10, 0.0),
        (0.1, -1.0, 10, 1.0),
        (0.1, 0.0, 10, 2.0),
    ):
        with pytest.raises(ValueError, match="entropy from"):
            EntropyAnnealing(start, end, total, share)


@given(st.integers(1, 20), st.integers(0, 60))
def test_the_ring_keeps_the_last_samples_in_order(size: int, count: int) -> None:
    ring = SampleRing(size)
    for i in range(count):
        ring.add(i, i % 3, dict.fromkeys(GIVEN, i))
    assert list(ring.recent()["total_steps"]) == list(range(max(0, count - size), count))
    assert len(ring.recent()) == min(size, count)


def test_samples_of_a_run_are_kept_and_written(learn: Learn, tmp_path: Path) -> None:
    stats = AgentStatsCallback(tmp_path / "run", size=7, save_every_steps=100)
    learn([stats])
    assert stats.ring.count == 2 * 2 * (256 // 2 // 24)
    with np.load(tmp_path / "run" / FILE_NAME, allow_pickle=False) as file:
        samples = file["samples"]
    assert len(samples) == 7
    assert (np.diff(samples["total_steps"]) >= 0).all()
    assert set(samples["step"]) <= {10, 20}
    assert set(samples["env"]) == {0, 1}
    assert (samples["coord_count"] >= samples["battles_started"]).all()
    assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / FILE_NAME]


def test_places_are_drawn_map_by_map(learn: Learn, curves: Curves) -> None:
    picture = ExplorationPicture(every_steps=1)
    learn([picture])
    drawn = curves().Images("trajectory/explore_sum")
    assert [image.step for image in drawn] == [64, 128, 192, 256]
    assert picture.picture().max() == 255
    assert sum(picture.visits.values()) == 20


def test_panels_and_their_mosaic() -> None:
    one = panel({(5, 3): 1, (7, 4): 100})
    assert one.shape == (3, 2)
    assert one[2, 1] == 255
    assert 64 < one[0, 0] < 255
    assert one[1, 0] == 0
    both = mosaic([one, one, one])
    assert both.shape == (10, 8)
    assert (both[:3, 4:6] == one).all()
    assert mosaic([]).shape == (1, 1)


def test_only_the_busiest_maps_are_drawn() -> None:
    picture = ExplorationPicture()
    for map_id in range(100):
        picture.visits[map_id, 0, 0] = map_id + 1
    assert np.count_nonzero(picture.picture()) == MAX_PANELS
