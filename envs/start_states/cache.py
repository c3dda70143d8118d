"""The cache of start states: kept outside the repository, under the ROM's SHA-1, the emulator's version and a
digest of the scripts that make them."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import VERSION, Emulator
from envs.start_states.state_files import StartState, write_state_file

CACHE_VARIABLE = "POKERED_CACHE"
_ENVS = Path(__file__).resolve().parents[1]
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
    sources = [_ENVS / "game" / "boot.py", *sorted((_ENVS / "cartridge" / "walkthrough").rglob("*.py"))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:8]


def cached_path(game: Game, name: str) -> Path:
    """Where the start state ``name`` of ``game`` is kept, whether or not it is there."""
    folder = cache_folder() / f"{game.sha1}-{VERSION}-{scripts_digest()}"
    return folder / f"{name.replace(' ', '_')}.state"


def cached_start(game: Game, name: str) -> StartState | None:
    """The start state ``name`` if it is kept and is the one its provenance speaks of."""
    path = cached_path(game, name)
    try:
        data = path.read_bytes()
        provenance = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(provenance, dict) or provenance.get("sha256") != hashlib.sha256(data).hexdigest():
        return None
    return StartState(data, name, provenance)


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
        write_state_file(cached_path(game, name), data, provenance)
    except UserError as error:
        raise UserError(
            f"start states cannot be kept: {error}; set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
    return StartState(data, name, provenance)
