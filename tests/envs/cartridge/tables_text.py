"""Reader of the tables in envs/cartridge/world/ that shares no code with the compiler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from envs.cartridge import tools

WORLD = Path(tools.__file__).resolve().parents[1] / "world"


@dataclass(frozen=True)
class Creature:
    """A block of species.txt."""

    name: str
    dex: int
    types: tuple[str, ...]
    base: tuple[int, ...]
    exp: int
    evolve: tuple[str, ...]
    moves: tuple[str, ...]
    learn: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Trainer:
    """A block of trainers.txt."""

    kind: int
    money: int
    event: int
    party: tuple[tuple[int, str], ...]


def lines(name: str) -> list[str]:
    """Lines of a text that are neither blank nor comments."""
    read = (WORLD / name).read_text("utf-8").splitlines()
    return [line.split("#")[0].strip() for line in read if line.split("#")[0].strip()]


def blocks(name: str, starts: str) -> list[tuple[list[str], dict[str, str]]]:
    """Blocks whose second line starts with the word ``starts``: words of the head, then word -> rest."""
    every = lines(name)
    heads = [i - 1 for i, line in enumerate(every) if line.split()[0] == starts]
    found = []
    for start, stop in zip(heads, [*heads[1:], len(every)], strict=True):
        fields = dict(line.split(" ", 1) for line in every[start + 1 : stop])
        found.append((every[start].split(), fields))
    return found


def pairs(text: str) -> tuple[tuple[int, str], ...]:
    """``5 THIS, 7 THAT``."""
    return tuple((int(entry.split()[0]), entry.split()[1]) for entry in text.split(","))


@cache
def creatures() -> dict[int, Creature]:
    """Species id -> creature."""
    return {
        int(head[0]): Creature(
            head[1],
            int(fields["dex"]),
            tuple(fields["types"].split()),
            tuple(int(word) for word in fields["base"].split()),
            int(fields["exp"]),
            tuple(fields["evolve"].split()),
            tuple(fields["moves"].split()),
            pairs(fields["learn"]),
        )
        for head, fields in blocks("species.txt", "dex")
    }


@cache
def moves() -> dict[int, list[str]]:
    """Move id -> the other words of its line."""
    return {int(line.split()[0]): line.split()[1:] for line in lines("moves.txt")}


@cache
def items() -> dict[str, int]:
    """Item name -> id."""
    return {line.split()[1]: int(line.split()[0]) for line in lines("items.txt")}


def trainer(name: str) -> Trainer:
    """The trainer of that name."""
    head, fields = next(block for block in blocks("trainers.txt", "sprite") if block[0][0] == name)
    return Trainer(int(head[1]), int(fields["money"]), int(fields["event"], 0), pairs(fields["party"]))
