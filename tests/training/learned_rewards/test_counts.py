"""Counts: what a visit pays, over the run and over the episode."""

from __future__ import annotations

import json

import numpy as np
import pytest

from envs.tree_codec import pack, unpack
from tests.training.learned_rewards.rollouts import rollout, setting
from training.config.sections.intrinsic import CountsConfig
from training.learned_rewards.counts import Counts
from training.learned_rewards.interface import Rollout


def paid(model: Counts, steps: Rollout) -> list[list[float]]:
    """What ``model`` pays for a rollout, from which it then learns: N instead of 1 / sqrt(N)."""
    scores = model.score(steps)
    assert scores.dtype == np.float32
    model.update(steps)
    return [[round(float(1 / score**2)) if score else 0 for score in row] for row in scores]


def test_the_nth_visit_pays_one_over_the_root_of_n() -> None:
    model = Counts(CountsConfig(), setting(2))
    assert paid(model, rollout([[5, 5], [6, 5], [5, 7]])) == [[1, 2], [1, 3], [4, 1]]
    assert paid(model, rollout([[5, 8], [8, 6]])) == [[5, 1], [2, 2]]


def test_scoring_alone_counts_nothing() -> None:
    model = Counts(CountsConfig(), setting(1))
    assert model.score(rollout([[5], [5]])).tolist() == model.score(rollout([[5], [5]])).tolist()


def test_steps_without_a_cell_and_missing_steps_are_not_paid_and_not_counted() -> None:
    model = Counts(CountsConfig(), setting(2))
    steps = rollout([[0, 5], [5, 5]], valid=[[1, 0], [1, 1]])
    assert paid(model, steps) == [[0, 0], [1, 2]]
    assert paid(model, rollout([[0, 5]])) == [[0, 3]]


def test_over_episodes_each_environment_counts_anew_in_each_episode() -> None:
    model = Counts(CountsConfig(over="episode"), setting(2))
    starts = [[1, 1], [0, 0], [0, 1], [0, 0]]
    assert paid(model, rollout([[5, 5]] * 4, starts=starts)) == [[1, 1], [2, 2], [3, 1], [4, 2]]
    assert paid(model, rollout([[5, 5]] * 2, starts=[[0, 0], [1, 0]])) == [[5, 3], [1, 4]]


@pytest.mark.parametrize("over", ["run", "episode"])
def test_it_goes_on_from_a_checkpoint(over: str) -> None:
    models = [Counts(CountsConfig(over=over), setting(2)) for _ in range(2)]  # type: ignore[arg-type]
    steps = rollout([[5, 6], [7, 5]], starts=[[1, 1], [0, 1]])
    paid(models[0], steps)
    plain, arrays = pack(models[0].state())
    models[1].restore(unpack(json.loads(json.dumps(plain)), arrays))
    after = rollout([[5, 6], [7, 5]], starts=[[0, 0], [0, 1]])
    assert paid(models[0], after) == paid(models[1], after) != paid(models[1], after)


def test_curves_say_how_many_cells_are_known() -> None:
    model = Counts(CountsConfig(capacity=16), setting(1))
    assert model.update(rollout([[5], [6], [5]])) == {"new_cells": 2, "cells": 2, "forgotten_cells": 0}
    assert model.update(rollout([[n] for n in range(6, 22)])) == {
        "new_cells": 15, "cells": 12, "forgotten_cells": 5
    }  # fmt: skip


def test_counts_of_another_number_of_environments_are_refused() -> None:
    model = Counts(CountsConfig(), setting(2))
    with pytest.raises(ValueError, match="counts of 3 environments, not 2"):
        model.restore(Counts(CountsConfig(), setting(3)).state())
