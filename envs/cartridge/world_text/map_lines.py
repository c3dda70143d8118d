"""Parsers of the one-line keywords of map files (see map_source.py for their syntax)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envs.cartridge.world_text.map_source import (
    FACINGS,
    FLAGS,
    MOVEMENTS,
    SIDES,
    WILD_SLOTS,
    ConnectionSource,
    Line,
    MapSource,
    ObjectSource,
    SignSource,
    TriggerSource,
    WarpSource,
    choice,
    number,
)

Take = Callable[[MapSource, Line, list[str]], None]
MOST_OBJECTS = 15


def step(source: MapSource, line: Line, x: str, y: str) -> tuple[int, int]:
    """Return coordinates on the map. Raises WorldError outside the layout, which has to come first."""
    if not source.rows:
        raise line.error("the layout should come before warps, signs, triggers and objects")
    at = number(line, x), number(line, y)
    if not source.inside(*at):
        raise line.error(
            f"({x}, {y}) is outside of map {source.name}, which is {source.width} x {source.height} steps"
        )
    return at


def tileset(source: MapSource, line: Line, words: list[str]) -> None:
    source.tileset = words[0]


def border(source: MapSource, line: Line, words: list[str]) -> None:
    source.border = words[0]


def flags(source: MapSource, line: Line, words: list[str]) -> None:
    for word in words:
        source.flags |= FLAGS[choice(line, word, FLAGS)]


def connect(source: MapSource, line: Line, words: list[str]) -> None:
    side = choice(line, words[0], dict.fromkeys(SIDES, 0))
    if side in source.connections:
        raise line.error(f"a second connection to the {side}")
    source.connections[side] = ConnectionSource(line, words[1], number(line, words[2], -128, 127))


def wild(source: MapSource, line: Line, words: list[str]) -> None:
    source.wild_rate = number(line, words[0], 1)
    source.wild_line = line
    for word in words[1:]:
        name, _, level = word.partition(":")
        source.wild.append((name, number(line, level, 1, 100)))


def entry(source: MapSource, line: Line, words: list[str]) -> None:
    source.entry = (line, words[0])


def warp(source: MapSource, line: Line, words: list[str]) -> None:
    x, y = step(source, line, words[0], words[1])
    dest = number(line, words[3]), number(line, words[4])
    source.warps.append(WarpSource(line, x, y, words[2], *dest, choice(line, words[5], FACINGS)))


def sign(source: MapSource, line: Line, words: list[str]) -> None:
    source.signs.append(SignSource(line, *step(source, line, words[0], words[1]), words[2]))


def trigger(source: MapSource, line: Line, words: list[str]) -> None:
    x, y = step(source, line, words[0], words[1])
    w, h = number(line, words[2], 1), number(line, words[3], 1)
    step(source, line, str(x + w - 1), str(y + h - 1))
    if len(words) == 7 and words[4] != "unless":
        raise line.error(f"'{words[4]}' should be 'unless'")
    unless = words[5] if len(words) == 7 else None
    source.triggers.append(TriggerSource(line, x, y, w, h, unless, words[-1]))


def object_(source: MapSource, line: Line, words: list[str]) -> None:
    name, sprite = words[:2]
    x, y = step(source, line, words[2], words[3])
    facing, movement = choice(line, words[4], FACINGS), choice(line, words[5], MOVEMENTS)
    kind = choice(line, words[6], KIND_WORDS)
    if len(words) < KIND_WORDS[kind]:
        raise line.error(f"'{line.text}': should be '{OBJECT_FORM}'")
    sight = number(line, words[8], 0, 8) if kind == "trainer" else 0
    extra = events_of(line, words[KIND_WORDS[kind] :])
    arg = words[7] if kind != "boulder" else ""
    if kind == "found":
        kind, arg, extra["hide"] = "script", f"found_{name}", words[8]
        lying(source, line, arg, words[7], words[8])
    if len(source.objects) == MOST_OBJECTS:
        raise line.error(f"more than {MOST_OBJECTS} objects on map {source.name}")
    if any(other.name == name for other in source.objects):
        raise line.error(f"a second object {name}")
    source.objects.append(
        ObjectSource(
            line,
            name,
            sprite,
            x,
            y,
            facing,
            movement,
            kind,
            arg,
            sight,
            extra.get("show"),
            extra.get("hide"),
        )
    )


def lying(source: MapSource, line: Line, script: str, item: str, event: str) -> None:
    """Add the script of an item lying on the map."""
    source.scripts[script] = [Line(line.path, line.number, f"found {item} {event}")]
    source.script_lines[script] = line


def hidden(source: MapSource, line: Line, words: list[str]) -> None:
    x, y = step(source, line, words[0], words[1])
    script = f"hidden_{x}_{y}"
    lying(source, line, script, words[2], words[3])
    source.signs.append(SignSource(line, x, y, script))


def events_of(line: Line, words: list[str]) -> dict[str, str]:
    """Return the pairs 'show EVENT' and 'hide EVENT' at the end of an object line."""
    if len(words) % 2 or any(word not in ("show", "hide") for word in words[::2]):
        raise line.error(f"'{' '.join(words)}' should be 'show EVENT' and 'hide EVENT'")
    return dict(zip(words[::2], words[1::2], strict=True))


KIND_WORDS = {"script": 8, "trainer": 9, "boulder": 7, "found": 9}
"""Number of words in an object line before 'show' and 'hide', by kind."""
OBJECT_FORM = (
    "object NAME SPRITE x y facing movement script SCRIPT | trainer TRAINER SIGHT | boulder"
    " | found ITEM EVENT [show EVENT] [hide EVENT]"
)
TAKERS: dict[str, tuple[Sequence[int], str, Take]] = {
    "tileset": ((1,), "tileset NAME", tileset),
    "border": ((1,), "border CHARACTER", border),
    "flags": (range(1, 4), "flags outdoor town dark", flags),
    "connect": ((3,), "connect SIDE MAP OFFSET", connect),
    "wild": ((1 + WILD_SLOTS,), f"wild RATE and {WILD_SLOTS} times SPECIES:LEVEL", wild),
    "entry": ((1,), "entry SCRIPT", entry),
    "warp": ((6,), "warp x y MAP x y facing", warp),
    "sign": ((3,), "sign x y SCRIPT", sign),
    "trigger": ((5, 7), "trigger x y w h [unless EVENT] SCRIPT", trigger),
    "hidden": ((4,), "hidden x y ITEM EVENT", hidden),
    "object": (range(7, 14), OBJECT_FORM, object_),
}
