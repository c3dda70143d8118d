"""The task: the player wakes on the left or right side of a room, is led downstairs, and there has to step to
the same side.

Only the choice at the end is the policy's. On the way a script presses the buttons, so that nothing that a
policy does can mark on which side it woke, and the game shows the same pictures for both sides from the
second step on. Whoever chooses by the picture alone is right half of the time. Workers import this module, so
it must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import BUTTONS, VERSION, Emulator
from envs.ram import GameState, read_state
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from training.environments.local import make_env
from training.environments.task import Task, episodes_of

SIDES = ("left", "right")
"""Names of the start states, and of the buttons that are right in the end."""
BACK = {"left": "right", "right": "left"}
TO_THE_WINDOW = ("right", *["up"] * 6)
"""From where the boot script gains control to the middle of the far wall."""
WAY = ("right", "right", "right", "b", "b", *["down"] * 5, "left", "left")
"""From the middle of the far wall to the stairs, a moment of waiting below, and to the middle of the room."""
CHOICE = 1 + len(WAY)
"""Steps before the choice; the first leads to the middle of the far wall."""
ALIKE = 2
"""Steps after which pictures no longer differ between the sides."""
END = (37, 4, 6)
"""Map (the house) and place in steps where the choice is made."""
Observation = dict[str, NDArray[np.uint8]]


def errand_starts(game: Game) -> tuple[StartState, StartState]:
    """Return the two start states, played to from "bedroom". Raises UserError for another game than ours."""
    if not game.embedded:
        raise UserError(f"the memory task is played on the embedded cartridge, not on {game.name}")
    left, right = (_played(game, side) for side in SIDES)
    return left, right


def _played(game: Game, side: str) -> StartState:
    bedroom = start_state(game, "bedroom")
    with Emulator(game.rom) as emulator:
        emulator.load_state(bedroom.data)
        for button in (*TO_THE_WINDOW, side, "up"):
            emulator.act(button)
        state = read_state(emulator.memory)
        wanted = (38, 3 if side == "left" else 5, 1, 4)  # facing the wall
        if state[:4] != wanted:
            raise RuntimeError(f"the way to the start {side} led to {state[:4]}, not to {wanted}")
        data = emulator.save_state()
    return StartState(data, side, {"made_by": "boot script, memory task", "emulator": VERSION})


class Errand(gymnasium.Wrapper[Observation, np.int64, Observation, np.int64]):
    """A RedEnv whose episodes begin at ``errand_starts``, as the task.

    The reward is 1 for the right choice and 0 otherwise, and the choice ends the episode. Before it, actions
    have no effect. At the choice, actions other than left and right have none either, until the time limit.
    """

    _taken = 0
    _side = SIDES[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode on a side that is drawn by the environment's generator."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._taken, self._side = 0, info["start"]
        return observation, info

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take a step of the way, or make the choice. Raises ValueError for an unknown action."""
        chosen = BUTTONS[int(action)]
        choosing = self._taken >= CHOICE and chosen in SIDES
        pressed = chosen if choosing else self._led()
        observation, _, _, truncated, info = self.env.step(np.int64(BUTTONS.index(pressed)))
        self._taken += 1
        right = choosing and chosen == self._side
        return observation, float(right), choosing, truncated and not choosing, info

    def _led(self) -> str:
        """The button that the script presses now; waiting for the choice, one that does nothing."""
        return (BACK[self._side], *WAY, "b")[min(self._taken, CHOICE)]


def at_the_choice(state: GameState) -> bool:
    """Whether the player is where the choice is made."""
    return (state.map_id, state.x, state.y) == END


def errand_makers(task: Task, count: int) -> list[Callable[[], Errand]]:
    """Return picklable functions that make ``count`` environments of the task."""
    starts = errand_starts(task.game)
    episodes = episodes_of(task.config, task.game, tuple((start, 1.0) for start in starts))
    return [partial(_made, Task(task.config, episodes))] * count


def _made(task: Task) -> Errand:
    return Errand(make_env(task))


def oracle(starts: Sequence[str]) -> NDArray[np.int64]:
    """The actions of a player who knows where each episode began: right at every choice."""
    return np.array([BUTTONS.index(side) for side in starts])
