"""evaluate.py --watch: a trained policy plays in a window, and a person may take over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callbacks.stop_signals import StopRequest
from envs.errors import UserError
from envs.game_boy.emulator import Emulator
from envs.game_boy.keyboard import Keyboard
from training.environments.local import check_display
from training.environments.task import resolve_task
from training.live.controls import Controls
from training.live.game import BY_HAND, LiveGame, Player
from training.live.saving import save_demonstration, save_moment

REPORTED = ("return", "length", "battles_won", "levels_gained", "badges_earned", "map_progress")
KEYS = """\
P      pause, go on           N      one action, then pause
-  +   slower, faster         Space  as fast as possible, and back
T      take over, give back   arrows, A, S (B), Enter (START): play, once you took over
D      save what you played as a demonstration
Z      save the moment as a start state
Escape end                    F11    full screen"""
OWN_KEYS = ("p", "n", "-", "+", "=", "space", "t", "d", "z", "x")  # X would load a state in PyBoy
POLL_S = 0.02  # between two looks at the keyboard while the game is paused


class WatchWindow:
    """The keyboard's side of live play in a window."""

    def __init__(self, game: LiveGame, player: Player, keyboard: Keyboard) -> None:
        self.controls = Controls(keyboard.buttons)
        self._game, self._keyboard = game, keyboard
        self._meanings: Mapping[str, Callable[[], str]] = {
            "p": self.controls.toggle_pause,
            "n": self.controls.single_step,
            "-": lambda: self.controls.change_speed(-1),
            "+": lambda: self.controls.change_speed(1),
            "=": lambda: self.controls.change_speed(1),  # the key of + on many keyboards
            "space": self.controls.toggle_full_speed,
            "t": self.controls.toggle_hand,
            "d": lambda: save_demonstration(game, player.run),
            "z": lambda: save_moment(game, player.run),
            "x": lambda: "X does nothing here",
        }

    def handle_keys(self) -> None:
        """Do what the pressed keys mean and print it. A disk that refuses does not end the game."""
        while self._keyboard.pressed:
            try:
                print(self._meanings[self._keyboard.pressed.popleft()](), flush=True)
            except UserError as error:
                print(f"error: {error}", flush=True)
        self._game.env.emulator.set_speed(self.controls.speed)

    def wait(self) -> None:
        """Wait for keys while the game is paused."""
        self._keyboard.wait(POLL_S)


def watch(player: Player, episodes: int) -> str:
    """Show up to ``episodes`` episodes until the window is closed or a signal arrives; return a line for each
    that ended.

    Raises UserError when there is no display, or the checkpoint, the ROM or the start state is wrong.
    """
    check_display("--watch")
    task = resolve_task(player.config).at_first_start()
    # Before the window: an exception raised by a signal would be lost in PyBoy's compiled code.
    with StopRequest() as stopped:
        emulator = Emulator(
            task.game.rom, sound=player.config.sound, window="SDL2", real_speed=True, keys=OWN_KEYS
        )
        with emulator:
            game = LiveGame(player, task, emulator)
            lines = _play(game, player, episodes, stopped)
    return "\n".join(lines) or "stopped before an episode ended"


def _play(game: LiveGame, player: Player, episodes: int, stopped: Callable[[], bool]) -> list[str]:
    keyboard = game.env.emulator.keyboard
    assert keyboard is not None
    window = WatchWindow(game, player, keyboard)
    print(KEYS, flush=True)
    lines: list[str] = []
    while game.env.emulator.running and not keyboard.closing and not stopped() and len(lines) < episodes:
        window.handle_keys()
        if not window.controls.may_act():
            window.wait()
            continue
        step = game.step(window.controls)
        if step.stats is not None:
            lines.append(_line(len(lines) + 1, step.stats))
    return lines


def _line(number: int, stats: Mapping[str, Any]) -> str:
    by_hand = stats.get("interventions", {}).get(BY_HAND, 0)
    figures = [f"{name.replace('_', ' ')} {stats[name]:g}" for name in REPORTED]
    return f"episode {number}: " + ", ".join(figures + ([f"{by_hand:,} actions by hand"] if by_hand else []))
