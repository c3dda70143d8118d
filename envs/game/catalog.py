"""Known cartridges by SHA-1, with names, places, milestones, start states and boot script."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envs.errors import UserError, known
from envs.game.boot import boot_to_control
from envs.game.connections import EMBEDDED_LACKS
from envs.game.maps import MAP_NAMES
from envs.game.milestones import FLIES, LATER_MILESTONES, MILESTONES, Milestone
from envs.game.progress import progress_order
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import COLOUR, EMBEDDED, ROM_VARIABLE, Rom, read_rom, rom_path

__all__ = ["GAMES", "MILESTONES", "Game", "Milestone", "chosen_rom", "identify"]

EMBEDDED_ROM = Path(__file__).resolve().parents[1] / "cartridge" / "clover.gb"
EMBEDDED_SHA1 = EMBEDDED_ROM.with_name("clover.gb.sha1")
# English releases; hashes as the public disassembly (pret/pokered, roms.sha1) lists them.
RED_SHA1 = "ea9bcae617fdf159b045185467ae58b2e4a48b9a"
BLUE_SHA1 = "d7037c83e1ae5b39bde3c30787637ba1d4c48ce2"

GAMES = ("clover", "red", "blue")
BOOT_STARTS = ("power on", "bedroom")
WALKED_STARTS = (
    *("starter", "route1", "second town", "parcel", "field guide", "errand done", "route 2", "forest"),
    *("third town", "gym1", "badge1", "first cave", "fourth town"),
    *(f"gym{n}" for n in range(2, 9)),
    "league",
)
"""Starts that the walkthrough of the embedded cartridge plays to, in the order of the story."""
START_NAMES = BOOT_STARTS + WALKED_STARTS
# Prefixes of header titles of releases with a different memory layout.
OTHER_RELEASES = {
    "POKEMON YELLOW": "Yellow",
    "POKEMON GREEN": "Green (Japanese)",
    "POKEMON_GLD": "Gold",
    "POKEMON_SLV": "Silver",
    "PM_CRYSTAL": "Crystal",
}
JAPAN = 0  # destination code in the ROM header


@dataclass(frozen=True, slots=True)
class Game:
    """A known cartridge, with what the harness needs to start and describe it."""

    name: str
    sha1: str
    title: str
    rom: Path
    start_names: tuple[str, ...]
    map_names: Mapping[int, str]
    milestones: tuple[Milestone, ...]
    progress_order: tuple[int, ...]  # map ids
    # From power-on to control of the player; the path is for the last picture if that fails.
    boot: Callable[[Emulator, Path], None]
    assumed: bool = False  # the hash is unknown, and the user named the game

    @property
    def embedded(self) -> bool:
        """Whether this is the project's own cartridge, which has a scripted walkthrough."""
        return self.name == "clover"

    @property
    def default_start(self) -> str:
        """The default start of episodes: "starter" where a walkthrough reaches it, else "bedroom"."""
        return "starter" if "starter" in self.start_names else "bedroom"


def chosen_rom(rom: Path | str | None = None) -> Path:
    """Return the ROM to play: ``rom``, else the path in POKEMON_RED_ROM, else the embedded cartridge.

    "embedded" as ``rom`` or in the variable also means the embedded cartridge.
    """
    rom = rom or os.environ.get(ROM_VARIABLE) or EMBEDDED
    return EMBEDDED_ROM if str(rom) == EMBEDDED else rom_path(rom)


def _names_by_sha1() -> dict[str, str]:
    names = {RED_SHA1: "red", BLUE_SHA1: "blue"}
    if EMBEDDED_SHA1.is_file():
        names[EMBEDDED_SHA1.read_text("ascii").split()[0].lower()] = "clover"
    return names


def _game(rom: Rom, name: str, assumed: bool) -> Game:
    own = name == "clover"
    return Game(
        name,
        rom.sha1,
        rom.title,
        rom.path,
        BOOT_STARTS + WALKED_STARTS if own else BOOT_STARTS,
        MAP_NAMES,
        tuple(m for m in MILESTONES + LATER_MILESTONES if not (own and m.number == FLIES)),
        progress_order(EMBEDDED_LACKS) if own else progress_order(),
        boot_to_control,
        assumed,
    )


def _refuse_other_releases(rom: Rom) -> None:
    release = next((name for title, name in OTHER_RELEASES.items() if rom.title.startswith(title)), None)
    if release is None and rom.title in ("POKEMON RED", "POKEMON BLUE") and rom.destination == JAPAN:
        release = f"{rom.title.split()[1].title()} (Japanese)"
    if release is not None:
        raise UserError(
            f'ROM {rom.path}: title "{rom.title}" is Pokémon {release}, which has a different memory layout;'
            " must be English Red or Blue"
        )


def _refuse_colour(rom: Rom) -> None:
    if rom.colour_only:
        raise UserError(
            f'ROM {rom.path}: title "{rom.title}" is a cartridge for the Game Boy Color only (header 0x143 is'
            f" 0x{rom.data[COLOUR]:02X}), which is not emulated here; the English Red and Blue can be played"
        )


def _unknown(rom: Rom) -> UserError:
    return UserError(
        f'ROM {rom.path}: title "{rom.title}", {len(rom.data)} bytes, SHA-1 {rom.sha1} is not a known game;'
        f" known: the embedded cartridge, English Red ({RED_SHA1}) and English Blue ({BLUE_SHA1});"
        " for a changed copy of one of them use --game red (or blue, clover);"
        " releases in other languages have a different memory layout"
    )


def identify(rom: Path | str = EMBEDDED_ROM, name: str | None = None) -> Game:
    """Identify the game on the cartridge at ``rom`` by its SHA-1.

    ``name`` (one of GAMES) names the game of an unknown cartridge. Raises UserError when the file is
    unreadable or damaged, when it is unknown and ``name`` is None, when it is known as another game than
    ``name``, or when it is a release with other addresses.
    """
    if name is not None and name not in GAMES:
        raise UserError(f'game "{name}": unknown; {known(name, GAMES)}')
    cartridge = read_rom(rom)
    recognised = _names_by_sha1().get(cartridge.sha1)
    if recognised is None:
        _refuse_other_releases(cartridge)
        _refuse_colour(cartridge)
        if name is None:
            raise _unknown(cartridge)
        return _game(cartridge, name, assumed=True)
    if name not in (None, recognised):
        raise UserError(f"ROM {rom}: its SHA-1 is that of {recognised}, not of {name}; omit --game")
    return _game(cartridge, recognised, assumed=False)
