"""Tests of playing by hand, in a window of SDL's dummy driver: keys press buttons and save states."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sdl2

from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.ram import read_state
from envs.start_library import start_state
from envs.start_states.manual_play import ManualPlay
from tests.paths import ROOT
from tests.training.conftest import environment

Key = Callable[..., None]


@pytest.fixture
def dummy_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def key(dummy_window: None) -> Key:
    """key(symbol, down=True): send a keyboard event."""

    def send(symbol: int, down: bool = True, repeat: int = 0) -> None:
        event = sdl2.SDL_Event()
        event.type = sdl2.SDL_KEYDOWN if down else sdl2.SDL_KEYUP
        event.key.keysym.sym = symbol
        event.key.repeat = repeat
        sdl2.SDL_PushEvent(event)

    return send


@pytest.fixture
def play(own_game: Game, dummy_window: None, tmp_path: Path) -> Iterator[ManualPlay]:
    with ManualPlay(
        own_game, tmp_path / "states", ["lab", "forest"], start_state(own_game, "bedroom")
    ) as play:
        yield play


def frames(play: ManualPlay, count: int) -> bool:
    return all(play.frame() for _ in range(count))


def test_arrow_keys_walk(play: ManualPlay, key: Key) -> None:
    before = read_state(play.emulator.memory)
    for symbol in (sdl2.SDLK_UP, sdl2.SDLK_DOWN):
        for down in (True, False):
            key(symbol, down)
            frames(play, 12)
    assert read_state(play.emulator.memory).facing == 0
    key(sdl2.SDLK_LEFT)
    frames(play, 30)
    key(sdl2.SDLK_LEFT, down=False)
    now = read_state(play.emulator.memory)
    assert (now.facing, now.y) == (8, before.y)
    assert now.x < before.x


def test_function_keys_save_named_start_states(play: ManualPlay, key: Key, own_game: Game) -> None:
    for symbol, repeat in ((sdl2.SDLK_F2, 0), (sdl2.SDLK_F2, 1), (sdl2.SDLK_F10, 0)):
        key(symbol, repeat=repeat)
    assert frames(play, 2)
    assert sorted(path.name for path in play.folder.iterdir()) == [
        "f10.json", "f10.state", "forest.json", "forest.state"
    ]  # fmt: skip
    story = json.loads((play.folder / "forest.json").read_text())
    assert (story["rom_sha1"], story["made_by"]) == (own_game.sha1, "played by hand from bedroom")
    assert story["place"].startswith("bedroom, ")
    start = start_state(own_game, str(play.folder / "forest.state"))
    assert start.provenance["story"] == story["made_by"]


def test_z_saves_and_x_loads(play: ManualPlay, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    key(sdl2.SDLK_x)
    assert frames(play, 1), "nothing is saved yet: an error is printed and the game continues"
    assert "quick.state: cannot be read" in capsys.readouterr().out
    key(sdl2.SDLK_z)
    frames(play, 1)
    saved = read_state(play.emulator.memory)
    for direction in ("left", "right", "up", "down"):
        play.emulator.act(direction)
    key(sdl2.SDLK_x)
    frames(play, 1)
    assert (read_state(play.emulator.memory).x, read_state(play.emulator.memory).y) == (saved.x, saved.y)


def test_escape_ends_the_game(play: ManualPlay, key: Key) -> None:
    assert play.frame()
    key(sdl2.SDLK_ESCAPE, down=False)
    assert not frames(play, 2)


def test_a_folder_that_cannot_be_written_does_not_end_the_game(
    play: ManualPlay, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    play.folder.write_text("in the way")
    key(sdl2.SDLK_F1)
    assert frames(play, 2)
    assert "error: " in capsys.readouterr().out


def test_an_agents_window_accepts_only_quit_and_speed_keys(own_game: Game, key: Key) -> None:
    with Emulator(own_game.rom, window="SDL2") as emulator:
        emulator.load_state(start_state(own_game, "bedroom").data)
        before = read_state(emulator.memory)
        for symbol in (sdl2.SDLK_LEFT, sdl2.SDLK_RETURN, sdl2.SDLK_a):
            key(symbol)
            emulator.tick(40)
        now = read_state(emulator.memory)
        assert (now.x, now.facing, now.menu_item) == (before.x, before.facing, before.menu_item)
        assert emulator.running
        key(sdl2.SDLK_ESCAPE, down=False)
        emulator.tick(2)
        assert not emulator.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_program_plays_until_it_is_stopped(
    unknown_rom: Path, runs: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, str(ROOT / "training" / "play.py"), "--game", "red", "--names", "start"]
    variables = {**environment(runs), "SDL_VIDEODRIVER": "dummy", "POKEMON_RED_ROM": str(unknown_rom)}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"playing red ({unknown_rom})")
        process.send_signal(number)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--names", "a/b"], "--names a/b: must be a plain file name"),
        (["--names", *"abcdefghijk"], "11 names; there are 10 keys"),
        (["--record", "x", "--fast-text"], "--fast-text and --record cannot be given together"),
        (["--record", "x", "--names", "a"], "--names and --record cannot be given together"),
        (["--record", "training"], "demonstrations training: not a set of demonstrations"),
        (["--rom", "none.gb"], f"ROM {ROOT}/none.gb: cannot be read"),
    ],
)
def test_wrong_input_is_one_line(
    refused: Callable[..., str], flags: list[str], line: str, dummy_window: None
) -> None:
    assert line in refused("play", *flags)


def test_without_a_display_it_is_refused(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    assert "play.py needs a display" in refused("play")
