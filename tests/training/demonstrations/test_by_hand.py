"""Games of a person as demonstrations, in a window of SDL's dummy driver."""

from __future__ import annotations

from pathlib import Path

import pytest
import sdl2

from envs.errors import UserError
from envs.game_boy.emulator import BUTTONS
from training.demonstrations.by_hand import GameByHand, add_to_set, task_by_hand
from training.demonstrations.demo_set import DemonstrationSet, read_set


@pytest.fixture(autouse=True)
def _dummy_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def key(symbol: int, down: bool) -> None:
    """Send a keyboard event."""
    event = sdl2.SDL_Event()
    event.type = sdl2.SDL_KEYDOWN if down else sdl2.SDL_KEYUP
    event.key.keysym.sym = symbol
    sdl2.SDL_PushEvent(event)


def play_a_little(out: Path) -> str:
    """Hold RIGHT for two actions, wait for one, and tap S for one."""
    task = task_by_hand("embedded", None, None, out)
    with GameByHand(task) as play:
        key(sdl2.SDLK_RIGHT, True)
        assert play.act()
        assert play.act()
        key(sdl2.SDLK_RIGHT, False)
        assert play.act()
        key(sdl2.SDLK_s, True)
        key(sdl2.SDLK_s, False)
        assert play.act()
        assert play.act()
    return add_to_set(task, play, out)


def test_games_become_a_set_in_which_waits_are_marked(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    line = play_a_little(out)
    assert line.startswith(f"{out}: game 1, 5 actions, ")
    assert play_a_little(out).startswith(f"{out}: game 2, ")
    found = read_set(out)
    assert (found.manifest.player, found.manifest.steps, len(found)) == ("human", 10, 2)
    for one in found:
        pressed = [BUTTONS[a] for n, a in enumerate(one.episode.actions) if n not in one.noise]
        assert pressed == ["right", "right", "b"]
        assert one.start.name == "starter"


def test_a_game_without_a_key_is_not_kept(tmp_path: Path) -> None:
    out = tmp_path / "nothing"
    task = task_by_hand("embedded", None, "starter", out)
    with GameByHand(task) as play:
        play.act()
    with pytest.raises(UserError, match="no key was pressed"):
        add_to_set(task, play, out)
    assert list(tmp_path.iterdir()) == []


def test_a_set_of_another_player_is_not_added_to(short_set: DemonstrationSet) -> None:
    with pytest.raises(UserError, match="its games were played by a script; use another folder"):
        task_by_hand("embedded", None, None, short_set.folder)


def test_a_set_of_another_cartridge_is_not_added_to(tmp_path: Path, unknown_rom: Path) -> None:
    play_a_little(tmp_path / "mine")
    with pytest.raises(UserError, match="its games are of a ROM with SHA-1 f3e3b395"):
        task_by_hand(str(unknown_rom), "red", "bedroom", tmp_path / "mine")
