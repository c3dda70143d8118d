"""The scripted player as a player of an evaluation: by the task's rules, on held-out seeds."""

from __future__ import annotations

from pathlib import Path

from training.config.loading import load_config
from training.environments.task import resolve_task
from training.evaluation.scripted_player import knows, play_scripted, story_after


def test_it_follows_the_story_from_the_start_of_the_task() -> None:
    task = resolve_task(load_config(None, {"start": "starter", "max_steps": 320}))
    assert knows(task)
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


def test_it_plays_what_is_left_of_the_story_after_a_start() -> None:
    assert story_after("starter")[:2] == ["route1", "errand done"]
    assert story_after("errand done")[0] == story_after("forest")[0] == story_after("route 2")[0] == "gym1"
    assert story_after("parcel")[0] == "errand done"
    assert story_after("gym1")[0] == "badge1"
    assert story_after("bedroom")[0] == story_after("/a/file.state")[0] == "starter"
    assert story_after("league")[-1] == "champion"


def test_it_does_not_know_other_cartridges(unknown_rom: Path) -> None:
    task = resolve_task(load_config(None, {"rom": str(unknown_rom), "game": "red", "start": "power on"}))
    assert not knows(task)
