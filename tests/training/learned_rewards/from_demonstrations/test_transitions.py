"""Transitions as rows of bytes: of rollouts, of demonstrations, with pictures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.learned_rewards.from_demonstrations.walks import SPACE, demonstrated, rollout
from training.learned_rewards.from_demonstrations.transitions import (
    MomentLayout,
    of_demonstrations,
    of_rollout,
    shrunk,
)

LAYOUT = MomentLayout(SPACE, ["place", "progress"])
X = 2  # column of the place


def test_columns_know_which_are_ids() -> None:
    assert LAYOUT.kinds[:4] == ("map", "map", "", "")
    assert set(LAYOUT.kinds[4:]) == {""}
    assert LAYOUT.width == len(LAYOUT.highest) == 9 + SPACE["progress"].shape[0]  # type: ignore[index]


def test_a_rollouts_transitions_lead_to_what_follows() -> None:
    steps = rollout(1, steps=10)
    pairs, used = of_rollout(LAYOUT, steps)
    pairs, used = pairs.reshape(10, 2, 2, -1), used.reshape(10, 2)
    assert (pairs[:, :, 0, :9] == steps.observations["place"]).all()
    assert (pairs[:-1, :, 1, :9] == steps.observations["place"][1:]).all()
    assert (pairs[-1, :, 1, :9] == steps.last["place"]).all()
    assert np.argwhere(~used).tolist() == [[4, 0]], "the last step of an episode leads to another one"


def test_the_last_step_counts_unless_it_ended_an_episode() -> None:
    steps = rollout(1, steps=4)
    steps.dones[1] = True
    steps.valid[0, 0] = False
    used = of_rollout(LAYOUT, steps)[1].reshape(4, 2)
    assert np.argwhere(~used).tolist() == [[0, 0], [1, 0], [3, 1]]


def test_a_demonstrations_transitions_stay_within_an_episode() -> None:
    shown = demonstrated(episodes=3, steps=20)
    pairs = of_demonstrations(LAYOUT, shown, shown.learned)
    assert len(pairs) == 2 * (20 - 1 - 1), "without the ends and the random actions"
    assert (pairs[:, 1, X].astype(int) - pairs[:, 0, X] == 4).all()


@pytest.mark.parametrize(("shape", "pixels"), [((3, 144, 160), 360), ((2, 36, 40), 360), ((1, 48, 48), 576)])
def test_pictures_are_shrunk_to_the_newest(shape: tuple[int, ...], pixels: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)
    small = shrunk(pictures)
    assert small.shape == (5, pixels)
    size = shape[1] // 18
    assert small[0, 0] == int(pictures[0, -1, :size, :size].mean(dtype=np.float32))


def test_pictures_and_numbers_make_one_row() -> None:
    layout = MomentLayout(SPACE, ["screen", "place"])
    assert layout.width == 360 + 9
    assert layout.kinds[360:362] == ("map", "map")
    assert layout.rows(rollout(1).last).shape == (2, 369)
