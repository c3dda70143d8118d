"""Cartridges: identified by SHA-1, and unknown ones refused with one clear line."""

from __future__ import annotations

import gzip
import shutil
import zipfile
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


@pytest.mark.parametrize("more", [1, 0x4000, 0x80000])
def test_a_file_that_is_too_long_is_not_called_incomplete(tmp_path: Path, more: int) -> None:
    path = tmp_path / "long.gb"
    path.write_bytes(EMBEDDED_ROM.read_bytes() + bytes(more))
    for use in (identify, Emulator):
        with pytest.raises(UserError, match=f"{more} bytes too many") as error:
            use(path)
        assert "incomplete" not in one_line(error)
        assert str(path) in one_line(error)


def test_archives_are_refused_by_name_with_how_to_unpack_them(tmp_path: Path) -> None:
    zipped, gzipped = tmp_path / "my red.zip", tmp_path / "red.gb.gz"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(EMBEDDED_ROM, "red.gb")
    gzipped.write_bytes(gzip.compress(EMBEDDED_ROM.read_bytes()))
    renamed = Path(shutil.copy(zipped, tmp_path / "red.gb"))
    for path, kind, command in (
        (zipped, "a ZIP archive", f"unzip '{zipped}'"),
        (renamed, "a ZIP archive", f"unzip {renamed}"),
        (gzipped, "compressed with gzip", f"gunzip --keep {gzipped}"),
    ):
        with pytest.raises(UserError, match=kind) as error:
            identify(path)
        assert command in one_line(error)


def with_header(path: Path, **values: int) -> Path:
    """The cartridge at ``path`` with other bytes in its header: colour=0xC0 and so on, the checksum put
    right."""
    data = bytearray(path.read_bytes())
    for name, value in values.items():
        data[{"colour": 0x143, "size": 0x148}[name]] = value
    data[CHECKSUM] = -sum(byte + 1 for byte in data[0x134:CHECKSUM]) & 0xFF
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", [None, "red", "clover"])
def test_a_cartridge_for_colour_machines_only_is_refused_by_name(tmp_path: Path, name: str | None) -> None:
    path = with_header(unknown_cartridge(tmp_path / "x.gbc", b"RAINBOW"), colour=0xC0)
    with pytest.raises(UserError, match='"RAINBOW" is a cartridge for the Game Boy Color only') as error:
        identify(path, name)
    assert "0xC0" in one_line(error)
    crystal = with_header(unknown_cartridge(tmp_path / "c.gbc", b"PM_CRYSTAL"), colour=0xC0)
    with pytest.raises(UserError, match="Pokémon Crystal"):
        identify(crystal, name)


def test_a_cartridge_that_knows_of_colour_and_does_without_is_not(tmp_path: Path) -> None:
    path = with_header(unknown_cartridge(tmp_path / "x.gb", b"SOMEBODY"), colour=0x80)
    assert (identify(path, "red").title, read_rom(path).colour_only) == ("SOMEBODY", False)


def test_paths_with_blanks_umlauts_and_a_tilde_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meine Spiele").mkdir()
    path = Path(shutil.copy(EMBEDDED_ROM, tmp_path / "meine Spiele" / "grün.gb"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert identify("~/meine Spiele/grün.gb").rom == path
    for name in ("~nobody-of-that-name/red.gb", "a\0b.gb"):
        with pytest.raises(UserError) as error:
            identify(name)
        assert one_line(error).startswith("ROM ")


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
