"""Library of start states: saved states of the emulator, with their provenance.

A start state is made on demand by the game's boot script, continued by the walkthrough of the embedded
cartridge, and cached.
"""

from __future__ import annotations

from pathlib import Path

from envs.errors import UserError, known
from envs.game.catalog import BOOT_STARTS, Game
from envs.game_boy.emulator import Emulator
from envs.paths import full_path, is_file, looks_like_path
from envs.start_states.cache import cached_path, cached_start, keep_start
from envs.start_states.state_files import StartState, read_state_file


def start_state(game: Game, name: str) -> StartState:
    """Return the start state ``name`` of ``game``, from the cache or newly made.

    ``name`` may also be the path of a state file. Raises UserError if there is no such start, if the script
    does not reach it, or if the cache cannot be written.
    """
    if name in game.start_names:
        return cached_start(game, name) or _make(game, name)
    if looks_like_path(name) or is_file(Path(name)):
        return read_state_file(game, full_path(name, what="start"))
    raise UserError(
        f'start "{name}": neither a start of {game.name} nor a file; {known(name, game.start_names)}'
    )


def _make(game: Game, name: str) -> StartState:
    with Emulator(game.rom) as emulator:
        emulator.tick(1, render=True)
        if name != "power on":
            game.boot(emulator, cached_path(game, name).with_suffix(".failed.png"))
        if name in BOOT_STARTS:
            return keep_start(game, emulator, name)
        return _walk_to(game, emulator, name)


def _walk_to(game: Game, emulator: Emulator, name: str) -> StartState:
    """Play to the start ``name`` and cache all starts on the way, since each costs the way to it."""
    # Part of the embedded cartridge, which other games do not need.
    from envs.cartridge.walkthrough import run_to

    made: dict[str, StartState] = {}

    def passed(milestone: str, actions: int = 0) -> None:
        if milestone in game.start_names:
            made[milestone] = keep_start(game, emulator, milestone)

    run_to(emulator, name, passed, passed)
    return made[name]
