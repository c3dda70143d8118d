"""Facts about the field, compared with the cartridge's world."""

from __future__ import annotations

from envs.game.field_facts import (
    BALLS,
    FIELD_MOVES,
    HEALING_ITEMS,
    KEY_ITEMS,
    MOVE_POINTS,
    OTHER_ITEMS,
    outdoors,
)
from envs.game.maps import MAP_NAMES, MAP_SIZES
from tests.paths import ROOT

WORLD = ROOT / "envs" / "cartridge" / "world"


def _rows(name: str) -> list[list[str]]:
    lines = (WORLD / f"{name}.txt").read_text("utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def test_the_cartridges_machines_teach_the_field_moves() -> None:
    taught = {int(row[0]): int(row[4]) for row in _rows("items") if row[3] == "teach"}
    assert taught == {field.machine: field.move for field in FIELD_MOVES if field.name != "fly"}


def test_the_cartridges_useful_items_are_listed() -> None:
    listed = {*BALLS, *HEALING_ITEMS, *OTHER_ITEMS, *KEY_ITEMS}
    useful = {
        int(row[0]) for row in _rows("items") if row[3] in ("ball", "heal", "cure", "revive", "exit", "repel")
    }
    keys = {int(row[0]) for row in _rows("items") if row[5] == "key" and row[3] != "teach"}
    assert useful | keys <= listed


def test_there_are_points_for_165_moves() -> None:
    assert len(MOVE_POINTS) == 1 + 165
    assert {points % 5 for points in MOVE_POINTS} == {0} and max(MOVE_POINTS) == 40
    assert [MOVE_POINTS[field.move] for field in FIELD_MOVES] == [30, 15, 15, 15, 20]


def test_towns_and_routes_are_the_maps_outdoors() -> None:
    assert MAP_NAMES[37] == "house" and not outdoors(37)
    assert {number for number in MAP_SIZES if outdoors(number)} == {*range(11), *range(12, 37)}
