"""How an episode begins: a saved state of the emulator, with the story of how it came to be.

A start state is made on demand (by the game's boot script, and from there by the walkthrough of the
embedded cartridge) and kept outside the repository, under the ROM's SHA-1, the emulator's version and a
digest of the scripts that make it.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from envs.errors import UserError, known
from envs.game_boy.emulator import VERSION, Emulator
from envs.games import BOOT_STARTS, Game
from envs.state_files import StartState, read_state_file, write_state_file

__all__ = ["CACHE_VARIABLE", "StartState", "cache_folder", "keep_start", "scripts_digest", "start_state"]

CACHE_VARIABLE = "POKERED_CACHE"
_HERE = Path(__file__).parent
_MADE_BY = {"power on": "power-on", "bedroom": "boot script"}


def cache_folder() -> Path:
    """Where start states are kept: $POKERED_CACHE, or pokered-harness in $XDG_CACHE_HOME or ~/.cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pokered-harness"


@cache
def scripts_digest() -> str:
    """Eight hexadecimal digits that change whenever the scripts that make start states do."""
    sources = [_HERE / "boot.py", *sorted((_HERE / "cartridge" / "walkthrough").rglob("*.py"))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:8]


def start_state(game: Game, name: str) -> StartState:
    """The start state ``name`` of ``game``, from the cache or made now; ``name`` may also be the path of a
    state file.

    Raises UserError when there is no such start, when the script does not get there, or when the cache
    cannot be written.
    """
    if name in game.start_names:
        return _read(_path(game, name), name) or _make(game, name)
    if Path(name).expanduser().is_file():
        return read_state_file(game, Path(name).expanduser())
    raise UserError(f'start "{name}": no start of {game.name} and no file; {known(name, game.start_names)}')


def _path(game: Game, name: str) -> Path:
    folder = cache_folder() / f"{game.sha1}-{VERSION}-{scripts_digest()}"
    return folder / f"{name.replace(' ', '_')}.state"


def _read(path: Path, name: str) -> StartState | None:
    """The state at ``path`` if it is there and is the one its provenance speaks of."""
    try:
        data = path.read_bytes()
        provenance = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(provenance, dict) or provenance.get("sha256") != hashlib.sha256(data).hexdigest():
        return None
    return StartState(data, name, provenance)


def _make(game: Game, name: str) -> StartState:
    with Emulator(game.rom) as emulator:
        emulator.tick(1, render=True)
        if name != "power on":
            game.boot(emulator, _path(game, name).with_suffix(".failed.png"))
        if name in BOOT_STARTS:
            return keep_start(game, emulator, name)
        return _walk_to(game, emulator, name)


def _walk_to(game: Game, emulator: Emulator, name: str) -> StartState:
    """Play to the start ``name``, and keep those that are passed: each of them costs the whole way."""
    # A part of the embedded cartridge, which other games have no use for.
    from envs.cartridge.walkthrough import run_to

    made: dict[str, StartState] = {}

    def tell(milestone: str, actions: int) -> None:
        if milestone in game.start_names:
            made[milestone] = keep_start(game, emulator, milestone)

    run_to(emulator, name, tell)
    return made[name]


def keep_start(game: Game, emulator: Emulator, name: str) -> StartState:
    """Keep what the emulator is now as the start ``name``, to which it was played from power-on.

    Raises UserError when the cache cannot be written.
    """
    data = emulator.save_state()
    provenance: dict[str, str | int] = {
        "name": name,
        "game": game.name,
        "rom_sha1": game.sha1,
        "emulator": VERSION,
        "scripts": scripts_digest(),
        "made_by": _MADE_BY.get(name, "boot script, walkthrough"),
        "actions": emulator.actions,
        "frames": emulator.frame_count,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    # Two processes that make the same state at once write the same bytes, as the emulator is deterministic.
    try:
        write_state_file(_path(game, name), data, provenance)
    except UserError as error:
        raise UserError(
            f"start states cannot be kept: {error}; set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
    return StartState(data, name, provenance)
