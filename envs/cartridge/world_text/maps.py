"""Reader of ``world/maps/*.txt``, whose syntax is described in map_source.py."""

from __future__ import annotations

from pathlib import Path

from envs.cartridge.world_text.errors import WorldError
from envs.cartridge.world_text.map_lines import TAKERS
from envs.cartridge.world_text.map_source import Line, MapSource


def load_maps(world: Path) -> dict[str, MapSource]:
    """Read every map of ``world/maps``, by name, in the order of their numbers. Raises WorldError."""
    maps: dict[str, MapSource] = {}
    for path in sorted((world / "maps").glob("*.txt")):
        source = parse_map(path)
        twin = next((m for m in maps.values() if m.name == source.name or m.number == source.number), None)
        if twin is not None:
            raise source.line.error(f"map {source.number} {source.name} is already in {twin.line.path.name}")
        maps[source.name] = source
    return dict(sorted(maps.items(), key=lambda item: item[1].number))


def parse_map(path: Path) -> MapSource:
    """Read one map file. Raises WorldError."""
    lines = [Line(path, i + 1, text.rstrip()) for i, text in enumerate(path.read_text("utf-8").splitlines())]
    source: MapSource | None = None
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        if not line.text or line.text.startswith("#"):
            continue
        if source is None:
            source = parse_head(line)
        elif line.words[0] in ("layout", "script"):
            stop = find_end(lines, position)
            take_block(source, line, lines[position:stop])
            position = stop + 1
        else:
            take_line(source, line)
    if source is None:
        raise WorldError(path, 1, "an empty file; the first line should be 'map NUMBER NAME'")
    check_form(source)
    return source


def parse_head(line: Line) -> MapSource:
    """Parse the first line: map NUMBER NAME."""
    words = line.words
    if len(words) != 3 or words[0] != "map" or not words[1].isdigit() or int(words[1]) > 254:
        raise line.error(
            f"'{line.text}': the first line should be 'map NUMBER NAME' with a number of 0 to 254"
        )
    return MapSource(line, int(words[1]), words[2])


def find_end(lines: list[Line], start: int) -> int:
    """Return the index of the ``end`` in the first column that closes the block begun before ``start``."""
    for i in range(start, len(lines)):
        if lines[i].text == "end":
            return i
    raise lines[start - 1].error(f"the {lines[start - 1].words[0]} has no 'end' in the first column")


def take_block(source: MapSource, line: Line, body: list[Line]) -> None:
    """Parse a layout or a script."""
    if line.words[0] == "layout":
        if source.rows:
            raise line.error("a second layout; a map has one")
        source.rows = body
        return
    if len(line.words) != 2:
        raise line.error(f"'{line.text}': should be 'script NAME'")
    name = line.words[1]
    if name in source.scripts:
        raise line.error(f"a second script {name}")
    source.scripts[name] = body
    source.script_lines[name] = line


def take_line(source: MapSource, line: Line) -> None:
    """Parse a line outside blocks."""
    keyword, *words = line.words
    if keyword not in TAKERS:
        raise line.error(
            f"unknown keyword '{keyword}'; known are {', '.join(sorted(TAKERS))}, layout, script"
        )
    counts, form, take = TAKERS[keyword]
    if len(words) not in counts:
        raise line.error(f"'{line.text}': should be '{form}'")
    take(source, line, words)


def check_form(source: MapSource) -> None:
    """Check a map as far as possible without other files. Raises WorldError."""
    if not source.tileset:
        raise source.line.error(f"map {source.name} has no 'tileset' line")
    if len(source.border) != 1:
        raise source.line.error(f"map {source.name} has no 'border' line with one character")
    if not source.rows or source.height % 2 or source.width % 2 or not source.width:
        raise source.line.error(
            f"map {source.name}: the layout should have an even number of rows and columns"
        )
    for row in source.rows:
        if len(row.text) != source.width:
            raise row.error(f"this row has {len(row.text)} characters; the first has {source.width}")
