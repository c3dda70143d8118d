"""Tests of state files: with provenance, of other cartridges, of older PyBoy versions, damaged."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.game.boot import has_control
from envs.game.catalog import Game
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import read_state
from envs.start_library import start_state
from envs.start_states.state_files import read_state_file, write_state_file

# Bytes of a state of a cartridge with 32 KiB of RAM, as the releases 1.4.7, 1.5.3, 1.6.14, 2.0.3, 2.2.2,
# 2.4.1, 2.5.4 and 2.7.0 wrote them.
OLD_SIZES = {
    7: 142_586,
    8: 142_610,
    9: 142_610,
    10: 165_650,
    11: 165_650,
    12: 165_674,
    14: 167_640,
    15: 167_677,
}
VIDEO = (0x40, 0x47, 0x48, 0x49, 0x41, 0x44, 0x45, 0x42, 0x43, 0x4A, 0x4B)  # registers in the order saved
HELD_DOWN, NOTHING_HELD = 0x07, 0x0F
# For each format that the installed PyBoy may write: offset of the first register, offsets of the flags, and
# number of bytes between work RAM and the cartridge.
OWN = {29: (6, (18, 20, 21, 22, 23, 24), 26), 15: (5, (17, 18, 19, 20, 21, 22), 0x34 + 24)}


def registers(emulator: Emulator, which: Iterable[int]) -> bytes:
    return bytes(emulator.memory[0xFF00 + register] for register in which)


def old_state(emulator: Emulator, version: int, shorter: int = 0) -> bytes:
    """The current state as saved by a PyBoy of format ``version`` with down held, and ``shorter`` bytes less
    of sound."""
    memory, now = emulator.memory, emulator.save_state()
    work = now.rindex(bytes(memory[0xC000:0xE000]))
    after_work = work + 0x2000 + 0x60 + 0x4C + 0x7F
    clock = bytes(8) if version >= 12 else b""
    first, flags, between = OWN[now[0]]
    registers_and_flags = now[first : first + 12] + bytes(now[i] for i in flags)
    # Format 7 has no colour mode, and neither queued nor requested interrupts.
    head = bytes([version, now[1]]) + (
        registers_and_flags[:-2] if version == 7 else bytes(3) + registers_and_flags
    )
    head += clock
    screen = bytes(memory[0x8000:0xA000]) + bytes(memory[0xFE00:0xFEA0]) + registers(emulator, VIDEO)
    lines = bytes(5 * 144)
    screen += lines if version >= 11 else b""
    screen += bytes(2) + bytes(3 if version >= 13 else 0) + clock + bytes(17) if version > 7 else b""
    picture = (b"" if version >= 11 else lines) + bytes(144 * 160 * (5 if version >= 10 else 4))
    timer = registers(emulator, (4, 5)) + bytes(4) + registers(emulator, (6, 7)) + clock
    timer += bytes(8) if version >= 13 else b""
    cartridge = now[after_work + between :][: 4 + 0x8000]
    rest = timer + cartridge + bytes([HELD_DOWN, NOTHING_HELD]) + bytes(36 if version >= 15 else 0)
    rest = now[work:after_work] + bytes(0x34) + rest
    sound = bytes(OLD_SIZES[version] - shorter - len(head) - len(screen) - len(picture) - len(rest))
    return head + screen + sound + picture + rest


@pytest.fixture
def bedroom(own_game: Game) -> bytes:
    return start_state(own_game, "bedroom").data


@pytest.mark.parametrize("version", OLD_SIZES)
def test_states_of_older_versions_are_converted(
    own_game: Game, bedroom: bytes, version: int, tmp_path: Path
) -> None:
    path = tmp_path / "old.state"
    shorter = int(version == bedroom[0])  # the installed version's format, from a release of another size
    with Emulator(own_game.rom) as before:
        before.load_state(bedroom)
        before.act("left")
        path.write_bytes(old_state(before, version, shorter))
        start = read_state_file(own_game, path)
        assert start.provenance["state_version"] == version
        assert str(start.provenance["converted_from"]).startswith("PyBoy ")
        with Emulator(own_game.rom) as now:
            now.load_state(start.data)
            for part in (slice(0x8000, 0xA000), slice(0xC000, 0xE000), slice(0xFE00, 0xFEA0)):
                assert list(now.memory[part]) == list(before.memory[part])
            assert list(now.memory[0xFF80:0xFFFF]) == list(before.memory[0xFF80:0xFFFF])
            now.tick(60)
            before.tick(60)
            assert read_state(now.memory).map_id == 38
            assert (read_state(now.memory).x, read_state(now.memory).y) == (
                read_state(before.memory).x,
                read_state(before.memory).y,
            ), "the button is no longer held"
            now.tick(1, render=True)
            before.tick(1, render=True)
            assert (now.screen() == before.screen()).all()
            assert has_control(now)


@pytest.mark.parametrize("version", [7, 8])
def test_a_game_goes_on_from_a_state_of_pyboy_1_as_it_would_have(
    own_game: Game, bedroom: bytes, version: int, tmp_path: Path
) -> None:
    """Formats of the state files that the most used harness for this game comes with."""
    path, buttons = tmp_path / "init.state", random.Random(version)
    with Emulator(own_game.rom) as before, Emulator(own_game.rom) as now:
        before.load_state(bedroom)
        before.act("left")
        path.write_bytes(old_state(before, version))
        now.load_state(read_state_file(own_game, path).data)
        for emulator in (before, now):
            emulator.release_all()
        places = set()
        for _ in range(40):
            button = buttons.choice(BUTTONS)
            before.act(button)
            now.act(button)
            ours, theirs = read_state(now.memory), read_state(before.memory)
            places.add((ours.map_id, ours.x, ours.y))
            assert (ours.map_id, ours.x, ours.y) == (theirs.map_id, theirs.x, theirs.y)
            assert (ours.facing, ours.menu_item, ours.party) == (
                theirs.facing,
                theirs.menu_item,
                theirs.party,
            )
            assert (now.screen() == before.screen()).all()
        assert len(places) > 3, "the player walked"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "it is empty"),
        (bytes([30]) + bytes(2000), "version 30: written by a PyBoy newer than 2.8.1"),
        (bytes([6]) + bytes(2000), "version 6.*load it with pyboy 2.7.0"),
        (bytes([20]) + bytes(200_000), "version 20: written by no release"),
        (bytes([12, 0, 0, 0, 1]) + bytes(200_000), "Game Boy Color mode"),
        (b"route1\n", "text, not a state saved by PyBoy"),
        ("Über".encode() * 50_000, "text, not a state saved by PyBoy"),
        (b"{}", "text, not a state"),
        (zlib.compress(b"x" * 9, 9) + bytes(9), "a file that begins with byte 0x78, not a state"),
        (gzip.compress(bytes(200_000)), "compressed with gzip, not a state"),
        (b"PK\3\4" + bytes(200_000), "a ZIP archive, not a state"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200_000), "begins with byte 0x89, not a state"),
        (b"\xc3" + bytes(32_000), "begins with byte 0xC3, not a state"),
        (bytes([12]) + bytes(40_000), "a complete one of version 12 on this cartridge has about 165674"),
        (bytes([29]) + bytes(2000), "a complete one of version 29 on this cartridge has about 178100"),
    ],
)
def test_unloadable_states_are_refused(own_game: Game, tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "bad.state"
    path.write_bytes(data)
    with pytest.raises(UserError, match=line) as error:
        read_state_file(own_game, path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [1, 40, 500, 5000])
def test_an_old_state_cut_short_is_refused(own_game: Game, bedroom: bytes, cut: int, tmp_path: Path) -> None:
    path = tmp_path / "short.state"
    with Emulator(own_game.rom) as emulator:
        emulator.load_state(bedroom)
        path.write_bytes(old_state(emulator, 14)[:-cut])
    with pytest.raises(UserError, match="damaged, or another cartridge's"):
        read_state_file(own_game, path)


def provenance(game: Game, data: bytes) -> dict[str, str | int]:
    return {"rom_sha1": game.sha1, "sha256": hashlib.sha256(data).hexdigest(), "made_by": "a test"}


def test_provenance_is_written_and_read(own_game: Game, bedroom: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "mine.state"
    write_state_file(path, bedroom, provenance(own_game, bedroom))
    assert sorted(file.name for file in path.parent.iterdir()) == ["mine.json", "mine.state"]
    start = start_state(own_game, str(path))
    assert (start.data, start.name, start.provenance["story"]) == (bedroom, str(path), "a test")


def test_a_state_of_another_cartridge_is_refused(
    game: Game, own_game: Game, bedroom: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "mine.state"
    write_state_file(path, bedroom, provenance(own_game, bedroom))
    with pytest.raises(UserError, match=f"SHA-1 {own_game.sha1}.*not with clover, SHA-1 {game.sha1}"):
        read_state_file(game, path)


def test_provenance_of_another_state_is_refused(own_game: Game, bedroom: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.state"
    write_state_file(path, bedroom, provenance(own_game, b"another"))
    with pytest.raises(UserError, match=r"mine\.json is another state's .* remove it"):
        read_state_file(own_game, path)


@pytest.mark.parametrize("beside", ["[]", "{not json", json.dumps({"name": "something else"})])
def test_other_json_files_beside_a_state_are_ignored(
    own_game: Game, bedroom: bytes, tmp_path: Path, beside: str
) -> None:
    path = tmp_path / "mine.state"
    path.write_bytes(bedroom)
    path.with_suffix(".json").write_text(beside)
    assert "story" not in read_state_file(own_game, path).provenance


def test_unwritable_missing_and_huge_files_are_reported(own_game: Game, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        write_state_file(blocked / "x.state", b"", {})
    with pytest.raises(UserError, match="cannot be read"):
        read_state_file(own_game, tmp_path / "none.state")
    huge = tmp_path / "huge.state"
    with huge.open("wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(UserError, match="20000000 bytes are too many, at most 10000000"):
        read_state_file(own_game, huge)
