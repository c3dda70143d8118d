"""Consistency checks across maps: characters, warps, people, ledges and connections."""

from __future__ import annotations

from pathlib import Path

from envs.cartridge.world_text.errors import WorldError
from envs.cartridge.world_text.map_source import WILD_SLOTS, ConnectionSource, Line, MapSource

WALK, LEDGE = "walk", "ledge"
OPPOSITE = {"north": "south", "south": "north", "west": "east", "east": "west"}


def load_tileset(world: Path, name: str) -> dict[str, frozenset[str]]:
    """Read the attribute words (walk, grass, water, ledge, counter, cut) of a tileset's characters.

    Raises WorldError.
    """
    path = world / "tilesets" / f"{name}.txt"
    if not path.exists():
        raise WorldError(path, 1, f"there is no such tileset; there are {', '.join(tileset_names(world))}")
    found: dict[str, frozenset[str]] = {}
    for text in path.read_text("utf-8").splitlines():
        words = text.split()
        if words and words[0] == "metatile":
            found[words[1]] = frozenset(words[2:])
    return found


def tileset_names(world: Path) -> list[str]:
    """Return the names of all tilesets."""
    return sorted(path.stem for path in (world / "tilesets").glob("*.txt"))


def check_maps(world: Path, maps: dict[str, MapSource]) -> None:
    """Raise WorldError for the first inconsistency."""
    tilesets = {name: load_tileset(world, name) for name in tileset_names(world)}
    for source in maps.values():
        if source.tileset not in tilesets:
            raise source.line.error(f"no tileset '{source.tileset}'; there are {', '.join(tilesets)}")
        check_characters(source, tilesets[source.tileset])
    for source in maps.values():
        check_warps(source, maps, tilesets)
        check_places(source, tilesets[source.tileset])
        check_ledges(source, tilesets)
        for side, connection in source.connections.items():
            check_connection(source, side, connection, maps)


def check_characters(source: MapSource, known: dict[str, frozenset[str]]) -> None:
    """Check that every character of the layout and the border is in the tileset."""
    for row in source.rows:
        for x, character in enumerate(row.text):
            if character not in known:
                raise row.error(
                    f"'{character}' in column {x} is not in tileset {source.tileset}: {' '.join(known)}"
                )
    if source.border not in known:
        raise source.line.error(f"border '{source.border}' is not in tileset {source.tileset}")


def walkable(source: MapSource, x: int, y: int, tilesets: dict[str, dict[str, frozenset[str]]]) -> bool:
    """Whether the player can stand at (x, y), ignoring people."""
    return source.inside(x, y) and WALK in tilesets[source.tileset][source.at(x, y)]


def check_warps(
    source: MapSource, maps: dict[str, MapSource], tilesets: dict[str, dict[str, frozenset[str]]]
) -> None:
    """Check that both ends of warps are steps the player can stand on."""
    for warp in source.warps:
        if warp.map not in maps:
            raise warp.line.error(f"a warp to map '{warp.map}', which does not exist")
        if not walkable(source, warp.x, warp.y, tilesets):
            raise warp.line.error(f"nobody can stand at ({warp.x}, {warp.y})")
        if not walkable(maps[warp.map], warp.dest_x, warp.dest_y, tilesets):
            raise warp.line.error(f"nobody can stand at ({warp.dest_x}, {warp.dest_y}) of map {warp.map}")


def check_places(source: MapSource, tileset: dict[str, frozenset[str]]) -> None:
    """Check that people stand on separate steps without warps, and that grass has wild creatures."""
    taken: dict[tuple[int, int], Line] = {}
    warps = {(warp.x, warp.y) for warp in source.warps}
    for thing in source.objects:
        if thing.movement != "still" and WALK not in tileset[source.at(thing.x, thing.y)]:
            raise thing.line.error(
                f"object {thing.name} moves about, but nobody can stand at ({thing.x}, {thing.y})"
            )
        if (thing.x, thing.y) in warps:
            raise thing.line.error(f"object {thing.name} stands on a warp")
        twin = taken.get((thing.x, thing.y))
        if twin is not None and not (thing.show or thing.hide):
            raise thing.line.error(f"object {thing.name} stands where that of line {twin.number} stands")
        taken[thing.x, thing.y] = thing.line
    grass = any("grass" in tileset[character] for row in source.rows for character in row.text)
    if grass and source.wild_line is None:
        raise source.line.error(f"map {source.name} has grass but no 'wild' line with {WILD_SLOTS} creatures")


def check_ledges(source: MapSource, tilesets: dict[str, dict[str, frozenset[str]]]) -> None:
    """Check that there is room to land below every reachable ledge."""
    for y, row in enumerate(source.rows):
        for x, character in enumerate(row.text):
            reached = LEDGE in tilesets[source.tileset][character] and walkable(source, x, y - 1, tilesets)
            if reached and not walkable(source, x, y + 1, tilesets):
                raise row.error(f"the ledge in column {x} leads down to where nobody can stand")


def check_connection(
    source: MapSource, side: str, found: ConnectionSource, maps: dict[str, MapSource]
) -> None:
    """Check that the other map has the matching connection, with the opposite offset."""
    if found.map not in maps:
        raise found.line.error(f"a connection to map '{found.map}', which does not exist")
    back = maps[found.map].connections.get(OPPOSITE[side])
    if back is None or back.map != source.name or back.offset != -found.offset:
        raise found.line.error(
            f"map {found.map} should have 'connect {OPPOSITE[side]} {source.name} {-found.offset}' to match"
        )
