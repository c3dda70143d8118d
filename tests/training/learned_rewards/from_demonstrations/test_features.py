"""Features of transitions: ids, standardised numbers, and constant ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.learned_rewards.from_demonstrations.walks import SPACE, demonstrated, rollout
from training.learned_rewards.from_demonstrations.features import TransitionFeatures
from training.learned_rewards.from_demonstrations.transitions import (
    Bytes,
    MomentLayout,
    of_demonstrations,
    of_rollout,
)

LAYOUT = MomentLayout(SPACE, ["place"])
NUMBERS = 7
EMBEDDING = 8


def shown() -> Bytes:
    demonstrations = demonstrated()
    return of_demonstrations(LAYOUT, demonstrations, demonstrations.learned)


def features(**settings: bool | int) -> TransitionFeatures:
    made = TransitionFeatures(LAYOUT, EMBEDDING, 1, **settings)
    made.add(shown())
    return made


def test_no_two_ids_are_neighbours() -> None:
    """As numbers, map 12 would be next to map 13 and far from map 40."""
    pairs = np.zeros((256, 2, LAYOUT.width), np.uint8)
    pairs[:, 1, 0] = np.arange(256)
    vectors = features()(pairs)[:, NUMBERS : NUMBERS + EMBEDDING]
    assert set(vectors.unique().tolist()) == {-1.0, 1.0}
    near, far = (float((vectors[n:] - vectors[:-n]).norm(dim=1).mean()) for n in (1, 100))
    assert near == pytest.approx(far, rel=0.1)


def test_the_same_id_is_the_same_in_both_moments() -> None:
    pairs = np.full((1, 2, LAYOUT.width), 12, np.uint8)
    found = features()(pairs)[0]
    half = NUMBERS + 2 * EMBEDDING
    assert (found[:half] == found[half:]).all()


def test_numbers_are_standardised_and_clipped() -> None:
    pairs = shown()
    found = features()(pairs).numpy()
    assert abs(found[:, 0].mean()) < 0.01
    assert found[:, 0].std() == pytest.approx(1, abs=0.01)
    pairs[0, 1, 6] = 255  # a flag that demonstrations never show
    assert features()(pairs).max() == 5


def test_without_statistics_numbers_are_shares_of_their_highest() -> None:
    pairs = shown()
    found = features(standardise=False)(pairs)
    assert found[:, 0].tolist() == pytest.approx((pairs[:, 1, 2] / 255).tolist())


def test_statistics_follow_the_agent() -> None:
    made, agent = features(), of_rollout(LAYOUT, rollout(3))[0]
    before = made(agent)
    made.add(agent)
    assert (made(agent) != before).any()


def test_constant_features_are_dropped() -> None:
    """Of the place, the walks change the map, x and y, and the map one of its two vectors."""
    made = features()
    everything = made.width
    made.drop_constant(shown())
    kept = made(shown())
    assert made.width == kept.shape[1] < everything == made.width + made.dropped
    assert (kept.std(dim=0) > 0).all()
    assert made.width <= 2 * (2 + EMBEDDING)
    agent = of_rollout(LAYOUT, rollout(3))[0]
    assert made(agent).shape == (len(agent), made.width)


def test_one_moment_is_the_later_one() -> None:
    made, pairs = features(moments=1), shown()
    assert made.width == NUMBERS + 2 * EMBEDDING
    pairs[:, 0] = 99
    assert (made(pairs) == made(shown())).all()


def test_it_goes_on_from_its_state() -> None:
    one, other = features(), TransitionFeatures(LAYOUT, EMBEDDING, 2)
    one.drop_constant(shown())
    other.restore(one.state())
    assert (one(shown()) == other(shown())).all()
    with pytest.raises(ValueError, match="vectors"):
        TransitionFeatures(LAYOUT, EMBEDDING + 1, 1).restore(one.state())
