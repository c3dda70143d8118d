"""Actions of a script as steps of an environment."""

from __future__ import annotations

from envs.game.catalog import EMBEDDED_ROM
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import read_state
from tests.conftest import State
from training.demonstrations.stepping import SteppedEmulator, waiting_button


def test_actions_become_steps_once(state: State) -> None:
    with SteppedEmulator(EMBEDDED_ROM) as emulator:
        emulator.load_state(state("starter"))
        taken: list[int] = []

        def step(action: int) -> None:
            taken.append(action)
            emulator.act(BUTTONS[action])

        emulator.act("up")
        emulator.step = step
        before = emulator.frame_count
        emulator.act("right")
        emulator.act(None)
        assert [BUTTONS[action] for action in taken] == ["right", "b"]
        assert emulator.frame_count - before == 48


def test_waiting_changes_nothing_in_menus_and_outside(state: State) -> None:
    with Emulator(EMBEDDED_ROM) as emulator:
        emulator.load_state(state("starter"))
        assert waiting_button(emulator.memory) == "b"
        before = read_state(emulator.memory)
        emulator.act("b")
        after = read_state(emulator.memory)
        assert (after.x, after.y, after.map_id) == (before.x, before.y, before.map_id)
        emulator.act("start")
        emulator.act(None)
        menu = read_state(emulator.memory).menu_item
        assert waiting_button(emulator.memory) == "left"
        emulator.act("left")
        assert read_state(emulator.memory).menu_item == menu
        assert waiting_button(emulator.memory) == "left", "the menu is still open"
