"""Rules of an evaluation: where it begins."""

from __future__ import annotations

from training.config import TrainConfig
from training.environments.task import resolve_task
from training.evaluation.protocol import Rules, first_of


def test_an_evaluation_says_which_of_several_starts_it_begins_at() -> None:
    several = resolve_task(TrainConfig(starts={"bedroom": 1.0, "starter": 1.0}))
    one = resolve_task(TrainConfig(start="bedroom"))
    assert (first_of(several), first_of(one)) == ("bedroom, the first of 2 starts", "bedroom")
    rules = [Rules.of(task.at_first_start(), 2, 1, 2) for task in (several, one)]
    assert rules[0] == rules[1]
    assert rules[0].record["start"] == "bedroom"
