"""The story that the scripted player plays after a start."""

from __future__ import annotations

from envs.game.catalog import Game
from training.demonstrations.story import knows, story_after


def test_it_plays_what_is_left_of_the_story_after_a_start() -> None:
    assert story_after("starter")[:2] == ["route1", "errand done"]
    assert story_after("errand done")[0] == story_after("forest")[0] == story_after("route 2")[0] == "gym1"
    assert story_after("parcel")[0] == "errand done"
    assert story_after("gym1")[0] == "badge1"
    assert story_after("bedroom")[0] == story_after("/a/file.state")[0] == "starter"
    assert story_after("league")[-1] == "champion"


def test_it_does_not_know_other_cartridges(game: Game, own_game: Game) -> None:
    assert knows(game) and not knows(own_game)
