"""Random play before training, on the real game."""

from __future__ import annotations

import numpy as np

from tests.training.conftest import TINY
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.learned_rewards.interface import Observations, RewardModel, Rollout, Scores
from training.learned_rewards.random_play import warm_up


class Watcher(RewardModel):
    """Keeps what it is shown."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.shown: list[Observations] = []

    @property
    def random_steps(self) -> int:
        return self.steps

    def warm_up(self, observations: Observations) -> None:
        self.shown.append(observations)

    def score(self, rollout: Rollout) -> Scores:
        raise NotImplementedError

    def state(self) -> dict[str, object]:
        return {}

    def restore(self, state: object) -> None:
        pass


def test_models_see_as_many_steps_as_they_need() -> None:
    task = resolve_task(load_config(None, TINY))  # episodes of 40 steps
    models = [Watcher(150), Watcher(150)]
    for model in models:
        warm_up(model, task)
    assert [len(part["screen"]) for part in models[0].shown] == [128, 22]
    assert models[0].shown[0]["screen"].shape == (128, 3, 72, 80)
    for one, other in zip(*(model.shown for model in models), strict=True):
        assert all((one[name] == other[name]).all() for name in one), "the same for the same seed"
    assert len(np.unique(models[0].shown[0]["screen"][:, -1], axis=0)) > 10, "the agent walks about"


def test_without_a_need_nothing_is_played() -> None:
    model = Watcher(0)
    warm_up(model, resolve_task(load_config(None, TINY)))
    assert model.shown == []
