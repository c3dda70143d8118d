"""Cache of start states, outside the repository.

States are filed by the ROM's SHA-1, the emulator's version and a digest of the scripts that make them.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import VERSION, Emulator
from envs.paths import expanded
from envs.start_states.state_files import StartState, write_state_file

CACHE_VARIABLE = "POKERED_CACHE"
_ENVS = Path(__file__).resolve().parents[1]
_MADE_BY = {"power on": "power-on", "bedroom": "boot script"}


def cache_folder() -> Path:
    """Return the cache folder: $POKERED_CACHE, or pokered-harness in $XDG_CACHE_HOME or ~/.cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return expanded(chosen, CACHE_VARIABLE)
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "cache") / "pokered-harness"


@cache
def scripts_digest() -> str:
    """Return eight hexadecimal digits that change whenever the scripts that make start states do."""
    sources = [_ENVS / "game" / "boot.py", *sorted((_ENVS / "cartridge" / "walkthrough").rglob("*.py"))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:8]


def cached_path(game: Game, name: str) -> Path:
    """Return the path of the start state ``name`` of ``game`` in the cache, whether or not it exists."""
    folder = cache_folder() / f"{game.sha1}-{VERSION}-{scripts_digest()}"
    return folder / f"{name.replace(' ', '_')}.state"


def cached_start(game: Game, name: str) -> StartState | None:
    """Return the start state ``name`` if it is in the cache and matches its provenance, else None."""
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
    """Save the emulator's state to the cache as the start ``name``, which was played to from power-on.

    Raises UserError if the cache cannot be written.
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
    # Two processes that make the same state at once write the same bytes: the emulator is deterministic.
    try:
        write_state_file(cached_path(game, name), data, provenance)
    except UserError as error:
        raise UserError(
            f"start states cannot be saved: {error}; set {CACHE_VARIABLE} to a writable folder"
        ) from error
    return StartState(data, name, provenance)
