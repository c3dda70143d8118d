"""Generator of the pages in ``docs/`` from ``world/``: ``make -C envs/cartridge docs``.

It needs only the standard library. A test compares the files with what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from envs.cartridge.tools.tables import SPECIES_KEYS, TRAINER_KEYS, read_all, read_every_block
from envs.cartridge.tools.worldmap import png, world_picture
from envs.cartridge.world_text.maps import load_maps
from envs.errors import UserError

CARTRIDGE = Path(__file__).resolve().parent.parent
PICTURE = "world.png"
HEAD = """# The world of Clover

Generated from `world/` by `make -C envs/cartridge docs`; do not edit.

![All maps: groups of connected maps, and the caves below](world.png)
"""
HOW = """
## How to add a map
1. Write `world/maps/NAME.txt`: `map NUMBER NAME`, `tileset`, `border`, the `layout`, then `warp`, `sign`,
   `trigger`, `object` lines and scripts. `world_text/map_source.py` describes every keyword,
   `tools/scripts.py` every statement, and `world/tilesets/` the characters of a layout. Use the number that
   the commercial game has for the same role; no map may be larger than that one.
2. Connect it: a `warp` in another map, or a `connect` line on both sides with opposite offsets.
3. Add new events to `world/events*.txt`, trainers to `world/trainers*.txt`, shops to `world/shops*.txt`.
4. Run `make -C envs/cartridge`, which builds `clover.gb` or reports an error in one line with its place.
5. Run `make -C envs/cartridge docs`, then the tests in `tests/envs/cartridge`.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def maps_page(world: Path) -> str:
    """Return the table of maps, by number."""
    rows = [
        [str(source.number), name, f"{source.width} x {source.height}", wild_words(source.wild)]
        for name, source in load_maps(world).items()
    ]
    return "\n## Maps\n" + table(["id", "name", "steps", "wild creatures"], rows)


def wild_words(wild: list[tuple[str, int]]) -> str:
    """Return wild creatures with their lowest and highest level."""
    levels: dict[str, list[int]] = {}
    for name, level in wild:
        levels.setdefault(name, []).append(level)
    return ", ".join(
        f"{name} {min(found)}" + (f" to {max(found)}" if min(found) != max(found) else "")
        for name, found in levels.items()
    )


def leaders_page(world: Path) -> str:
    """Return the table of gyms by badge, the league and the champion, with their teams."""
    maps = load_maps(world)
    rows = []
    for head, fields in read_every_block(world, "trainers", TRAINER_KEYS):
        kind, _, number = head.words[0].partition("_")
        if kind not in ("leader", "league", "champion"):
            continue
        gym = f"GYM_{number}"
        where = maps[gym].warps[0].map if kind == "leader" else "CROWNRIDGE"
        badge = f"badge{number}" if kind == "leader" else kind
        rows.append([badge, where, " ".join(head.words[2:]), fields["party"].rest()])
    order = {"b": 0, "l": 1, "c": 2}
    rows.sort(key=lambda row: (order[row[0][0]], row[0]))
    note = "\nThe order is free where the story allows it; gym 8 requires seven badges, the league eight.\n"
    return "\n## Gyms and league\n" + table(["for", "where", "who", "team (level, creature)"], rows) + note


def species_page(world: Path) -> str:
    """Return the table of creatures, in the order of their files."""
    rows = []
    for head, fields in read_every_block(world, "species", SPECIES_KEYS):
        learnt = " ".join(fields["moves"].words[1:]) + ", " + fields["learn"].rest()
        words = [fields[key].rest() for key in ("look", "types")]
        base = " / ".join(fields["base"].words[1:])
        rows.append(
            [*head.words[:2], *words, base, fields["evolve"].rest(), fields["machines"].rest(), learnt]
        )
    columns = [
        "id",
        "name",
        "looks like",
        "types",
        "HP / attack / defence / speed / special",
        "evolves",
        "machines",
    ]
    return "\n## Creatures\n" + table([*columns, "moves"], rows)


def moves_page(world: Path) -> str:
    """Return the table of moves, by ID."""
    rows = sorted((line.words for line in read_all(world, "moves")), key=lambda words: int(words[0]))
    head = ["id", "name", "type", "power", "accuracy of 255", "points", "effect"]
    return "\n## Moves\n" + table(head, [[*words[:6], " ".join(words[6:])] for words in rows])


def pages(world: Path) -> str:
    """Return the text of docs/README.md."""
    return HEAD + HOW + leaders_page(world) + maps_page(world) + species_page(world) + moves_page(world)


def main() -> int:
    """Write the pages; on an error, print one line and return 2."""
    target = CARTRIDGE / "docs"
    try:
        target.mkdir(exist_ok=True)
        (target / "README.md").write_text(pages(CARTRIDGE / "world"), "utf-8")
        (target / PICTURE).write_bytes(png(world_picture(CARTRIDGE / "world")))
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
