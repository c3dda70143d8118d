"""Noise levels and rebasing of NEAR."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.learned_rewards.from_demonstrations.levels import Levels


def energies(mean: float, deviation: float = 2.0) -> NDArray[np.float32]:
    return np.array([mean - deviation, mean + deviation] * 10, np.float32)


def annealed(rise: float = 0.5, rollouts: int = 3) -> Levels:
    return Levels(None, 9, rise, rollouts)


def test_a_negative_energy_that_does_not_improve_raises_nothing() -> None:
    """A threshold of 1.1 times the first energy, -110 for -100, would be passed by every rollout."""
    levels = annealed()
    for mean in (-100.0, -100.0, -109.0, -99.5, -100.0):
        levels.take_in(energies(mean))
        assert levels.level == 0


@pytest.mark.parametrize("first", [-100.0, 0.0, 100.0])
def test_the_level_is_raised_by_the_same_difference_everywhere(first: float) -> None:
    levels = annealed(rise=0.5)
    levels.take_in(energies(first))
    levels.take_in(energies(first + 0.9))
    assert levels.level == 0
    levels.take_in(energies(first + 1.1))
    assert levels.level == 1


def test_a_new_level_begins_anew() -> None:
    levels = annealed()
    levels.take_in(energies(0))
    levels.take_in(energies(2))
    assert levels.level == 1
    levels.take_in(energies(50))  # energies of another level are not compared with those before
    assert levels.level == 1
    levels.take_in(energies(52))
    assert levels.level == 2


def test_the_last_level_stays() -> None:
    levels = Levels(None, 1, 0.5, 3)
    for mean in range(0, 40, 2):
        levels.take_in(energies(mean))
    assert levels.level == 1


def test_a_fixed_level_stays() -> None:
    levels = Levels(4, 9, 0.5, 3)
    for mean in range(0, 40, 2):
        levels.take_in(energies(mean))
    assert levels.level == 4


def test_energies_are_rebased_over_the_last_rollouts() -> None:
    levels = annealed(rise=100.0, rollouts=2)
    assert levels.rebased(energies(-7)).mean() == pytest.approx(0, abs=1e-6)
    for mean in (50, -10, -6):
        levels.take_in(energies(mean))
    assert levels.rebased(energies(-8)).mean() == pytest.approx(0, abs=1e-6)
    assert levels.rebased(energies(-4)).mean() == pytest.approx(2, abs=1e-5)


def test_energies_that_are_all_the_same_are_finite() -> None:
    levels = annealed()
    levels.take_in(energies(1, deviation=0))
    assert np.isfinite(levels.rebased(energies(1, deviation=0))).all()


def test_it_goes_on_from_its_state() -> None:
    one, other = annealed(), annealed()
    for mean in (0.0, 2.0, 3.0, 3.5):
        one.take_in(energies(mean))
    other.restore(one.state())
    for mean in (3.2, 9.0, 9.0):
        assert (one.rebased(energies(mean)) == other.rebased(energies(mean))).all()
        one.take_in(energies(mean))
        other.take_in(energies(mean))
        assert one.state() == other.state()
    assert one.level == 2


@pytest.mark.parametrize(
    ("changed", "said"), [({"level": 10}, "noise level 10"), ({"first": [1.0]}, "means and deviations")]
)
def test_a_state_that_does_not_fit_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        annealed().restore({**annealed().state(), **changed})
    with pytest.raises(ValueError, match="does not fit"):
        Levels(4, 9, 0.5, 3).restore(annealed().state())
