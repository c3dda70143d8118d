"""Watching a policy in a window of SDL's dummy driver: keys pause it, slow it, and take over."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sdl2

from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import read_state
from envs.start_library import start_state
from training.config.loading import load_config
from training.demonstrations.demo_set import read_set
from training.environments.task import resolve_task
from training.live.controls import SPEEDS
from training.live.game import LiveGame, Player
from training.live.window import OWN_KEYS, WatchWindow, watch


@pytest.fixture(autouse=True)
def _dummy_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def key(symbol: int, down: bool = True) -> None:
    """Send a keyboard event."""
    event = sdl2.SDL_Event()
    event.type = sdl2.SDL_KEYDOWN if down else sdl2.SDL_KEYUP
    event.key.keysym.sym = symbol
    sdl2.SDL_PushEvent(event)


def player_of(run: Path, **settings: object) -> Player:
    return Player(run, load_config(run / "config.json", settings))


class Watched:
    """A window over the live play of ``run``, as fast as possible."""

    def __init__(self, run: Path) -> None:
        player = player_of(run)
        task = resolve_task(player.config).at_first_start()
        self.emulator = Emulator(task.game.rom, window="SDL2", real_speed=True, keys=OWN_KEYS)
        self.game = LiveGame(player, task, self.emulator)
        assert self.emulator.keyboard is not None
        self.window = WatchWindow(self.game, player, self.emulator.keyboard)
        self.press(sdl2.SDLK_SPACE)

    def press(self, *symbols: int) -> None:
        """Press keys and let the window handle them."""
        for symbol in symbols:
            key(symbol)
            key(symbol, down=False)
        self.window.handle_keys()

    def go(self, turns: int) -> int:
        """Take ``turns`` turns of the loop; return the number of actions that were played."""
        before = self.emulator.actions
        for _ in range(turns):
            self.window.handle_keys()
            if self.window.controls.may_act():
                self.game.step(self.window.controls)
        return self.emulator.actions - before


@pytest.fixture
def watched(own_run: Path) -> Iterator[Watched]:
    found = Watched(own_run)
    yield found
    found.game.close()


def test_p_pauses_and_n_plays_single_actions(watched: Watched) -> None:
    assert watched.go(3) == 3
    watched.press(sdl2.SDLK_p)
    assert watched.go(3) == 0
    watched.press(sdl2.SDLK_n, sdl2.SDLK_n)
    assert watched.go(5) == 2
    watched.press(sdl2.SDLK_p)
    assert watched.go(2) == 2
    watched.press(sdl2.SDLK_n)
    assert watched.go(2) == 0, "N pauses a game that runs"


def test_minus_and_plus_change_the_speed(watched: Watched) -> None:
    watched.press(sdl2.SDLK_SPACE)
    controls = watched.window.controls
    assert controls.speed == 1
    watched.press(sdl2.SDLK_MINUS)
    assert controls.speed == 0.5
    begun = time.monotonic()
    watched.emulator.act("b")
    assert time.monotonic() - begun >= 24 / 60 / 0.5
    watched.press(*[sdl2.SDLK_MINUS] * 9)
    assert controls.speed == min(filter(None, SPEEDS))
    watched.press(*[sdl2.SDLK_EQUALS] * 9, sdl2.SDLK_PLUS)
    assert controls.speed == 0, "unlimited"


def test_a_person_takes_over_and_gives_back(watched: Watched) -> None:
    before = read_state(watched.emulator.memory)
    key(sdl2.SDLK_a)
    watched.press(sdl2.SDLK_t)
    key(sdl2.SDLK_LEFT)
    watched.go(2)
    key(sdl2.SDLK_LEFT, down=False)
    watched.go(1)
    assert [BUTTONS[a] for a in watched.game.episode.actions] == ["left", "left", "b"], "the last waits"
    after = read_state(watched.emulator.memory)
    assert (after.x, after.facing) != (before.x, before.facing)
    watched.press(sdl2.SDLK_t)
    key(sdl2.SDLK_LEFT)
    watched.go(37)
    episode = watched.game.episode
    assert (episode.hand_actions, episode.pressed, len(episode.actions)) == (3, 2, 40)
    assert watched.game.env.emulator.interventions["by_hand"] == 3


def test_what_was_played_by_hand_becomes_a_demonstration(
    watched: Watched, own_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.press(sdl2.SDLK_d)
    assert "error: nothing was played by hand" in capsys.readouterr().out
    watched.go(5)
    watched.press(sdl2.SDLK_t)
    key(sdl2.SDLK_LEFT)
    watched.go(2)
    key(sdl2.SDLK_LEFT, down=False)
    watched.press(sdl2.SDLK_t)
    watched.go(1)
    watched.press(sdl2.SDLK_d)
    assert "8 actions, 2 of them with a key" in capsys.readouterr().out
    watched.go(35)  # into the next episode
    assert watched.game.number == 2
    watched.press(sdl2.SDLK_d)
    assert "40 actions, 2 of them with a key" in capsys.readouterr().out, "the episode before"
    found = read_set(own_run / "by_hand" / "demonstrations")
    assert [one.episode.header.steps for one in found] == [8, 40]
    for one in found:
        imitated = [number for number in range(one.episode.header.steps) if number not in one.noise]
        assert imitated == [5, 6]
        assert {BUTTONS[one.episode.actions[number]] for number in imitated} == {"left"}


def test_a_moment_becomes_a_start_state(
    watched: Watched, own_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.go(3)
    watched.press(sdl2.SDLK_z, sdl2.SDLK_z)
    assert capsys.readouterr().out.count("begin there with --start ") == 2
    folder = own_run / "by_hand" / "states"
    start = start_state(watched.game.task.game, str(folder / "live-2.state"))
    assert str(start.provenance["story"]).startswith("run live-plain at 64 steps")
    with Emulator(watched.game.task.game.rom) as emulator:
        emulator.load_state(start.data)
        here, there = read_state(emulator.memory), read_state(watched.emulator.memory)
        assert (here.map_id, here.x, here.y) == (there.map_id, there.x, there.y)
    assert json.loads((folder / "live-1.json").read_text())["game"] == "clover"


def test_a_policy_with_memory_is_watched_and_remembers(
    lstm_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = watch(player_of(lstm_run, max_steps=3), 1)
    assert line.startswith("episode 1: ")
    assert "length 3" in line
    assert "take over" in capsys.readouterr().out
    found = Watched(lstm_run)
    try:
        found.go(4)
        after = found.game._player._state
        assert after is not None
        found.press(sdl2.SDLK_t)
        found.go(1)
        now = found.game._player._state
        assert now is not None
        assert (now[0] != after[0]).any(), "it goes on remembering while a person plays"
    finally:
        found.game.close()
