"""Tests of creatures, moves, items, trainers and types: consistent, and compiled as in src/world.h."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from envs.cartridge.tools import emit, tables
from envs.cartridge.world_text.errors import WorldError
from tests.envs.cartridge.tables_text import WORLD, blocks, creatures, items, lines, moves, trainer

SIZES = {"species": 52, "move": 20, "item": 19, "trainer": 41}
"""Bytes of the structures Species, Move, Item and Trainer in src/world.h."""
FIRST_SPECIAL = 0x14
TRAINERS = [head[0] for head, _ in blocks("trainers.txt", "sprite")]


def type_numbers() -> dict[str, int]:
    return {
        line.split()[2]: int(line.split()[1], 0) for line in lines("types.txt") if line.startswith("type ")
    }


def chart() -> dict[tuple[str, str], str]:
    entries = [line.split() for line in lines("types.txt") if not line.startswith("type ")]
    return {(attack, target): factor for attack, target, factor in entries}


def powers() -> dict[str, int]:
    """Move name -> power."""
    return {words[0]: int(words[2]) for words in moves().values()}


def ids() -> dict[str, int]:
    return tables.compile(WORLD).ids


# --- types ---
def test_four_types_form_a_circle() -> None:
    strong = chart()
    circle = ("leaf", "spark", "water", "fire")
    for attack, target in zip(circle, (*circle[1:], circle[0]), strict=True):
        assert strong[attack, target] == "2"
        assert strong[target, attack] == "1/2"
        assert type_numbers()[attack] >= FIRST_SPECIAL


def test_every_pair_of_types_is_listed_once() -> None:
    entries = [tuple(line.split()[:2]) for line in lines("types.txt") if not line.startswith("type ")]
    assert not [pair for pair, times in Counter(entries).items() if times > 1]
    known = type_numbers()
    assert {name for pair in entries for name in pair} <= set(known)
    assert len(set(known.values())) == len(known)


def test_no_type_is_immune_to_another() -> None:
    assert "0" not in chart().values()


# --- creatures ---
def test_ids_numbers_and_names_of_creatures_are_unique() -> None:
    every = creatures()
    assert len(every) >= 14
    assert all(1 <= number <= 190 for number in every)
    assert len({mon.dex for mon in every.values()}) == len(every)
    assert len({mon.name for mon in every.values()}) == len(every)
    assert all(1 <= mon.dex <= 151 and len(mon.name) <= 10 for mon in every.values())


def test_required_species_have_their_types() -> None:
    every = creatures()
    roles = {
        153: "leaf",
        177: "water",
        176: "fire",
        165: "normal",
        36: "flying",
        123: "bug",
        84: "spark",
        169: "rock",
    }
    assert {number: kind for number, kind in roles.items() if kind not in every[number].types} == {}


@pytest.mark.parametrize("number", creatures())
def test_a_creature_can_fight_and_learn(number: int) -> None:
    mon, power = creatures()[number], powers()
    assert len(mon.base) == 5
    assert all(1 <= value <= 255 for value in mon.base)
    assert any(power[move] for move in mon.moves)
    levels = [level for level, _ in mon.learn]
    assert levels == sorted(levels)
    assert len(mon.learn) <= tables.MAX_LEARN
    assert all(move in power for _, move in mon.learn)
    assert set(mon.types) <= set(type_numbers())


def test_evolutions_lead_up_and_end() -> None:
    by_name = {mon.name: mon for mon in creatures().values()}
    for mon in by_name.values():
        seen, last = [mon.name], 0
        while by_name[seen[-1]].evolve != ("-",):
            level, into = by_name[seen[-1]].evolve
            assert int(level) > last
            assert into not in seen
            last = int(level)
            seen.append(into)
        if len(seen) > 1:
            assert sum(by_name[seen[-1]].base) > sum(mon.base)


# --- moves and items ---
def test_moves_have_unique_ids_and_known_effects() -> None:
    every = moves()
    assert len(every) >= 25
    assert len(every) == len(lines("moves.txt"))
    effects = {words[5] for words in every.values()}
    assert effects <= set(tables.EFFECTS)
    assert {"poison", "sleep", "paralyze", "high_crit", "drain", "attack_down", "defense_up"} <= effects
    assert every[165][0] == "LAST_GASP"


def test_required_items_have_their_ids() -> None:
    ids = {4: "CATCH_BALL", 20: "POTION", 11: "ANTIDOTE", 15: "UNNUMBER", 14: "WAKE_BELL", 70: "PARCEL"}
    assert {number: name for number, name in ids.items() if items().get(name) != number} == {}


# --- trainers ---
@pytest.mark.parametrize("name", TRAINERS)
def test_a_trainer_has_a_team_and_an_event(name: str) -> None:
    who = trainer(name)
    assert 1 <= len(who.party) <= 6
    assert who.money > 0
    assert all(2 <= level <= 100 for level, _ in who.party)


def test_each_rivals_creature_beats_the_players() -> None:
    by_name = {mon.name: mon for mon in creatures().values()}
    beaten = {"rival_leaf": "water", "rival_fire": "leaf", "rival_water": "fire"}
    for name, kind in beaten.items():
        ((_, species),) = trainer(name).party
        assert chart()[by_name[species].types[0], kind] == "2"


def test_trainers_other_than_the_rival_have_unique_events() -> None:
    events = [trainer(name).event for name in TRAINERS if not name.startswith("rival")]
    assert len(set(events)) == len(events)
    assert trainer("leader_1").event == 0x077


# --- compiled ---
def test_structures_are_as_large_as_in_c() -> None:
    for blob in tables.compile(WORLD).blobs:
        kind = blob.symbol.split("_")[0]
        assert blob.size() == SIZES.get(kind, blob.size())


@pytest.mark.parametrize("number", creatures())
def test_a_compiled_creature_matches_the_text(number: int) -> None:
    mon, known = creatures()[number], type_numbers()
    blob = next(b for b in tables.compile(WORLD).blobs if b.symbol == f"species_{mon.name.lower()}")
    flat = b"".join(
        part
        if isinstance(part, bytes)
        else bytes(3)
        if isinstance(part, emit.FarRef)
        else bytes([ids()[part.name]])
        for part in blob.parts()
    )
    assert tuple(flat[:4]) == (number, mon.dex, known[mon.types[0]], known[mon.types[-1]])
    assert tuple(flat[4:9]) == mon.base
    assert flat[10] == mon.exp
    assert flat[18] == len(mon.learn)
    learnt = [(flat[19 + 2 * i], flat[20 + 2 * i]) for i in range(flat[18])]
    assert learnt == [(level, ids()[f"MOVE_{move}"]) for level, move in mon.learn]
    assert flat[35:46].rstrip(b"\0").decode() == mon.name


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("species.txt", "dex 1\n", "dex 152\n", r"species.txt:\d+: 152 is not within 1..151"),
        ("species.txt", "types leaf\n", "types moss\n", r"species.txt:\d+: unknown type 'moss'"),
        ("species.txt", "TREFAWN", "TREFAWNETTES", r"species.txt:\d+: 'TREFAWNETTES' is longer than 10"),
        ("species.txt", "catch 45\n", "", r"species.txt:\d+: the block has no line 'catch'"),
        ("moves.txt", "15  burn 26", "15  blaze 26", r"moves.txt:\d+: unknown effect 'blaze'"),
        (
            "moves.txt",
            "CLAW         normal  40",
            "CLAW normal forty",
            r"moves.txt:\d+: 'forty' is not a number",
        ),
        (
            "types.txt",
            "leaf  spark  2",
            "leaf  spark  3",
            r"types.txt:\d+: expected: attacking defending factor",
        ),
        (
            "items.txt",
            "CATCH_BALL   200",
            "CATCH_BALL   20000",
            r"items.txt:\d+: 20000 is not within 0..9999",
        ),
        ("trainers.txt", "party 5 TREFAWN", "party TREFAWN", r"trainers.txt:\d+: expected at most 6 pairs"),
    ],
)
def test_errors_in_tables_name_the_line(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    shutil.copytree(WORLD, tmp_path / "world", ignore=lambda _, names: [n for n in names if "." not in n])
    path = tmp_path / "world" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(WorldError, match=message):
        tables.compile(tmp_path / "world")
