"""Facts about moves, types, creatures and items, read from the cartridge's world texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from envs.cartridge.tools.tables import SPECIES_KEYS, read_all, read_every_block, read_lines
from envs.cartridge.walkthrough.atlas import WORLD

SAME_TYPE = 1.5
MEND_WORTH = 60.0


@dataclass(frozen=True, slots=True)
class MoveLore:
    """A move: its type, power, chance to hit (0 to 1) and effect."""

    name: str
    type: str
    power: int
    accuracy: float
    effect: str


@cache
def moves() -> dict[int, MoveLore]:
    """Return every move by ID."""
    found = {}
    for line in read_all(WORLD, "moves"):
        number, name, kind, power, accuracy, _, effect = line.words[:7]
        found[int(number, 0)] = MoveLore(name, kind, int(power), int(accuracy) / 255, effect)
    return found


@cache
def species_names() -> dict[str, int]:
    """Return IDs of creatures by their names on the screen."""
    return {
        head.words[1].replace("_", " "): int(head.words[0], 0)
        for head, _ in read_every_block(WORLD, "species", SPECIES_KEYS)
    }


@cache
def move_names() -> dict[str, int]:
    """Return IDs of moves by their names on the screen."""
    return {move.name.replace("_", " "): number for number, move in moves().items()}


@cache
def healing() -> dict[int, int]:
    """Return the HP that potions restore, by item ID; drinks also heal, but are kept for the guards."""
    lines = [line.words for line in read_all(WORLD, "items")]
    return {int(words[0], 0): int(words[4]) for words in lines if "POTION" in words[1]}


@cache
def prices() -> dict[str, int]:
    """Return the prices of items by name."""
    return {line.words[1]: int(line.words[2]) for line in read_all(WORLD, "items")}


@cache
def species_types() -> dict[int, tuple[str, ...]]:
    """Return the types of every creature by species ID."""
    return {
        int(head.words[0], 0): tuple(fields["types"].words[1:])
        for head, fields in read_every_block(WORLD, "species", SPECIES_KEYS)
    }


@cache
def chart() -> dict[tuple[str, str], float]:
    """Return the factor of an attacking type against a defending one, where it is not 1."""
    lines = [line.words for line in read_lines(WORLD / "types.txt") if line.words[0] != "type"]
    return {(attack, defend): float(Fraction(factor)) for attack, defend, factor in lines}


def worth(move: int, own_species: int, foe_species: int) -> float:
    """Return the expected damage of a move, up to a factor common to all moves in a battle."""
    known = moves().get(move)
    if known is None:
        return 0.0
    value = known.power * known.accuracy
    if known.type in species_types().get(own_species, ()):
        value *= SAME_TYPE
    for kind in species_types().get(foe_species, ()):
        value *= chart().get((known.type, kind), 1.0)
    return value


def mends(move: int) -> bool:
    """Whether a move restores half of the user's HP."""
    return move in moves() and moves()[move].effect == "mend"


def usefulness(move: int, species: int) -> float:
    """Return the expected damage of a move against no particular enemy; healing counts as a good hit."""
    known = moves().get(move)
    if known is None:
        return 0.0
    if mends(move):
        return MEND_WORTH
    same_type = SAME_TYPE if known.type in species_types().get(species, ()) else 1.0
    return known.power * known.accuracy * same_type


def usefulness_among(move: int, others: Collection[int], species: int) -> float:
    """Return usefulness, halved if one of the other moves is better and of the same type."""
    value = usefulness(move, species)
    if move not in moves() or mends(move):
        return value
    twins = (other for other in others if other in moves() and moves()[other].type == moves()[move].type)
    better = any(usefulness(twin, species) > value for twin in twins if not mends(twin))
    return value / 2 if better else value
