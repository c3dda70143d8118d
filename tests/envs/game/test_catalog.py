"""Cartridges: identified by SHA-1, and unknown ones refused with one clear line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.game.catalog import EMBEDDED_ROM, EMBEDDED_SHA1, MILESTONES, Game, identify
from envs.game.maps import PROGRESS_ORDER, map_name
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import CHECKSUM, read_rom
from envs.ram import GameState


def unknown_cartridge(path: Path, title: bytes = b"NOBODY") -> Path:
    """An unknown cartridge of 32 KiB with a correct header."""
    data = bytearray(0x8000)
    data[0x134 : 0x134 + len(title)] = title
    total = 0
    for byte in data[0x134:CHECKSUM]:
        total = (total - byte - 1) & 0xFF
    data[CHECKSUM] = total
    path.write_bytes(data)
    return path


def one_line(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_the_embedded_cartridge_is_the_default(game: Game) -> None:
    assert game == identify()
    assert (game.name, game.title, game.rom) == ("clover", "CLOVER", EMBEDDED_ROM)
    assert game.sha1 == EMBEDDED_SHA1.read_text("ascii").split()[0]
    assert game.start_names[:2] == ("power on", "bedroom")


def test_a_copy_elsewhere_is_the_same_game(game: Game, tmp_path: Path) -> None:
    copy = Path(shutil.copy(EMBEDDED_ROM, tmp_path / "my game.gb"))
    assert (identify(copy).name, identify(str(copy)).sha1) == (game.name, game.sha1)


def test_an_unknown_cartridge_is_described_by_title_size_and_hash(tmp_path: Path) -> None:
    path = unknown_cartridge(tmp_path / "x.gb")
    with pytest.raises(UserError) as error:
        identify(path)
    text = one_line(error)
    for part in (str(path), '"NOBODY"', "32768 bytes", read_rom(path).sha1):
        assert part in text


def test_a_missing_file_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gb", tmp_path):
        with pytest.raises(UserError, match="cannot be read") as error:
            identify(path)
        assert str(path) in one_line(error)


@pytest.mark.parametrize("size", [0, 100, 0x7FFF, -1, -0x4000])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "short.gb"
    path.write_bytes(EMBEDDED_ROM.read_bytes()[:size])
    for use in (identify, Emulator):
        with pytest.raises(UserError, match=r"at least 32768|the file is incomplete") as error:
            use(path)
        assert str(path) in one_line(error)


def test_a_file_that_is_not_a_cartridge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.gb"
    path.write_bytes(b"text that goes on for long. " * 2000)
    with pytest.raises(UserError, match="header checksum") as error:
        Emulator(path)
    one_line(error)


def test_a_cartridge_with_hardware_unknown_to_the_emulator_is_refused(tmp_path: Path) -> None:
    path = unknown_cartridge(tmp_path / "x.gb")
    data = bytearray(path.read_bytes())
    data[0x147] = 0xFC  # a camera
    data[CHECKSUM] = (data[CHECKSUM] - 0xFC) & 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="cannot play it") as error:
        Emulator(path)
    one_line(error)


def test_milestones_are_flags_badges_and_places() -> None:
    by_name = {milestone.name: milestone for milestone in MILESTONES}
    assert len(by_name) == len(MILESTONES)
    assert not any(milestone.reached(GameState(map_id=255)) for milestone in MILESTONES)
    assert by_name["starter"].reached(GameState(event_bytes=bytes([0, 0, 0, 0, 0b100] + [0] * 315)))
    assert by_name["badge1"].reached(GameState(badges=1))
    assert by_name["badge8"].reached(GameState(badges=0x80))
    assert by_name["forest"].reached(GameState(map_id=51))


def test_places_have_names() -> None:
    assert [map_name(m) for m in (0, 12, 36, 38, 254)] == [
        "home town",
        "route 1",
        "route 25",
        "bedroom",
        "map 254",
    ]
    assert not any(map_name(map_id).startswith("map ") for map_id in PROGRESS_ORDER)
