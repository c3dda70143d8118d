"""Tests of the generated pages about the world: they are up to date."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from envs.cartridge.tools import docs, worldmap
from envs.cartridge.world_text.maps import load_maps

WORLD = docs.CARTRIDGE / "world"


def test_the_pages_are_up_to_date() -> None:
    page = (docs.CARTRIDGE / "docs" / "README.md").read_text("utf-8")
    assert page == docs.pages(WORLD), "run `make -C envs/cartridge docs`"


def test_the_picture_is_up_to_date() -> None:
    picture = worldmap.world_picture(WORLD)
    greys = [[17 * (15 - grey) for grey in row] for row in picture]
    with Image.open(docs.CARTRIDGE / "docs" / docs.PICTURE) as found:
        assert np.array_equal(np.asarray(found.convert("L")), np.array(greys, dtype=np.uint8))


def test_every_outdoor_map_is_in_one_group() -> None:
    maps = load_maps(WORLD)
    grouped = [name for group in worldmap.groups(maps) for name in group]
    assert sorted(grouped) == sorted(name for name, source in maps.items() if source.flags & 1)


def test_a_picture_is_a_png() -> None:
    image = Image.open(io.BytesIO(worldmap.png([bytearray([0, 15, 7]), bytearray([1, 2, 3])])))
    assert image.size == (3, 2)
    assert [image.getpixel((x, 0)) for x in range(3)] == [15, 0, 8] or image.mode == "L"
