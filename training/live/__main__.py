"""The process that plays for the history page: ``python -m training.live RUN``.

It reads commands (training.live.commands) and writes frames (training.live.messages), lines of JSON, and ends
with its input.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from envs.errors import UserError
from envs.game.maps import map_name
from envs.game_boy.emulator import BUTTONS, FRAMES_PER_SECOND
from envs.game_boy.held_buttons import HeldButtons
from training.config.loading import load_config
from training.environments.filmed_emulator import FilmedEmulator
from training.environments.task import resolve_task
from training.live.commands import Command
from training.live.controls import Controls
from training.live.game import LiveGame, Player
from training.live.messages import of_step, packed
from training.live.saving import save_demonstration, save_moment
from training.runs.lookup import find_run

APART_S = 0.1
"""Seconds between two pictures, at least."""
EVERY = 2  # frames between two looks at the screen, which also pace the game
POLL_S = 0.05  # while the game is paused
BEHIND_S = 0.5  # the most that a game which was too slow catches up


class PagePlay:
    """Live play whose pictures and actions go to the page, and whose commands come from it."""

    def __init__(self, player: Player) -> None:
        self.controls = Controls(HeldButtons())
        self._run = player.run
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        task = resolve_task(player.config).at_first_start()
        self._emulator = FilmedEmulator(task.game.rom, self._look, EVERY)
        self._shown = self._due = time.monotonic()
        self._playing = False  # not yet: the model is tried out before
        self._game = LiveGame(player, task, self._emulator)
        self._playing, self._ended = True, False

    def play(self) -> None:
        """Play until the input ends."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._say({"ready": True, "checkpoint": self._game.checkpoint.steps, "buttons": BUTTONS})
        self._say({**self._state(), "picture": packed(self._emulator.screen())})
        try:
            while self._obey():
                if not self.controls.may_act():
                    time.sleep(POLL_S)
                    continue
                step = self._game.step(self.controls)
                frame = of_step(self._game, step, map_name(step.state.map_id))
                self._say({**frame, "picture": packed(self._emulator.screen())})
        finally:
            self._game.close()

    def _listen(self) -> None:
        """Read commands until the input ends, or a line is no command."""
        try:
            for line in sys.stdin:
                self._commands.put(Command.model_validate_json(line))
        except ValidationError:
            pass
        self._commands.put(None)

    def _obey(self) -> bool:
        """Carry out the commands that came; False once the input has ended."""
        while not self._ended and not self._commands.empty():
            command = self._commands.get()
            if command is None:
                self._ended = True
            else:
                self._say({"said": self._carry_out(command), **self._state()})
        return not self._ended

    def _carry_out(self, command: Command) -> str:
        """Do what the command says and return what happened. A disk that refuses does not end the game."""
        controls = self.controls
        if command.do in ("press", "release"):
            if command.button is not None:
                controls.buttons.follow(command.button, command.do == "press")
            return ""
        meanings: Mapping[str, Callable[[], str]] = {
            "pause": controls.toggle_pause,
            "step": controls.single_step,
            "slower": lambda: controls.change_speed(-1),
            "faster": lambda: controls.change_speed(1),
            "hand": controls.toggle_hand,
            "demonstration": lambda: save_demonstration(self._game, self._run),
            "moment": lambda: save_moment(self._game, self._run),
        }
        try:
            return meanings[command.do]()
        except UserError as error:
            return str(error)

    def _state(self) -> dict[str, Any]:
        controls = self.controls
        return {"paused": controls.paused, "speed": controls.describe_speed(), "hand": controls.by_hand}

    def _look(self, screen: NDArray[np.uint8]) -> None:
        """Show a picture if it is time for one, and wait until it is time for the next frames."""
        if not self._playing:
            return
        now = time.monotonic()
        if now - self._shown >= APART_S:
            self._shown = now
            self._say({"picture": packed(screen)})
        speed = self.controls.speed
        if not speed:
            return
        self._due = max(self._due + EVERY / FRAMES_PER_SECOND / speed, now - BEHIND_S)
        time.sleep(max(0.0, self._due - now))

    @staticmethod
    def _say(frame: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(frame) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Play the run that the first argument names. Returns 2 after a frame that says what is wrong."""
    try:
        run = find_run(sys.argv[1])
        config = load_config(Path(run) / "config.json", {"device": "cpu"})
        PagePlay(Player(run, config)).play()
    except UserError as error:
        PagePlay._say({"failed": str(error)})
        return 2
    except BrokenPipeError:  # the page's server has ended
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
