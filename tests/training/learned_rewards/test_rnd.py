"""Random network distillation: what it pays for, and the mistakes that others made."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from envs.tree_codec import pack, unpack
from tests.training.learned_rewards.rollouts import SCREEN, rollout, setting
from training.config.sections.intrinsic import RndConfig
from training.learned_rewards.interface import Rollout
from training.learned_rewards.rnd import RandomNetworkDistillation
from training.learned_rewards.rnd_networks import halved

FAST = RndConfig(learning_rate=1e-3, share=1.0, batch_size=16)
ENVS = 2
Screens = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def room(number: int) -> Screens:
    """A picture of 9 x 10 tiles in four shades, uint8 (72, 80)."""
    tiles = np.random.default_rng(number).integers(0, 4, (9, 10), dtype=np.uint8) * 85
    return tiles.repeat(8, axis=0).repeat(8, axis=1)


def seen(*rooms: Screens, steps: int = 16) -> Rollout:
    """A rollout in which each environment stays in one of the rooms."""
    screens = np.zeros((steps + 1, len(rooms), *SCREEN), np.uint8)
    screens[:] = np.stack(rooms)[np.newaxis, :, np.newaxis]
    return rollout(screens=screens)


def model(config: RndConfig = FAST, envs: int = ENVS) -> RandomNetworkDistillation:
    """A model that has seen a few rooms before training."""
    made = RandomNetworkDistillation(config, setting(envs))
    pictures = np.stack([room(number) for number in range(100, 140)])
    made.warm_up({"screen": pictures[:, np.newaxis].repeat(3, axis=1)})
    return made


def errors(made: RandomNetworkDistillation, *rooms: Screens) -> list[float]:
    """The prediction errors of rooms, without learning from them or changing any statistics."""
    rows = np.stack([halved(picture[np.newaxis])[0].reshape(-1) for picture in rooms])
    return [float(error) for error in made._errors_of(rows)]


def test_it_pays_less_for_what_it_has_seen() -> None:
    made = model()
    before = errors(made, room(1), room(2))
    for _ in range(30):
        made.score(seen(room(1), room(1)))
        curves = made.update(seen(room(1), room(1)))
    after = errors(made, room(1), room(2))
    assert after[0] < 0.1 * before[0]
    assert after[1] > 3 * after[0], "the other room is still new"
    assert set(curves) == {"prediction_error", "predictor_loss", "return_std"}


def test_only_the_newest_of_the_stacked_frames_counts() -> None:
    """With all three, a step would be new whenever the way to it is."""
    made, steps = model(), seen(room(1), room(2))
    wanted = errors(made, room(1), room(2))
    for name, array in (("observations", steps.observations), ("last", steps.last)):
        array["screen"][..., :2, :, :] = 7
        assert name
    made.score(steps)
    np.testing.assert_allclose(made._errors.reshape(16, 2), np.array([wanted] * 16), rtol=1e-4)


def test_a_step_is_paid_for_what_follows_it() -> None:
    made = model()
    screens = np.zeros((4, ENVS, *SCREEN), np.uint8)
    screens[3, 1] = room(5)
    scores = made.score(rollout(screens=screens))
    assert scores.shape == (3, 2)
    assert scores[2, 1] not in scores[:2]
    assert len(set(scores[:2].ravel().round(5))) == 1


def test_observations_are_normalised_and_clipped() -> None:
    made = model()
    rows = np.stack([halved(room(n)[np.newaxis]).reshape(-1) for n in range(100, 140)])
    numbers = made._normalised(rows)
    assert numbers.mean().abs() < 0.05
    assert numbers.std() == pytest.approx(1, abs=0.1)
    white = np.full((1, rows.shape[1]), 255, np.uint8)
    dark = RandomNetworkDistillation(FAST, setting(ENVS))
    dark.warm_up({"screen": np.zeros((10, *SCREEN), np.uint8)})
    assert dark._normalised(white).max() == 5


def test_statistics_begin_with_random_play_and_then_follow_the_rollouts() -> None:
    made = RandomNetworkDistillation(RndConfig(random_steps=77), setting(ENVS))
    assert made.random_steps == 77
    made = model()
    assert made.random_steps == 0
    assert made._moments.count == 40
    made.score(seen(room(1), room(2)))
    assert made._moments.count == 40, "a rollout is scored with the statistics from before it"
    made.update(seen(room(1), room(2)))
    assert made._moments.count == 72


def test_a_blinking_tile_does_not_draw_the_agent() -> None:
    """A tile of noise never repeats, but what a fixed network makes of it can be learned.

    A room with such a tile must not stay as interesting as a room that nobody has seen.
    """
    made, chance = model(), np.random.default_rng(0)

    def blinking() -> Screens:
        picture = room(1).copy()
        picture[32:40, 40:48] = chance.integers(0, 256, (8, 8))
        return picture

    for _ in range(60):
        steps = seen(room(2), room(2))
        for step in range(17):
            picture = blinking()
            target = steps.last if step == 16 else steps.observations
            where = target["screen"] if step == 16 else target["screen"][step]
            where[0] = picture
        made.score(steps)
        made.update(steps)
    noisy = float(np.mean(errors(made, *(blinking() for _ in range(32)))))
    new = float(np.mean(errors(made, *(room(number) for number in range(3, 35)))))
    assert noisy < 0.1 * new


def test_numbers_may_be_observed_too() -> None:
    config = RndConfig(inputs=("screen", "badges"), learning_rate=1e-3, share=1.0, batch_size=16)
    made = RandomNetworkDistillation(config, setting(ENVS))
    screens = np.zeros((40, *SCREEN), np.uint8)
    made.warm_up(
        {"screen": screens, "badges": np.random.default_rng(0).integers(0, 2, (40, 8), np.uint8) * 255}
    )
    steps = rollout(screens=np.zeros((3, ENVS, *SCREEN), np.uint8))
    steps.observations["badges"][1, 1] = 255
    scores = made.score(steps)
    assert scores[0, 0] == scores[1, 0] == scores[1, 1] != scores[0, 1]


def test_missing_steps_change_nothing() -> None:
    one, other = model(), model()
    steps = seen(room(1), room(2))
    gap = seen(room(1), room(2))
    gap.valid[4:9, 1] = False
    gap.observations["screen"][5:10, 1] = 99
    scores = one.score(gap)
    other.score(steps)
    assert np.isfinite(scores[gap.valid]).all()
    one.update(gap)
    assert one._moments.count == 40 + 27


def test_it_goes_on_from_a_checkpoint() -> None:
    """Both networks, the optimizer, all statistics, the filter and its random numbers."""
    config = RndConfig(batch_size=8, share=0.5)
    one = model(config)
    other = RandomNetworkDistillation(config, setting(ENVS, seed=9))
    one.score(seen(room(1), room(2)))
    one.update(seen(room(1), room(2)))
    plain, arrays = pack(one.state())
    other.restore(unpack(json.loads(json.dumps(plain)), arrays))
    for number in (3, 4):
        steps = seen(room(number), room(2))
        assert (one.score(steps) == other.score(steps)).all()
        assert one.update(steps) == other.update(steps)
    assert one._optimizer.state_dict()["state"][0]["step"] == 6


def test_state_is_a_copy() -> None:
    made = model()
    before = pack(made.state())[1]
    kept = {name: array.copy() for name, array in before.items()}
    made.score(seen(room(1), room(2)))
    made.update(seen(room(1), room(2)))
    assert all((before[name] == kept[name]).all() for name in before)


@pytest.mark.parametrize("part", ["moments", "scale", "target", "predictor", "optimizer", "chance"])
def test_a_checkpoint_without_a_part_is_refused(part: str) -> None:
    made = model()
    made.score(seen(room(1), room(2)))
    made.update(seen(room(1), room(2)))
    state = made.state()
    del state[part]
    with pytest.raises(KeyError):
        model().restore(state)


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="must be an array of float32"):
        model().restore(model(RndConfig(features=8)).state())


def test_the_global_random_numbers_stay_as_they_are() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    made = model()
    made.score(seen(room(1), room(2)))
    made.update(seen(room(1), room(2)))
    assert torch.equal(before, torch.get_rng_state())


def test_halving_takes_the_mean_of_four_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, 72, 80), np.uint8)
    wanted = picture.reshape(2, 36, 2, 40, 2).astype(int).sum(axis=(2, 4)) // 4
    assert (halved(picture) == wanted).all()
