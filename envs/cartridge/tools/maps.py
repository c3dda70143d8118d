"""Compiler of maps to MapHeader structures (src/world.h), of events to EVENT_* IDs, and of shops."""

from __future__ import annotations

from pathlib import Path

from envs.cartridge.tools.assembler import where
from envs.cartridge.tools.emit import FarRef, IdRef, Output, Part, Table, u16
from envs.cartridge.tools.tables import files_of
from envs.cartridge.tools.worldcheck import check_maps
from envs.cartridge.world_text.errors import WorldError
from envs.cartridge.world_text.map_source import FACINGS, MOVEMENTS, SIDES, Line, MapSource, ObjectSource
from envs.cartridge.world_text.maps import load_maps

NO_MAP = 0xFF
NO_EVENT = 0xFFFF
MAP_IDS = 256
KINDS = ("script", "trainer", "boulder")
"""In the order of OBJ_SCRIPT, OBJ_TRAINER, OBJ_BOULDER of src/world.h."""


def compile(world: Path) -> Output:
    """Compile maps, events and shops. Raises WorldError."""
    out = Output()
    read_events(world, out)
    read_shops(world, out)
    maps = load_maps(world)
    check_maps(world, maps)
    symbols: list[str | None] = [None] * MAP_IDS
    for name, source in maps.items():
        out.ids[f"MAP_{name}"] = source.number
        symbols[source.number] = f"map_{name.lower()}"
        out.blob(f"map_{name.lower()}", header(source, maps, out))
    out.tables.append(Table("far_maps", symbols))
    return out


def header(source: MapSource, maps: dict[str, MapSource], out: Output) -> list[Part]:
    """Return a map's struct MapHeader."""
    data: list[Part] = [
        IdRef(f"TILESET_{source.tileset.upper()}", 1, where(source.line)),
        bytes([source.height // 2, source.width // 2]),
        metatile(source, source.border),
        bytes([source.flags]),
    ]
    for side in SIDES:
        found = source.connections.get(side)
        data.append(bytes([maps[found.map].number, found.offset & 0xFF]) if found else bytes([NO_MAP, 0]))
    data.append(part(source, "steps", [metatile(source, c) for row in source.rows for c in row.text], out))
    warps = [
        bytes([w.x, w.y, maps[w.map].number, w.dest_x, w.dest_y, FACINGS[w.facing]]) for w in source.warps
    ]
    lists: list[tuple[str, list[list[Part]]]] = [
        ("warps", [[warp] for warp in warps]),
        ("objects", [object_bytes(source, thing) for thing in source.objects]),
        ("signs", [[bytes([s.x, s.y]), script(source, s.line, s.script)] for s in source.signs]),
        ("triggers", [trigger_bytes(source, i) for i in range(len(source.triggers))]),
    ]
    for name, entries in lists:
        data += [bytes([len(entries)]), part(source, name, [p for entry in entries for p in entry], out)]
    data.append(bytes([source.wild_rate]))
    data.append(part(source, "wild", wild_bytes(source), out))
    data.append(script(source, *source.entry) if source.entry else u16(0))
    return data


def part(source: MapSource, name: str, data: list[Part], out: Output) -> FarRef:
    """Add a list of a map as its own blob, unless it is empty."""
    return out.blob(f"map_{source.name.lower()}_{name}", data) if data else FarRef(None)


def metatile(source: MapSource, character: str) -> IdRef:
    """Return the number of a layout's character in its tileset."""
    return IdRef(f"METATILE_{source.tileset.upper()}_{ord(character):02X}", 1, where(source.line))


def script(source: MapSource, line: Line, name: str) -> IdRef:
    """Return the number of one of the map's scripts. Raises WorldError if there is no such script."""
    if name not in source.scripts:
        raise line.error(f"map {source.name} has no script '{name}'")
    return IdRef(source.script_id(name), 2, where(line))


def event(line: Line, name: str | None) -> Part:
    """Return an event's number, or NO_EVENT."""
    return u16(NO_EVENT) if name is None else IdRef(f"EVENT_{name.upper()}", 2, where(line))


def object_bytes(source: MapSource, thing: ObjectSource) -> list[Part]:
    """Return a struct Object."""
    arg: Part = u16(0)
    if thing.kind == "trainer":
        arg = IdRef(f"TRAINER_{thing.arg.upper()}", 2, where(thing.line))
    elif thing.kind == "script":
        arg = script(source, thing.line, thing.arg)
    return [
        bytes([thing.x, thing.y]),
        IdRef(f"SPRITE_{thing.sprite.upper()}", 1, where(thing.line)),
        bytes([FACINGS[thing.facing], MOVEMENTS[thing.movement], KINDS.index(thing.kind), thing.sight]),
        arg,
        event(thing.line, thing.show),
        event(thing.line, thing.hide),
    ]


def trigger_bytes(source: MapSource, i: int) -> list[Part]:
    """Return a struct Trigger."""
    found = source.triggers[i]
    place = bytes([found.x, found.y, found.w, found.h])
    return [place, event(found.line, found.unless), script(source, found.line, found.script)]


def wild_bytes(source: MapSource) -> list[Part]:
    """Return the ten WildSlot structures of a map."""
    data: list[Part] = []
    for species, level in source.wild:
        assert source.wild_line is not None
        data += [bytes([level]), IdRef(f"SPECIES_{species.upper()}", 1, where(source.wild_line))]
    return data


def plain_lines(world: Path, kind: str) -> list[Line]:
    """Return the lines of world/KIND.txt and world/KIND_*.txt without comments and blank lines."""
    return [line for path in files_of(world, kind) for line in lines_of(path)]


def lines_of(path: Path) -> list[Line]:
    """Return the lines of a list file without comments and blank lines."""
    lines = [
        Line(path, i + 1, text.split("#")[0].strip())
        for i, text in enumerate(path.read_text("utf-8").splitlines())
    ]
    return [line for line in lines if line.text]


def read_events(world: Path, out: Output) -> None:
    """Add EVENT_NAME for each line ``NUMBER NAME`` (0x.. or decimal) of world/events*.txt."""
    taken: dict[int, str] = {}
    for line in plain_lines(world, "events"):
        try:
            value, name = int(line.words[0], 0), line.words[1]
        except (ValueError, IndexError):
            raise line.error(f"'{line.text}' should be 'NUMBER NAME'") from None
        if not 0 <= value < 2560 or value in taken or f"EVENT_{name}" in out.ids:
            raise line.error(f"event {value} {name}: numbers are 0 to 2559; numbers and names must be unique")
        taken[value] = name
        out.ids[f"EVENT_{name}"] = value


def read_shops(world: Path, out: Output) -> None:
    """Add far_shops from the lines ``NAME ITEM ITEM ...`` of world/shops*.txt."""
    symbols: list[str | None] = []
    for line in plain_lines(world, "shops"):
        name, *items = line.words
        if not 1 <= len(items) <= 8:
            raise WorldError(line.path, line.number, f"shop {name} should sell 1 to 8 items")
        out.ids[f"SHOP_{name}"] = len(symbols)
        symbols.append(f"shop_{name.lower()}")
        refs: list[Part] = [IdRef(f"ITEM_{item}", 1, where(line)) for item in items]
        out.blob(symbols[-1] or "", [bytes([len(items)]), *refs])
    out.tables.append(Table("far_shops", symbols))
