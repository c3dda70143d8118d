"""Tests of the world and its compiler: consistent maps, and errors that name file and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from envs.cartridge.tools import build, emit, maps, scripts
from envs.cartridge.tools.assembler import OPCODES
from envs.cartridge.tools.texts import LINE, wrap
from envs.cartridge.tools.worldcheck import walkable
from envs.cartridge.walkthrough.atlas import WORLD, Place, atlas
from envs.cartridge.walkthrough.ways import Means, find_way
from envs.cartridge.world_text.errors import WorldError
from envs.ram import EVENT_BYTES, GameState

HEADERS = WORLD.parent / "src"
LARGEST = {
    0: (10, 9), 1: (20, 18), 2: (20, 18), 3: (20, 18), 4: (10, 9), 5: (20, 18), 6: (25, 18), 7: (20, 18),
    8: (10, 9), 9: (10, 9), 10: (20, 18), 12: (10, 18), 13: (10, 36), 14: (35, 9), 15: (45, 9),
    16: (10, 18), 17: (10, 18), 18: (10, 9), 19: (30, 9), 20: (30, 9), 21: (10, 36), 22: (30, 9),
    23: (10, 54), 24: (30, 9), 25: (10, 27), 26: (30, 9), 30: (10, 27), 31: (50, 9), 32: (10, 45),
    33: (20, 9), 34: (10, 72), 35: (10, 18), 36: (30, 9), 37: (4, 4), 38: (4, 4), 39: (4, 4), 40: (5, 6),
    41: (7, 4), 42: (4, 4), 43: (4, 4), 44: (4, 4), 45: (10, 9), 47: (5, 4), 50: (5, 4), 51: (17, 24),
    52: (10, 4), 54: (5, 7), 56: (4, 4), 57: (4, 4), 58: (7, 4), 59: (20, 18), 60: (14, 14),
    61: (20, 18), 64: (7, 4), 65: (5, 7), 67: (4, 4), 70: (4, 3), 71: (4, 4), 73: (4, 3), 74: (4, 4),
    76: (3, 4), 77: (4, 4), 79: (3, 4), 80: (4, 4), 81: (7, 4), 82: (20, 18), 88: (4, 4), 89: (7, 4),
    91: (4, 4), 92: (5, 9), 94: (14, 6), 108: (10, 9), 113: (13, 13), 118: (5, 4), 119: (4, 24),
    120: (4, 4), 121: (25, 4), 122: (10, 4), 133: (7, 4), 134: (5, 9), 141: (7, 4), 142: (10, 9),
    143: (10, 9), 149: (4, 4), 150: (4, 4), 152: (4, 4), 154: (7, 4), 155: (5, 4), 157: (5, 9),
    165: (15, 14), 166: (10, 9), 171: (7, 4), 172: (4, 4), 174: (8, 6), 178: (10, 9), 180: (4, 4),
    182: (7, 4), 193: (5, 4), 194: (15, 9), 198: (15, 9), 222: (4, 4), 232: (20, 18), 245: (5, 6),
    246: (5, 6), 247: (5, 6),
}  # fmt: skip
"""Map ID -> width and height in blocks that tools for the commercial game's map table allow."""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A copy of the world that a test may change."""
    return Path(shutil.copytree(WORLD, tmp_path / "world"))


def spoil(world: Path, name: str, old: str, new: str) -> None:
    path = world / "maps" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_no_map_is_larger_than_its_limit() -> None:
    for number, source in atlas().by_number.items():
        width, height = LARGEST[number]
        assert source.width <= 2 * width, source.name
        assert source.height <= 2 * height, source.name


def test_every_map_has_a_limit() -> None:
    assert set(atlas().by_number) <= set(LARGEST)


def test_warps_arrive_beside_a_warp_that_leads_back() -> None:
    for source in atlas().maps.values():
        for warp in source.warps:
            other = atlas().maps[warp.map]
            assert walkable(other, warp.dest_x, warp.dest_y, atlas().tilesets)
            assert (warp.dest_x, warp.dest_y) not in {(w.x, w.y) for w in other.warps}
            assert any(back.map == source.name for back in other.warps), warp.line.text


def test_route_2_is_closed_until_the_errand_is_done() -> None:
    before = {
        atlas().events[name] for name in ("FOLLOWED_PROFESSOR", "GOT_STARTER", "BATTLED_RIVAL", "GOT_PARCEL")
    }
    town, route = Place(1, 18, 22), [Place(13, 8, 33)]
    early = bytes(sum(1 << event % 8 for event in before if event // 8 == i) for i in range(EVENT_BYTES))
    assert find_way(atlas(), town, route, Means(GameState(event_bytes=early))) is None
    late = bytes([0xFF] * EVENT_BYTES)
    assert find_way(atlas(), town, route, Means(GameState(event_bytes=late))) is not None


def test_compiling_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build.build(WORLD, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "ids.h" in names
    assert "tables.c" in names
    assert "data_05.c" in names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_opcodes_match_the_header() -> None:
    text = re.sub(r"/\*.*?\*/", "", (HEADERS / "world.h").read_text("utf-8"), flags=re.DOTALL)
    found = re.search(r"enum \{(\s*OP_END.*?)\};", text, re.DOTALL)
    assert found is not None
    assert tuple(re.findall(r"OP_(\w+)", found[1])) == OPCODES


def test_blobs_go_into_the_first_bank_with_room() -> None:
    sizes = (emit.BANK_SIZE - 10, 20, 10)
    places = build.pack(emit.Blob(f"b{i}", bytes(size)) for i, size in enumerate(sizes))
    assert places == {"b0": (5, 0x4000), "b1": (6, 0x4000), "b2": (5, 0x4000 + emit.BANK_SIZE - 10)}


def test_texts_break_into_lines_and_pages() -> None:
    text = wrap("One two three four five six seven eight nine ten / {player} wins")
    assert text.split("\f")[-1] == "\x01 wins"
    assert all(len(line) <= LINE for page in text.split("\f") for line in page.split("\n"))
    assert all(page.count("\n") <= 1 for page in text.split("\f"))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("house.txt", "...tt...", "...tX...", r"house.txt:9: 'X' in column 4 is not in tileset indoor"),
        ("house.txt", "...tt...", "...tt..", r"house.txt:9: this row has 7 characters"),
        ("house.txt", "warp 7 1 BEDROOM", "warp 7 1 ATTIC", r"house.txt:16: a warp to map 'ATTIC'"),
        (
            "house.txt",
            "warp 7 1 BEDROOM 6 1",
            "warp 7 1 BEDROOM 0 0",
            r"nobody can stand at \(0, 0\) of map BEDROOM",
        ),
        (
            "house.txt",
            "mother mother 5 3",
            "mother mother 9 3",
            r"house.txt:22: \(9, 3\) is outside of map HOUSE",
        ),
        ("house.txt", "mother mother 5 3", "mother mother 2 7", r"object mother stands on a warp"),
        ("house.txt", "5 3 left still", "0 1 left wander", r"house.txt:22: object mother moves about"),
        ("house.txt", "still script mother", "still script aunt", r"map HOUSE has no script 'aunt'"),
        ("house.txt", "tileset indoor", "tileset marble", r"no tileset 'marble'"),
        ("house.txt", "border #", "bordre #", r"house.txt:3: unknown keyword 'bordre'"),
        ("house.txt", "warp 7 1", "warp 7 one", r"'one' should be a number of 0 to 255"),
        ("house.txt", "6 1 left", "6 1 west", r"'west' should be one of down, up, left, right"),
        ("house.txt", "map 37 HOUSE", "map 38 HOUSE", r"map 38 HOUSE is already in bedroom.txt"),
        (
            "route_1.txt",
            "connect south HOME_TOWN 0",
            "connect south HOME_TOWN 1",
            r"should have 'connect south HOME_TOWN 0' to match",
        ),
        ("route_1.txt", "wild 25 NIBBIN:2", "wild 25", r"should be 'wild RATE and 10 times SPECIES:LEVEL'"),
        ("route_1.txt", "wild 25", "# wild", r"has grass but no 'wild' line"),
        (
            "route_1.txt",
            "TTTTTTvv..vv",
            "TTTTvvvv..vv",
            r"route_1.txt:\d+: the ledge in column 4 leads down to where nobody can stand",
        ),
    ],
)
def test_a_wrong_map_gives_one_line(world: Path, name: str, old: str, new: str, message: str) -> None:
    spoil(world, name, old, new)
    with pytest.raises(WorldError, match=message) as caught:
        maps.compile(world)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  heal\n", "  heel\n", r"house.txt:\d+: unknown statement 'heel'"),
        ("  if not event GOT_STARTER\n", "  if not evnt GOT_STARTER\n", r"unknown condition 'evnt'"),
        ("    stop\n  end\n", "    stop\n", r"this 'if' has no 'end'"),
        ("  heal\n", "  else\n", r"an 'else' without its 'if'"),
        ("  heal\n", "  walk father up\n", r"map HOUSE has no object 'father'"),
        ("  heal\n", "  warp ATTIC 1 1 up\n", r"no map 'ATTIC'"),
        ("  heal\n", "  give POTION\n", r"should have 2 words after the keyword"),
        ("  heal\n", "  say\n", r"there is nothing to say"),
    ],
)
def test_a_wrong_script_gives_one_line(world: Path, old: str, new: str, message: str) -> None:
    spoil(world, "house.txt", old, new)
    with pytest.raises(WorldError, match=message):
        scripts.compile(world)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("house.txt", "event GOT_STARTER", "event GOT_STARTED", r"house.txt:\d+: no EVENT_GOT_STARTED"),
        ("house.txt", "mother mother 5 3", "mother moth 5 3", r"house.txt:22: no SPRITE_MOTH"),
        ("route_1.txt", "NIBBIN:2", "NIBBLE:2", r"route_1.txt:\d+: no SPECIES_NIBBLE"),
        ("house.txt", "say Cook books.", "say Cook books §.", r"text HOUSE_BOOKS_0: the letter '§'"),
    ],
)
def test_errors_about_unknown_names_give_the_place(
    world: Path, tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    spoil(world, name, old, new)
    with pytest.raises(ValueError, match=message):
        build.build(world, tmp_path / "gen")
