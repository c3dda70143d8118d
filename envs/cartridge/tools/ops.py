"""Compilation of each statement of a script (scripts.py lists the statements)."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.tools.assembler import SPEAKER, Assembler, Block, Jump, where
from envs.cartridge.tools.emit import IdRef, Part
from envs.cartridge.world_text.map_source import DIRECTIONS, FACINGS, Line, choice, number

Operands = list[int | Part | Jump]
Make = Callable[[Assembler, Line, str], Operands]
"""Turns one word of a statement into operand bytes."""


def ids(kind: str, size: int = 1) -> Make:
    """A word that names an ID."""

    def make(code: Assembler, line: Line, word: str) -> Operands:
        return [IdRef(f"{kind}_{word.upper()}", size, where(line))]

    return make


def numbers(low: int, high: int, size: int = 1) -> Make:
    """A word that is a number."""

    def make(code: Assembler, line: Line, word: str) -> Operands:
        return [number(line, word, low, high).to_bytes(size, "little")]

    return make


def map_number(code: Assembler, line: Line, word: str) -> Operands:
    """A word that names a map; later statements refer to that map."""
    if word not in code.maps:
        raise line.error(f"no map '{word}'")
    code.here = code.maps[word]
    return [code.here.number]


def map_name(code: Assembler, line: Line, word: str) -> Operands:
    """A word that names a map."""
    if word not in code.maps:
        raise line.error(f"no map '{word}'")
    return [code.maps[word].number]


def facing(code: Assembler, line: Line, word: str) -> Operands:
    """down, up, left, right as the facing byte of RAM."""
    return [FACINGS[choice(line, word, FACINGS)]]


def direction(code: Assembler, line: Line, word: str) -> Operands:
    """down, up, left, right as numbered in scripts."""
    return [DIRECTIONS[choice(line, word, DIRECTIONS)]]


def thing(code: Assembler, line: Line, word: str) -> Operands:
    """An object of the map, or the one spoken to."""
    return [SPEAKER if word == "speaker" else code.object(line, word)]


FIELD_MOVES = {"cut": 0, "swim": 1, "push": 2, "light": 3}
"""Values of FIELD_* in src/world.h."""


def field_move(code: Assembler, line: Line, word: str) -> Operands:
    """cut, swim, push or light."""
    return [FIELD_MOVES[choice(line, word, FIELD_MOVES)]]


def metatile(code: Assembler, line: Line, word: str) -> Operands:
    """A character of the map's layout. Raises WorldError for more than one."""
    if len(word) != 1:
        raise line.error(f"'{word}' should be one character of the layout")
    return [IdRef(f"METATILE_{code.here.tileset.upper()}_{ord(word):02X}", 1, where(line))]


BYTE = numbers(0, 255)
VAR = numbers(0, 15)
BADGE = numbers(0, 7)
SIMPLE: dict[str, tuple[str, tuple[Make, ...]]] = {
    "stop": ("END", ()),
    "set": ("SET_EVENT", (ids("EVENT", 2),)),
    "clear": ("CLEAR_EVENT", (ids("EVENT", 2),)),
    "give": ("GIVE_ITEM", (ids("ITEM"), BYTE)),
    "take": ("TAKE_ITEM", (ids("ITEM"), BYTE)),
    "pay": ("PAY", (numbers(0, 65535, 2),)),
    "give_mon": ("GIVE_MON", (ids("SPECIES"), numbers(1, 100))),
    "heal": ("HEAL", ()),
    "shop": ("SHOP", (ids("SHOP"),)),
    "badge": ("GIVE_BADGE", (BADGE,)),
    "blackout": ("SET_BLACKOUT", (map_name,)),
    "delay": ("DELAY", (BYTE,)),
    "var": ("SET_VAR", (VAR, BYTE)),
    "battle": ("TRAINER", (ids("TRAINER"),)),
    "first_battle": ("STARTER_RIVAL_LOSS_OK", (ids("TRAINER"),)),
    "wild_battle": ("WILD", (ids("SPECIES"), numbers(1, 100))),
    "warp": ("WARP", (map_number, BYTE, BYTE, facing)),
    "face_player": ("FACE_TO_PLAYER", (thing,)),
    "place": ("PLACE_OBJECT", (thing, BYTE, BYTE)),
    "box": ("BOX", ()),
    "tile": ("SET_TILE", (BYTE, BYTE, metatile)),
    "ending": ("ENDING", ()),
    "goto_centre": ("CENTRE", ()),
    "show": ("SHOW_OBJECT", (thing,)),
    "hide": ("HIDE_OBJECT", (thing,)),
}
CONDITIONS: dict[str, tuple[str, str | None, tuple[Make, ...]]] = {
    "event": ("IF_EVENT", "IFNOT_EVENT", (ids("EVENT", 2),)),
    "yes": ("IF_RESULT", "IFNOT_RESULT", ()),
    "done": ("IF_RESULT", "IFNOT_RESULT", ()),
    "item": ("IF_ITEM", None, (ids("ITEM"),)),
    "badge": ("IF_BADGE", None, (BADGE,)),
    "var": ("IF_VAR", None, (VAR, BYTE)),
    "badges": ("IF_BADGES", None, (numbers(1, 8),)),
    "field": ("IF_FIELD", None, (field_move,)),
}
"""Operation that jumps if true, operation that jumps if false (or None), operands."""
SPECIAL: dict[str, Callable[[Assembler, Line, list[str]], None]] = {}


def statement(code: Assembler, line: Line) -> None:
    """Compile one line. Raises WorldError."""
    keyword, *words = line.words
    if keyword in SPECIAL:
        SPECIAL[keyword](code, line, words)
    elif keyword in SIMPLE:
        name, makes = SIMPLE[keyword]
        code.op(name, *operands(code, line, words, makes))
    else:
        raise line.error(f"unknown statement '{keyword}'; known are {', '.join(sorted((*SIMPLE, *SPECIAL)))}")


def operands(code: Assembler, line: Line, words: list[str], makes: tuple[Make, ...]) -> Operands:
    """Compile the operands of a statement. Raises WorldError for a wrong number of words."""
    if len(words) != len(makes):
        raise line.error(f"'{line.text.strip()}': should have {len(makes)} words after the keyword")
    return [part for word, make in zip(words, makes, strict=True) for part in make(code, line, word)]


def say(code: Assembler, line: Line, words: list[str]) -> None:
    code.op("TEXT", code.text(line, " ".join(words)))


def ask(code: Assembler, line: Line, words: list[str]) -> None:
    code.op("ASK", code.text(line, " ".join(words)))


def if_(code: Assembler, line: Line, words: list[str]) -> None:
    negate = words[:1] == ["not"]
    kind, *rest = words[negate:] or [""]
    if kind not in CONDITIONS:
        raise line.error(
            f"unknown condition '{kind}'; known are {', '.join(CONDITIONS)}, each also with 'not'"
        )
    jump_true, jump_false, makes = CONDITIONS[kind]
    values = operands(code, line, rest, makes)
    otherwise = code.label()
    if negate:
        code.op(jump_true, *values, Jump(otherwise))
    elif jump_false is not None:
        code.op(jump_false, *values, Jump(otherwise))
    else:
        then = code.label()
        code.op(jump_true, *values, Jump(then))
        code.op("GOTO", Jump(otherwise))
        code.place(then)
    code.blocks.append(Block(line, otherwise))


def else_(code: Assembler, line: Line, words: list[str]) -> None:
    if not code.blocks or code.blocks[-1].after is not None:
        raise line.error("an 'else' without its 'if'")
    block = code.blocks[-1]
    block.after = code.label()
    code.op("GOTO", Jump(block.after))
    code.place(block.otherwise)


def end(code: Assembler, line: Line, words: list[str]) -> None:
    if not code.blocks:
        raise line.error("an 'end' without its 'if'")
    block = code.blocks.pop()
    code.place(block.otherwise if block.after is None else block.after)


def walk(code: Assembler, line: Line, words: list[str]) -> None:
    if len(words) < 2:
        raise line.error("should be 'walk player|OBJECT DIRECTION[*N] ...'")
    path: list[int] = []
    for word in words[1:]:
        name, star, count = word.partition("*")
        path += [DIRECTIONS[choice(line, name, DIRECTIONS)]] * (number(line, count, 1, 40) if star else 1)
    if words[0] == "player":
        code.op("WALK_PLAYER", len(path), bytes(path))
    else:
        code.op("WALK_OBJECT", code.object(line, words[0]), len(path), bytes(path))


def face(code: Assembler, line: Line, words: list[str]) -> None:
    if words[:1] == ["player"]:
        code.op("FACE_PLAYER", *operands(code, line, words[1:], (direction,)))
    else:
        code.op("FACE_OBJECT", *operands(code, line, words, (thing, direction)))


def found(code: Assembler, line: Line, words: list[str]) -> None:
    """``found ITEM EVENT``: take the item once, if the bag has room for it."""
    if len(words) != 2:
        raise line.error("should be 'found ITEM EVENT'")
    over, full = code.label(), code.label()
    event, item = ids("EVENT", 2)(code, line, words[1]), ids("ITEM")(code, line, words[0])
    code.op("IF_EVENT", *event, Jump(over))
    code.op("GIVE_ITEM", *item, 1)
    code.op("IFNOT_RESULT", Jump(full))
    code.op("SET_EVENT", *event)
    code.op("TEXT", code.text(line, "{player} found " + words[0].replace("_", " ") + "!"))
    code.op("GOTO", Jump(over))
    code.place(full)
    code.op("TEXT", code.text(line, "Something is here, but your bag is full."))
    code.place(over)


SPECIAL.update(
    {"found": found, "say": say, "ask": ask, "if": if_, "else": else_, "end": end, "walk": walk, "face": face}
)
