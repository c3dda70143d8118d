"""Compiler of species, moves, items, trainers and types to the structures of src/world.h.

The text formats are explained at the top of each file. Every structure becomes one blob. Numbers defined in
other files (a learnt move, a party's species, a script) stay names until ``build.py`` resolves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envs.cartridge.tools.emit import FarRef, IdRef, Output, Part, Table, u16
from envs.cartridge.world_text.errors import WorldError

MAX_LEARN = 8
"""Number of (level, move) pairs in the Species structure."""
MAX_TRAINER_PARTY = 6
EFFECTS = (
    "none", "quick", "high_crit", "drain", "recoil", "poison", "sleep", "paralyze", "burn",
    *(f"{stat}_{change}" for change in ("down", "up", "down2", "up2")
      for stat in ("attack", "defense", "speed", "special", "accuracy")),
    "mend",
)  # fmt: skip
"""The position is the number in Move.effect; see enum EFFECT_* in src/battle.h."""
SPECIES_KEYS = frozenset(
    {"dex", "types", "look", "base", "catch", "exp", "evolve", "moves", "learn", "machines"}
)
TRAINER_KEYS = frozenset({"sprite", "money", "event", "ai", "party", "before", "lost", "after", "script"})
ITEM_EFFECTS = ("none", "ball", "heal", "cure", "repel", "exit", "revive", "teach")
ITEM_FLAGS = {"-": 0, "key": 1, "battle": 2}
MACHINES = ("cut", "swim", "push", "light")
"""Bits of Species.machines, lowest first; the order of FIELD_* in src/world.h."""
FACTORS = {"0": 0, "1/2": 5, "2": 20}
"""A type's factor in tenths, as in the ROM's chart."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a world text that is neither blank nor a comment."""

    path: Path
    at: int
    words: list[str]

    def wrong(self, message: str) -> WorldError:
        """Return an error that names this line."""
        return WorldError(self.path, self.at, message)

    def rest(self) -> str:
        """Return all words but the first."""
        return " ".join(self.words[1:])

    def number(self, word: str, low: int = 0, high: int = 255) -> int:
        """Parse ``word`` as a number (0x for hexadecimal). Raises WorldError outside low..high."""
        try:
            value = int(word, 0)
        except ValueError:
            raise self.wrong(f"{word!r} is not a number") from None
        if not low <= value <= high:
            raise self.wrong(f"{value} is not within {low}..{high}")
        return value

    def name(self, word: str, room: int) -> bytes:
        """Encode a displayed name in ``room`` bytes, the last of which is 0."""
        text = word.replace("_", " ").encode("ascii", "replace")
        if len(text) >= room:
            raise self.wrong(f"{word!r} is longer than {room - 1} letters")
        return text.ljust(room, b"\0")


def read_lines(path: Path) -> Iterator[Line]:
    """Read the lines of a world text without comments and blank lines."""
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = raw.split("#")[0].split()
        if words:
            yield Line(path, number, words)


def files_of(world: Path, kind: str) -> list[Path]:
    """Return ``world/KIND.txt`` and ``world/KIND_*.txt``, sorted. Raises WorldError if there is none."""
    found = sorted([*world.glob(f"{kind}.txt"), *world.glob(f"{kind}_*.txt")])
    if not found:
        raise WorldError(world / f"{kind}.txt", 1, "there is no such file")
    return found


def read_all(world: Path, kind: str) -> Iterator[Line]:
    """Read the lines of every file of a kind."""
    for path in files_of(world, kind):
        yield from read_lines(path)


def read_every_block(world: Path, kind: str, keys: frozenset[str]) -> Iterator[tuple[Line, dict[str, Line]]]:
    """Read the blocks of every file of a kind."""
    for path in files_of(world, kind):
        yield from read_blocks(path, keys)


def read_blocks(path: Path, keys: frozenset[str]) -> Iterator[tuple[Line, dict[str, Line]]]:
    """Read blocks: a head line, and the lines after it that start with one of ``keys``."""
    head: Line | None = None
    fields: dict[str, Line] = {}
    for line in read_lines(path):
        if line.words[0] in keys:
            if head is None:
                raise line.wrong("stands before the first block")
            fields[line.words[0]] = line
            continue
        if head is not None:
            yield head, fields
        head, fields = line, {}
    if head is not None:
        yield head, fields


def need(head: Line, fields: dict[str, Line], *keys: str) -> list[Line]:
    """Return the named lines of a block. Raises WorldError for the first that is missing."""
    for key in keys:
        if key not in fields:
            raise head.wrong(f"the block has no line {key!r}")
    return [fields[key] for key in keys]


def type_ids(world: Path) -> dict[str, int]:
    """Return type IDs by name."""
    lines = [line for line in read_lines(world / "types.txt") if line.words[0] == "type"]
    if bad := [line for line in lines if len(line.words) != 3]:
        raise bad[0].wrong("expected: type id NAME")
    return {line.words[2]: line.number(line.words[1]) for line in lines}


def type_chart(world: Path) -> bytes:
    """Return triples (attacking, defending, factor in tenths), terminated by 0xFF."""
    types = type_ids(world)
    chart = bytearray()
    for line in read_lines(world / "types.txt"):
        if line.words[0] == "type":
            continue
        if len(line.words) != 3 or line.words[2] not in FACTORS:
            raise line.wrong(f"expected: attacking defending factor, factor one of {', '.join(FACTORS)}")
        for word in line.words[:2]:
            if word not in types:
                raise line.wrong(f"unknown type {word!r}")
        chart += bytes((types[line.words[0]], types[line.words[1]], FACTORS[line.words[2]]))
    return bytes(chart) + b"\xff"


def id_ref(line: Line, kind: str, name: str) -> IdRef:
    """Return a reference to an ID resolved later, with the place to name if it is missing."""
    return IdRef(f"{kind}_{name.upper()}", 1, f"{line.path.name}:{line.at}")


def pairs(line: Line, kind: str, limit: int) -> list[Part]:
    """Encode ``level NAME, level NAME`` as (level, ID) bytes."""
    out: list[Part] = []
    entries = [entry.split() for entry in line.rest().split(",")]
    if len(entries) > limit or any(len(entry) != 2 for entry in entries):
        raise line.wrong(f"expected at most {limit} pairs 'level NAME', separated by commas")
    for level, name in entries:
        out += [bytes([line.number(level, 1, 100)]), id_ref(line, kind, name)]
    return out


def machine_bits(line: Line) -> int:
    """Return the bits of Species.machines."""
    words = [word for word in line.words[1:] if word != "-"]
    if unknown := [word for word in words if word not in MACHINES]:
        raise line.wrong(f"unknown field move {unknown[0]!r}; known are {', '.join(MACHINES)}")
    return sum(1 << MACHINES.index(word) for word in set(words))


def species(world: Path, out: Output) -> list[str]:
    """Add one blob per creature, in the order of the file."""
    types = type_ids(world)
    symbols = []
    for head, fields in read_every_block(world, "species", SPECIES_KEYS):
        keys = ("dex", "types", "base", "catch", "exp", "evolve", "moves", "learn", "machines")
        dex, kinds, base, catch, exp, evolve, moves, learn, machines = need(head, fields, *keys)
        number, name = head.number(head.words[0], 1, 190), head.words[1]
        if unknown := [word for word in kinds.words[1:] if word not in types]:
            raise kinds.wrong(f"unknown type {unknown[0]!r}")
        if len(base.words) != 6 or not 2 <= len(kinds.words) <= 3 or not 2 <= len(moves.words) <= 5:
            raise head.wrong("needs 5 base stats, 1 or 2 types and 1 to 4 first moves")
        dex_number = dex.number(dex.words[1], 1, 151)
        data: list[Part] = [bytes([number, dex_number, types[kinds.words[1]], types[kinds.words[-1]]])]
        data.append(bytes([base.number(word, 1) for word in base.words[1:]]))
        data.append(
            bytes([catch.number(catch.words[1], 1), exp.number(exp.words[1], 1), machine_bits(machines)])
        )
        evolves = evolve.words[1] != "-"
        data += pairs(evolve, "SPECIES", 1) if evolves else [bytes(2)]
        data += [id_ref(moves, "MOVE", word) for word in moves.words[1:]]
        learnt = pairs(learn, "MOVE", MAX_LEARN)
        data += [bytes(5 - len(moves.words)), bytes([len(learnt) // 2])]
        data += [*learnt, bytes(2 * MAX_LEARN - len(learnt))]
        data.append(head.name(name, 11))
        data += [FarRef(f"picture_{name.lower()}_{side}") for side in ("front", "back")]
        out.ids[f"SPECIES_{name}"] = number
        symbols.append(f"species_{name.lower()}")
        out.blob(symbols[-1], data)
    return symbols


def moves(world: Path, out: Output) -> list[str]:
    """Add one blob per move; the chance of a side effect is the last byte, after the name."""
    types = type_ids(world)
    symbols = []
    for line in read_all(world, "moves"):
        if not 7 <= len(line.words) <= 8:
            raise line.wrong("expected: id NAME type power accuracy power-points effect [chance]")
        number, name, kind, power, accuracy, points, effect = line.words[:7]
        if kind not in types or effect not in EFFECTS:
            raise line.wrong(f"unknown type {kind!r}" if kind not in types else f"unknown effect {effect!r}")
        chance = line.number(line.words[7], 1) if len(line.words) == 8 else 0
        head = (line.number(number, 1), EFFECTS.index(effect), line.number(power), types[kind])
        fixed = (*head, line.number(accuracy, 1), line.number(points, 1, 63))
        out.ids[f"MOVE_{name}"] = fixed[0]
        symbols.append(f"move_{name.lower()}")
        out.blob(symbols[-1], bytes(fixed) + line.name(name, 13) + bytes([chance]))
    return symbols


def items(world: Path, out: Output) -> list[str]:
    """Add one blob per item."""
    symbols = []
    for line in read_all(world, "items"):
        if len(line.words) != 6:
            raise line.wrong("expected: id NAME price effect argument flags")
        number, name, price, effect, argument, flag = line.words
        if effect not in ITEM_EFFECTS or flag not in ITEM_FLAGS:
            raise line.wrong(f"unknown effect {effect!r} or unknown flag {flag!r}")
        head = bytes((line.number(number, 1), ITEM_EFFECTS.index(effect), line.number(argument)))
        tail = u16(line.number(price, 0, 9999)) + bytes([ITEM_FLAGS[flag]]) + line.name(name, 13)
        out.ids[f"ITEM_{name}"] = head[0]
        symbols.append(f"item_{name.lower()}")
        out.blob(symbols[-1], head + tail)
    return symbols


def trainers(world: Path, out: Output) -> list[str]:
    """Add one blob per trainer, in the order of the file; TRAINER_* IDs count from 0."""
    symbols: list[str] = []
    for head, fields in read_every_block(world, "trainers", TRAINER_KEYS):
        sprite, money, event, ai, party = need(head, fields, "sprite", "money", "event", "ai", "party")
        name, where = head.words[0].upper(), f"{head.path.name}:{head.at}"
        kind = bytes([head.number(head.words[1], 1, 47)])
        data: list[Part] = [kind, id_ref(sprite, "SPRITE", sprite.words[1])]
        data += [u16(money.number(money.words[1], 0, 9999)), u16(event.number(event.words[1], 0, 2559))]
        for line in need(head, fields, "before", "lost", "after"):
            text = f"{name}_{line.words[0].upper()}"
            out.texts[text] = line.rest().replace("//", "\f").replace("/", "\n")
            data.append(IdRef(f"TEXT_{text}", 2, where))
        script = fields.get("script")
        data.append(IdRef(f"SCRIPT_{script.words[1].upper()}", 2, where) if script else bytes(2))
        team = pairs(party, "SPECIES", MAX_TRAINER_PARTY)
        data += [bytes([len(team) // 2]), *team, bytes(2 * MAX_TRAINER_PARTY - len(team))]
        data += [bytes([ai.number(ai.words[1], 0, 1)]), head.name(" ".join(head.words[2:]), 13)]
        if f"TRAINER_{name}" in out.ids:
            raise head.wrong(f"a second trainer {name}")
        out.ids[f"TRAINER_{name}"] = len(symbols)
        symbols.append(f"trainer_{name.lower()}")
        out.blob(symbols[-1], data)
    return symbols


def compile(world: Path) -> Output:
    """Compile all tables of the folder ``world``. Raises WorldError."""
    out = Output()
    for kind, make in (("species", species), ("moves", moves), ("items", items), ("trainers", trainers)):
        symbols = make(world, out)
        out.tables.append(Table(f"far_{kind}", list(symbols)))
        out.numbers[f"n_{kind}"] = len(symbols)
    out.ids.update({f"TYPE_{name.upper()}": number for name, number in type_ids(world).items()})
    out.blob("type_chart", type_chart(world))
    out.tables.append(Table("far_types", ["type_chart"], single=True))
    return out
