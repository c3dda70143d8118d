"""The scripted player as a player of an evaluation: by the task's rules, on held-out seeds."""

from __future__ import annotations

from training.config.loading import load_config
from training.environments.task import resolve_task
from training.evaluation.scripted_player import play_scripted


def test_it_follows_the_story_from_the_start_of_the_task() -> None:
    task = resolve_task(load_config(None, {"start": "starter", "max_steps": 320}))
    first, second = play_scripted(task, 2)
    assert {
        "route 1",
        "second town",
        "parcel",
        "errand done",
    } <= first.milestones.keys() & second.milestones.keys()
    assert first.stats["length"] == second.stats["length"] == 320
    assert first.trajectory != second.trajectory, "the wait at the start differs, and so does the game"
    assert play_scripted(task, 1) == [first]


def test_it_goes_on_from_a_later_start_until_the_goal() -> None:
    config = {"start": "gym1", "max_steps": 3000, "goal": "badge1"}
    (episode,) = play_scripted(resolve_task(load_config(None, config)), 1)
    assert episode.stats["success"] and episode.stats["badges_earned"] == 1
    assert episode.milestones["badge1"] == episode.stats["length"] < 1000
