"""Tests of the mask as a part of the observations."""

from __future__ import annotations

import numpy as np
import pytest

from envs.errors import UserError
from envs.game_boy.emulator import BUTTONS
from envs.observation_names import ACTION_MASK
from envs.observation_parts.mask import MaskPart
from envs.observations import Observations
from envs.ram import GameState
from envs.visited import VisitedTiles

SCREEN = np.zeros((144, 160), np.uint8)
HERE = GameState(map_id=3, x=5, y=6, facing=4)
UP = BUTTONS.index("up")


def allowed(part: MaskPart, state: GameState) -> list[int]:
    return list(part.content(state))


def begun() -> MaskPart:
    part = MaskPart(["start", "wall"])
    part.reset(HERE, SCREEN)
    assert allowed(part, HERE) == [1] * 7
    return part


def test_the_rules_see_the_moment_before_and_the_action() -> None:
    part = begun()
    part.update(SCREEN, UP)
    assert allowed(part, HERE) == [int(index != UP) for index in range(7)]
    assert part.acting == ["mask_wall"]
    assert allowed(part, HERE) == [int(index != UP) for index in range(7)], "asked once more, nothing changes"
    part.update(SCREEN, 0)
    assert allowed(part, HERE) == [1] * 7 and part.acting == []


def test_an_episode_that_begins_in_a_menu_is_masked_from_the_first_step() -> None:
    part = begun()
    part.reset(HERE, SCREEN)
    assert allowed(part, HERE._replace(menu_depth=1))[BUTTONS.index("start")] == 0
    assert part.acting == ["mask_start"]


def test_it_continues_from_a_snapshot() -> None:
    part, other = begun(), begun()
    part.update(SCREEN, UP)
    part.content(HERE)
    other.restore(part.snapshot())
    assert allowed(other, HERE) == allowed(part, HERE) and other.acting == ["mask_wall"]
    for one in (part, other):  # and goes on from there
        one.update(SCREEN, UP)
    assert allowed(other, HERE) == allowed(part, HERE)


@pytest.mark.parametrize("damaged", [None, {"b_outside_battle": 32}, {"wall": 127}, {"wall": "8"}, [1]])
def test_a_damaged_snapshot_is_refused(damaged: object) -> None:
    with pytest.raises(ValueError, match="a snapshot of masks must have bits of actions by rule"):
        begun().restore(damaged)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UserError, match='mask "walls": unknown; did you mean "wall"'):
        Observations(["badges"], masks=["walls"])


def test_observations_have_it_only_if_a_rule_is_on() -> None:
    assert ACTION_MASK not in Observations(["badges"]).space.spaces
    observations = Observations(["badges"], masks=["wall"])
    observations.reset(HERE, SCREEN)
    observed = observations.encode(HERE, VisitedTiles())
    assert observed[ACTION_MASK].tolist() == [1] * 7
    assert observations.space.contains(observed)
