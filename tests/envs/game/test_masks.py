"""Tests of the masks: each rule takes away only what would do nothing, on the real cartridge too."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.game.catalog import Game
from envs.game.masks import MASKS, NOTHING_PRESSED, b_outside_battle, start, wall
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import GameState, read_state
from envs.start_library import start_state

ON_THE_MAP = GameState(map_id=3, x=5, y=6, facing=4)
IN_A_MENU = ON_THE_MAP._replace(cursor=51, menu_depth=1)
IN_BATTLE = ON_THE_MAP._replace(battle=1)
OTHER = {"start": "b", "b": "a"}
"""The button that does what a masked one does where that is something."""
ODDS = [0.2, 0.2, 0.2, 0.2, 0.06, 0.08, 0.06]
UP, B = BUTTONS.index("up"), BUTTONS.index("b")

moments = st.builds(
    GameState,
    x=st.integers(0, 2),
    facing=st.sampled_from([0, 4, 8, 12]),
    battle=st.integers(-1, 2),
    joy_ignore=st.integers(0, 1),
    walk_counter=st.integers(0, 1),
    cursor=st.integers(-1, 1),
    menu_depth=st.integers(0, 2),
)


def names(bits: int) -> set[str]:
    return {name for index, name in enumerate(BUTTONS) if bits >> index & 1}


@given(moments, st.integers(NOTHING_PRESSED, len(BUTTONS) - 1), moments)
def test_all_rules_together_leave_a_and_three_directions(
    before: GameState, pressed: int, now: GameState
) -> None:
    masked = set().union(*(names(rule(before, pressed, now)) for rule in MASKS.values()))
    assert "a" not in masked
    assert len(masked & {"up", "down", "left", "right"}) <= 1
    assert not {"b", "start"} <= masked, "a menu is left, or opened, with one of them"


def test_start_is_masked_in_menus_and_battles() -> None:
    assert names(start(ON_THE_MAP, B, IN_A_MENU)) == {"start"}
    assert names(start(ON_THE_MAP, B, IN_BATTLE)) == {"start"}
    assert names(start(IN_A_MENU, B, ON_THE_MAP)) == set()


def test_b_is_masked_on_the_map() -> None:
    assert names(b_outside_battle(IN_A_MENU, B, ON_THE_MAP)) == {"b"}
    assert names(b_outside_battle(ON_THE_MAP, B, IN_A_MENU)) == set()
    assert names(b_outside_battle(ON_THE_MAP, B, IN_BATTLE)) == set()


def test_a_blocked_direction_is_masked_until_another_action() -> None:
    assert names(wall(ON_THE_MAP, UP, ON_THE_MAP)) == {"up"}
    assert names(wall(ON_THE_MAP, B, ON_THE_MAP)) == set()
    assert names(wall(ON_THE_MAP, NOTHING_PRESSED, ON_THE_MAP)) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"y": 7},
        {"map_id": 4},
        {"facing": 0},  # the press only turned the player
        {"battle": 2},
        {"cursor": 51},  # it moved a cursor
        {"menu_depth": 1},
        {"walk_counter": 3},
        {"joy_ignore": 255},
    ],
)
def test_a_direction_that_may_not_have_been_blocked_is_not_masked(change: dict[str, int]) -> None:
    other = ON_THE_MAP._replace(**change)
    assert wall(other, UP, ON_THE_MAP) == 0
    assert wall(ON_THE_MAP, UP, other) == 0


def test_masked_actions_would_do_nothing_in_random_play(game: Game, emulator: Emulator) -> None:
    """Each masked action is tried: it leads where waiting does, or, with a menu or text open, where the
    other button leads."""
    emulator.load_state(start_state(game, "starter").data)
    emulator.tick(1)
    before = now = read_state(emulator.memory)
    pressed, tried = NOTHING_PRESSED, Counter[str]()
    generator = np.random.default_rng(2)
    for _ in range(120):
        masked = {rule: names(MASKS[rule](before, pressed, now)) for rule in MASKS}
        state = emulator.save_state() if any(masked.values()) else b""

        @cache
        def after(button: str | None, state: bytes = state) -> GameState:
            emulator.act(button)
            found = read_state(emulator.memory)._replace(play_time=0)
            emulator.load_state(state)
            return found

        for rule, buttons in masked.items():
            for button in buttons:
                tried[rule] += 1
                assert after(button) in (after(None), after(OTHER.get(button))), (rule, button)
        if generator.random() > 0.5:  # otherwise the same once more, as into a wall
            pressed = int(generator.choice(len(BUTTONS), p=ODDS))
        before = now
        emulator.act(BUTTONS[pressed])
        now = read_state(emulator.memory)
    assert min(tried[rule] for rule in MASKS) >= 5
