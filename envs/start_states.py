"""How an episode begins: a saved state of the emulator, with the story of how it came to be.

A start state is made on demand (by the game's boot script, and from there by the walkthrough of the
embedded cartridge) and kept outside the repository, under the ROM's SHA-1, the emulator's version and a
digest of the scripts that make it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from envs.emulator import VERSION, Emulator
from envs.errors import UserError, known
from envs.games import BOOT_STARTS, Game

CACHE_VARIABLE = "POKERED_CACHE"
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StartState:
    """A saved state: ``data`` for Emulator.load_state, its name, and where it comes from (plain strings and
    numbers).
    """

    data: bytes
    name: str
    provenance: Mapping[str, str | int]


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
        path = (
            cache_folder() / f"{game.sha1}-{VERSION}-{scripts_digest()}" / f"{name.replace(' ', '_')}.state"
        )
        return _read(path, name) or _make(game, name, path)
    if Path(name).expanduser().is_file():
        return _from_file(game, Path(name).expanduser())
    raise UserError(f'start "{name}": no start of {game.name} and no file; {known(name, game.start_names)}')


def _from_file(game: Game, path: Path) -> StartState:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"start {path}: cannot be read ({error.strerror})") from error
    provenance = {
        "rom_sha1": game.sha1,
        "emulator": VERSION,
        "made_by": f"file {path}",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return StartState(data, str(path), provenance)


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


def _make(game: Game, name: str, path: Path) -> StartState:
    with Emulator(game.rom) as emulator:
        made_by = _play_to(game, emulator, name, path.with_suffix(".failed.png"))
        data = emulator.save_state()
        provenance: dict[str, str | int] = {
            "name": name,
            "game": game.name,
            "rom_sha1": game.sha1,
            "emulator": VERSION,
            "scripts": scripts_digest(),
            "made_by": made_by,
            "actions": emulator.actions,
            "frames": emulator.frame_count,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    # The provenance last: a reader that finds it finds the state it speaks of. Two processes that make the
    # same
    # state at once write the same bytes, as the emulator is deterministic.
    _write(path, data)
    _write(path.with_suffix(".json"), json.dumps(provenance, indent=2).encode())
    return StartState(data, name, provenance)


def _play_to(game: Game, emulator: Emulator, name: str, picture: Path) -> str:
    """Play from power-on to the start ``name`` and tell by what."""
    emulator.tick(1, render=True)
    if name == "power on":
        return "power-on"
    game.boot(emulator, picture)
    if name in BOOT_STARTS:
        return "boot script"
    # A part of the embedded cartridge, which other games have no use for.
    from envs.cartridge.walkthrough import run_to

    run_to(emulator, name)
    return "boot script, walkthrough"


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one go: a reader sees all of it or nothing."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            temporary = file.name
            file.write(data)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise UserError(
            f"start states cannot be kept in {path.parent} ({error.strerror}); "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
