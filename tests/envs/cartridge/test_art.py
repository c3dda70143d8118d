"""Tests of the cartridge's drawings: sizes, shades, attributes, and completeness."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envs.cartridge.tools import art
from envs.cartridge.tools.emit import FarRef, Output
from envs.cartridge.world_text.errors import WorldError
from envs.cartridge.world_text.pictures import SHADES, TILESETS, Rows, read_tileset

WORLD = Path(art.__file__).resolve().parent.parent / "world"
WALKED = {
    "outdoor": '.,"fvD~TtFs#rRwWHMGL',
    "indoor": ".#oBctbpS=mn",
    "gym": ".,#r=G",
    "cave": ".,#S=",
}
"""Every character that maps may use, by tileset."""


@pytest.fixture(scope="module")
def output() -> Output:
    return art.compile(WORLD)


def blob(output: Output, symbol: str) -> bytes:
    """The bytes of a compiled drawing."""
    (data,) = [b.data for b in output.blobs if b.symbol == symbol]
    assert isinstance(data, bytes)
    return data


def attributes(output: Output, tileset: str) -> dict[str, int]:
    """TILE_* bits by map character."""
    return {c: output.ids[f"ATTRIBUTE_{tileset.upper()}_{ord(c):02X}"] for c in WALKED[tileset]}


@pytest.mark.parametrize("tileset", TILESETS)
def test_every_map_character_is_a_metatile(output: Output, tileset: str) -> None:
    drawn = {metatile.words[0] for metatile in read_tileset(WORLD, tileset)}
    assert set(WALKED[tileset]) <= drawn


@pytest.mark.parametrize("path", sorted((WORLD / "maps").glob("*.txt")), ids=lambda path: path.stem)
def test_every_character_of_a_map_is_drawn(output: Output, path: Path) -> None:
    text = path.read_text(encoding="ascii")
    named = re.search(r"^tileset (\w+)", text, re.MULTILINE)
    layout = re.search(r"^layout\n(.*?)^end", text, re.MULTILINE | re.DOTALL)
    assert named and layout
    drawn = {metatile.words[0] for metatile in read_tileset(WORLD, named[1])}
    assert set("".join(layout[1].split())) <= drawn


def test_attributes_match_the_characters(output: Output) -> None:
    outdoor = attributes(output, "outdoor")
    walk, grass = art.ATTRIBUTES["walk"], art.ATTRIBUTES["grass"]
    assert {c for c, bits in outdoor.items() if bits & walk} == set('.,"fD')
    assert {c for c, bits in outdoor.items() if bits & grass} == {'"'}
    assert outdoor["~"] == art.ATTRIBUTES["water"] and outdoor["t"] == art.ATTRIBUTES["cut"]
    assert outdoor["v"] == art.ATTRIBUTES["ledge"]
    indoor = attributes(output, "indoor")
    assert {c for c, bits in indoor.items() if bits & walk} == set(".S=")
    assert indoor["c"] == art.ATTRIBUTES["counter"]
    assert {c for c, bits in attributes(output, "gym").items() if bits & walk} == set(".,=")
    assert {c for c, bits in attributes(output, "cave").items() if bits & walk} == set(".,S=")
    assert {c for c, bits in attributes(output, "cave").items() if bits & grass} == {"."}


@pytest.mark.parametrize("tileset", TILESETS)
def test_tilesets_fit_video_memory_and_keep_their_pictures(output: Output, tileset: str) -> None:
    tiles = blob(output, f"tileset_{tileset}_tiles")
    cells = blob(output, f"tileset_{tileset}_metatiles")
    metatiles = read_tileset(WORLD, tileset)
    assert len(tiles) % 16 == 0 and len(tiles) // 16 <= art.MAX_TILESET_TILES
    assert len(cells) == 4 * len(metatiles)
    for index, metatile in enumerate(metatiles):
        shown = [tiles[16 * cell : 16 * cell + 16] for cell in cells[4 * index : 4 * index + 4]]
        assert shown == art.cut_tiles(metatile.rows)


@pytest.mark.parametrize("tileset", TILESETS)
def test_no_two_metatiles_look_alike_in_the_observation(tileset: str) -> None:
    """A step is 8 x 8 values in the observation, in which two metatiles must differ clearly."""
    pictures = [(halved(metatile.rows), metatile.words[0]) for metatile in read_tileset(WORLD, tileset)]
    for index, (one, name) in enumerate(pictures):
        for other, other_name in pictures[index + 1 :]:
            difference = sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
            assert difference > 0.3, (name, other_name)


def halved(rows: Rows) -> list[float]:
    """Means of 2 x 2 shades of a metatile, 64 values from 0 to 3."""
    shades = [[SHADES.index(pixel) for pixel in row] for row in rows]
    return [
        sum(shades[y + i][x + j] for i in (0, 1) for j in (0, 1)) / 4
        for y in range(0, 16, 2)
        for x in range(0, 16, 2)
    ]


def test_every_species_has_both_pictures(output: Output) -> None:
    names = re.findall(r"^\d+ ([A-Z]+)$", (WORLD / "species.txt").read_text(encoding="ascii"), re.MULTILINE)
    assert len(names) >= 12
    for name in names:
        front, back = (blob(output, f"picture_{name.lower()}_{side}") for side in ("front", "back"))
        assert len(front) == 25 * 16 and len(back) == 16 * 16
        assert len(set(front)) > 20, f"{name}: the front picture is nearly empty"


THINGS = ("ball", "boulder", "sleeper")
"""Pictures that look the same from all sides."""


def test_people_have_six_frames_that_differ(output: Output) -> None:
    people = [name.removeprefix("SPRITE_").lower() for name in output.ids if name.startswith("SPRITE_")]
    assert {"player", "rival", "professor", "mother", "nurse", "clerk", "leader_rock", "ball"} <= set(people)
    for name in people:
        data = blob(output, f"sprite_{name}")
        frames = [data[i : i + 64] for i in range(0, len(data), 64)]
        assert len(frames) == len(art.FRAMES)
        assert len(set(frames)) == (1 if name in THINGS else len(art.FRAMES)), name
    (table,) = [t for t in output.tables if t.name == "far_sprites"]
    assert table.symbols == [f"sprite_{name}" for name in people]


def test_font_has_every_character_of_the_games_set(output: Output) -> None:
    font = blob(output, "font")
    assert len(font) == 128 * 16
    needed = {*range(0x80, 0xBA), 0xE0, 0xE3, 0xE6, 0xE7, 0xE8, 0xEC, 0xED, 0xEE, 0xF0, 0xF1, 0xF3, 0xF4}
    glyphs = [font[16 * (i - 0x80) : 16 * (i - 0x80) + 16] for i in sorted(needed | set(range(0xF6, 0x100)))]
    assert all(any(glyph) for glyph in glyphs)
    assert len(set(glyphs)) == len(glyphs)


def test_screen_pieces_end_in_a_blank_and_bars_grow(output: Output) -> None:
    misc = blob(output, "misc")
    assert len(misc) == 32 * 16
    assert not any(misc[-16:])
    bars = [sum(byte.bit_count() for byte in misc[16 * i : 16 * i + 16]) for i in range(2, 11)]
    assert bars == sorted(bars) and len(set(bars)) == 9


def test_title_is_twenty_by_eight_tiles(output: Output) -> None:
    title = blob(output, "title")
    count, cells = title[0], title[1:161]
    assert len(title) == 161 + 16 * count
    assert max(cells) == count - 1 < art.MAX_TILESET_TILES


def test_a_tile_is_two_planes_with_the_leftmost_pixel_highest() -> None:
    rows = ("#......-", "o.......", *["........"] * 6)
    assert art.encode_tile(rows)[:4] == bytes([0b10000001, 0b10000000, 0b00000000, 0b10000000])


def test_the_tileset_structure_names_its_parts(output: Output) -> None:
    (data,) = [b.data for b in output.blobs if b.symbol == "tileset_outdoor"]
    assert isinstance(data, list)
    assert [part.symbol for part in data if isinstance(part, FarRef)] == [
        f"tileset_outdoor_{part}" for part in ("tiles", "metatiles", "attributes")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metatile x walk\n" + "................\n" * 15, "15 rows"),
        ("metatile x walk\n" + "...............\n" * 16, "16 rows of [15] pixels"),
        ("metatile x fly\n" + "................\n" * 16, "unknown attribute 'fly'"),
        ("metatile xy\n" + "................\n" * 16, "one character"),
        ("metatile x\n" + "...?............\n" * 16, "shades"),
        ("................\n", "starts with 'metatile'"),
        (("metatile x\n" + "................\n" * 16) * 2, "a second metatile"),
    ],
)
def test_a_wrong_drawing_gives_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tilesets").mkdir()
    (tmp_path / "tilesets" / "gym.txt").write_text(text, encoding="ascii")
    with pytest.raises(WorldError) as caught:
        art.compile_tileset(tmp_path, "gym", Output())
    assert said in str(caught.value) and "gym.txt:" in str(caught.value) and "\n" not in str(caught.value)
