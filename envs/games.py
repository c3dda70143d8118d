"""The cartridges that are known, by SHA-1: their names, places, milestones, start states and boot
script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envs.boot import boot_to_control
from envs.emulator import Emulator
from envs.errors import UserError
from envs.places import MAP_NAMES, PROGRESS_ORDER
from envs.ram import GameState
from envs.rom import Rom, read_rom

EMBEDDED_ROM = Path(__file__).parent / "cartridge" / "clover.gb"
EMBEDDED_SHA1 = EMBEDDED_ROM.with_name("clover.gb.sha1")
RED_SHA1 = "ea9bcae617fdf159b045185467ae58b2e4a48b9a"
BLUE_SHA1 = "d7037c83e1ae5b39bde3c30787637ba1d4c48ce2"

BOOT_STARTS = ("power on", "bedroom")
WALKED_STARTS = ("starter", "route1", "errand done", "gym1")


@dataclass(frozen=True, slots=True)
class Milestone:
    """One thing worth telling: an event flag that is set, a badge (0 to 7) that is held, or a map that is
    entered.
    """

    name: str
    kind: Literal["event", "badge", "map"]
    number: int

    def reached(self, state: GameState) -> bool:
        """Whether it holds in ``state``. Memory is transient while maps load: let it hold for two steps."""
        if self.kind == "event":
            return state.has_event(self.number)
        if self.kind == "badge":
            return bool(state.badges >> self.number & 1)
        return state.map_id == self.number


MILESTONES = (
    Milestone("starter", "event", 0x022),
    Milestone("rival battled", "event", 0x023),
    Milestone("route 1", "map", 12),
    Milestone("second town", "map", 1),
    Milestone("parcel", "event", 0x039),
    Milestone("errand done", "event", 0x038),
    Milestone("field guide", "event", 0x025),
    Milestone("route 2", "map", 13),
    Milestone("forest", "map", 51),
    Milestone("third town", "map", 2),
    Milestone("gym 1", "map", 54),
    *(Milestone(f"badge {n + 1}", "badge", n) for n in range(8)),
    Milestone("champion", "event", 0x901),
)


@dataclass(frozen=True, slots=True)
class Game:
    """A cartridge that is known: what the harness needs to start it and to speak of it."""

    name: str
    sha1: str
    title: str
    rom: Path
    start_names: tuple[str, ...]
    map_names: Mapping[int, str]
    milestones: tuple[Milestone, ...]
    progress_order: tuple[int, ...]  # map ids
    boot: Callable[
        [Emulator, Path], None
    ]  # from power-on to control; the path is for the last picture if it fails

    @property
    def embedded(self) -> bool:
        """Whether this is the project's own cartridge, which a walkthrough is known for."""
        return self.name == "clover"


def _names_by_sha1() -> dict[str, str]:
    known = {RED_SHA1: "red", BLUE_SHA1: "blue"}
    if EMBEDDED_SHA1.is_file():
        known[EMBEDDED_SHA1.read_text("ascii").split()[0].lower()] = "clover"
    return known


def _game(rom: Rom, name: str) -> Game:
    starts = BOOT_STARTS + WALKED_STARTS if name == "clover" else BOOT_STARTS
    return Game(
        name, rom.sha1, rom.title, rom.path, starts, MAP_NAMES, MILESTONES, PROGRESS_ORDER, boot_to_control
    )


def identify(rom: Path | str = EMBEDDED_ROM) -> Game:
    """The game on the cartridge at ``rom``, known by its SHA-1.

    Raises UserError when the file is unreadable or damaged, or holds no game that is known.
    """
    cartridge = read_rom(rom)
    name = _names_by_sha1().get(cartridge.sha1)
    if name is None:
        raise UserError(
            f'ROM {rom}: title "{cartridge.title}", {len(cartridge.data)} bytes, SHA-1 {cartridge.sha1} '
            "is no known game; known are the embedded cartridge and the English Red and Blue"
        )
    return _game(cartridge, name)
