"""Saved states as files, with their provenance beside them, from any supported PyBoy version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envs.errors import UserError
from envs.files import read_plain, write_atomically
from envs.game.catalog import Game
from envs.game_boy.emulator import VERSION, Emulator
from envs.game_boy.rom import ARCHIVES, read_rom
from envs.game_boy.state_formats import WRITTEN_BY, check_version, convert, screen_on, state_version

MAX_BYTES = 10_000_000  # a state has about 180,000
HIGHEST_VERSION = 63  # of a state, for decades: 29 versions came in the first nine years of PyBoy
SCREEN_FRAMES = 600  # frames after power-on within which every game has turned its screen on and off


@dataclass(frozen=True, slots=True)
class StartState:
    """A saved state: ``data`` for Emulator.load_state, name, and provenance (plain strings and numbers)."""

    data: bytes
    name: str
    provenance: Mapping[str, str | int]


def write_state_file(path: Path, data: bytes, provenance: Mapping[str, str | int]) -> None:
    """Write a state to ``path`` and its provenance beside it (same name, ".json").

    The provenance is written last: if it exists, so does its state. Raises UserError if the files cannot be
    written.
    """
    _write(path, data)
    _write(path.with_suffix(".json"), json.dumps(dict(provenance), indent=2).encode())


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error


def read_state_file(game: Game, path: Path) -> StartState:
    """Read the state in the file ``path`` for ``game``, converted to this PyBoy's format, and try loading it.

    Raises UserError if the file cannot be read, was made with another cartridge (according to the provenance
    beside it), or is not a state that this emulator can load, even after conversion.
    """
    try:
        data = read_plain(path, MAX_BYTES)
    except OSError as error:
        raise UserError(f"start {path}: cannot be read ({error.strerror})") from error
    story = _story_of(game, path, data)
    try:
        _refuse_other_files(data)
        version = state_version(data)
        loadable = _loadable(game, data)
    except UserError as error:
        raise UserError(f"start {path}: {error}") from error
    provenance: dict[str, str | int] = {
        "rom_sha1": game.sha1,
        "emulator": VERSION,
        "made_by": f"file {path}",
        "sha256": hashlib.sha256(data).hexdigest(),
        "state_version": version,
    }
    if loadable != data:
        provenance["converted_from"] = f"PyBoy {WRITTEN_BY.get(version, 'of another version')}"
    if "made_by" in story:
        provenance["story"] = str(story["made_by"])
    return StartState(loadable, str(path), provenance)


def _refuse_other_files(data: bytes) -> None:
    """Raise UserError for text, an archive, or any file that begins with no PyBoy's number of a format."""
    kind = next((kind for beginning, (kind, _) in ARCHIVES.items() if data.startswith(beginning)), None)
    if data and b"\0" not in data:
        kind = "text"
    if kind is None and data and data[0] > HIGHEST_VERSION:
        kind = f"a file that begins with byte 0x{data[0]:02X}"
    if kind is not None:
        raise UserError(f"{kind}, not a state saved by PyBoy; save one with play.py or PyBoy itself")


def _story_of(game: Game, path: Path, data: bytes) -> Mapping[str, object]:
    """Return the provenance beside a state; empty if there is no valid one."""
    try:
        story = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(story, dict) or "rom_sha1" not in story or "sha256" not in story:
        return {}
    beside = path.with_suffix(".json")
    if story["sha256"] != hashlib.sha256(data).hexdigest():
        raise UserError(f"start {path}: {beside} is another state's (SHA-256 differs); remove it to continue")
    if story["rom_sha1"] != game.sha1:
        raise UserError(
            f"start {path}: made with a cartridge of SHA-1 {story['rom_sha1']} (according to {beside}),"
            f" not with {game.name}, SHA-1 {game.sha1}"
        )
    return story


def _loadable(game: Game, data: bytes) -> bytes:
    """Return ``data`` in a form this emulator loads, converted if necessary. Raises UserError."""
    with Emulator(game.rom) as emulator:
        own = emulator.save_state()
        # The version alone is not enough: 2.6.1 and 2.7.0 share one, with states of different sizes.
        if (state_version(data), len(data)) != (own[0], len(own)):
            check_version(data)
            _switch_screen(emulator, screen_on(data), data)
            data = convert(data, emulator.save_state(), read_rom(game.rom).ram_bytes)
        emulator.load_state(data)
        emulator.tick(1)  # fails here if the state stops the machine
    return data


def _switch_screen(emulator: Emulator, on: bool, data: bytes) -> None:
    """Run frames until the screen is on (or off). Raises UserError if it never is."""
    for _ in range(SCREEN_FRAMES):
        if bool(emulator.memory[0xFF40] & 0x80) == on:
            return
        emulator.tick(1)
    raise UserError(
        f"state of version {state_version(data)}: saved while the screen was being switched; save another"
    )
