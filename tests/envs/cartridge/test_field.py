"""Tests of field moves (trees, water, boulders, dark places), the box, machines, items on the map, and
battles at high levels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.screen import Screen
from envs.cartridge.world_text.map_source import MapSource, ObjectSource
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state
from tests.envs.cartridge.battle_play import BATTLE_LEVEL, ENEMY, EXPERIENCE, MOVES, OWN, PARTY, PP, Player
from tests.envs.cartridge.tables_text import creatures, items, moves
from tests.envs.cartridge.test_battle import encounter  # noqa: F401
from tests.envs.cartridge.test_hazards import poke, press, stand

State = Callable[[str], bytes]

CUT, SWIM, PUSH, LIGHT = 15, 57, 70, 148
PALETTE, SURF, BADGES, BAG_COUNT, BAG = 0xFF47, 0xD700, 0xD356, 0xD31D, 0xD31E
BLACKOUT_MAP, EVENTS, REPEL_STEPS = 0xD719, 0xD747, 0xD0DB
BOX_COUNT, BOX_END, STACK_ROOM = 0xDBC0, 0xDDD1, 32
BRIGHT, DARK = 0xE4, 0xFE
HP, STATUS, POISONED = PARTY + 1, PARTY + 4, 0x08
STEPS = {"down": (0, 1), "up": (0, -1), "left": (-1, 0), "right": (1, 0)}
OPPOSITE = {"down": "up", "up": "down", "left": "right", "right": "left"}
SPREAD = (217, 255)
"""A hit does 217/255 to 255/255 of the formula's damage."""


@pytest.fixture
def road(emulator: Emulator, state: State) -> Emulator:
    """On route 1, with a creature that knows every field move, and no badges."""
    emulator.load_state(state("route1"))
    for i, move in enumerate((CUT, SWIM, PUSH, LIGHT)):
        poke(emulator, PARTY + MOVES + i, move)
        poke(emulator, PARTY + PP + i, 10)
    return emulator


def visit(machine: Emulator, name: str, x: int, y: int) -> GameState:
    """Get there by a blackout to the map, then set the position in memory."""
    poke(machine, REPEL_STEPS, 200)
    poke(machine, BLACKOUT_MAP, atlas().number(name))
    poke(machine, HP, 0)
    poke(machine, HP + 1, 1)
    poke(machine, STATUS, POISONED)
    for button in itertools.islice(itertools.cycle(("down", "up", "left", "right")), 60):
        machine.act(button)
        now = read_state(machine.memory)
        if now.map_id == atlas().number(name) and now.party[0].hp == now.party[0].max_hp > 1:
            break
    press(machine, *["b"] * 12)
    machine.tick(60)
    stand(machine, x, y)
    now = read_state(machine.memory)
    assert (now.map_id, now.x, now.y) == (atlas().number(name), x, y)
    return now


def answer_yes(machine: Emulator) -> None:
    """Press A in front of something and answer YES."""
    press(machine, "a")
    for _ in range(12):
        machine.act(None)
        if Screen.read(machine.memory).shows("YES"):
            break
    press(machine, "a")
    machine.tick(120)


def spot(source: MapSource, wanted: str) -> tuple[int, int, str]:
    """A free step and the direction from it towards a tile of this kind, with free ground behind the tile."""
    free = {(x, y) for y in range(source.height) for x in range(source.width) if source.at(x, y) in ".,"}
    free -= {(thing.x, thing.y) for thing in source.objects} | {(warp.x, warp.y) for warp in source.warps}
    free -= {(t.x + i, t.y + j) for t in source.triggers for i in range(t.w) for j in range(t.h)}
    for y, row in enumerate(source.rows):
        for x in (x for x, character in enumerate(row.text) if character == wanted):
            for direction, (dx, dy) in STEPS.items():
                if (x - dx, y - dy) in free and (wanted != "t" or (x + dx, y + dy) in free):
                    return x - dx, y - dy, direction
    raise LookupError(f"no {wanted!r} on {source.name}")


def with_warps(wanted: str) -> MapSource:
    """An outdoor map that has this tile and a warp to arrive at."""
    for source in atlas().maps.values():
        if source.tileset == "outdoor" and source.warps and any(wanted in row.text for row in source.rows):
            try:
                spot(source, wanted)
            except LookupError:
                continue
            return source
    raise LookupError(f"no map with {wanted!r}")


def test_a_tree_is_cut_with_move_and_badge_and_grows_again(road: Emulator) -> None:
    source = with_warps("t")
    x, y, direction = spot(source, "t")
    visit(road, source.name, x, y)
    press(road, direction, "a")
    road.tick(60)
    assert not Screen.read(road.memory).shows("YES")
    press(road, *["b"] * 8)
    assert (press(road, direction).x, press(road, direction).y) == (x, y)
    poke(road, BADGES, 0xFF)
    answer_yes(road)
    dx, dy = STEPS[direction]
    now = press(road, direction)
    assert (now.x, now.y) == (x + dx, y + dy)
    visit(road, source.name, x, y)
    now = press(road, direction, direction)
    assert (now.x, now.y) == (x, y)


def test_swimming_needs_move_and_badge_and_ends_at_the_shore(road: Emulator) -> None:
    x, y, direction = spot(atlas().maps["MILLBRIDGE"], "~")
    visit(road, "MILLBRIDGE", x, y)
    now = press(road, direction, direction, "a", "b")
    assert (now.x, now.y, road.memory[SURF]) == (x, y, 0)
    poke(road, BADGES, 0xFF)
    answer_yes(road)
    dx, dy = STEPS[direction]
    now = read_state(road.memory)
    assert (now.x, now.y, road.memory[SURF]) == (x + dx, y + dy, 2)
    now = press(road, OPPOSITE[direction], OPPOSITE[direction])
    assert road.memory[SURF] == 0
    assert (now.x, now.y) != (x + dx, y + dy)


def pushable() -> tuple[MapSource, ObjectSource, str]:
    """A boulder with a free step on both sides of it."""
    for source in atlas().maps.values():
        taken = {(thing.x, thing.y) for thing in source.objects} | {(w.x, w.y) for w in source.warps}
        for thing in (thing for thing in source.objects if thing.kind == "boulder"):
            for direction, (dx, dy) in STEPS.items():
                sides = [(thing.x - dx, thing.y - dy), (thing.x + dx, thing.y + dy)]
                if source.warps and all(source.at(*side) in ".," and side not in taken for side in sides):
                    return source, thing, direction
    raise LookupError("no boulder that can be pushed")


def test_a_boulder_moves_once_pushing_is_allowed(road: Emulator) -> None:
    source, thing, direction = pushable()
    dx, dy = STEPS[direction]
    visit(road, source.name, thing.x - dx, thing.y - dy)
    now = press(road, direction, direction)
    assert (now.x, now.y) == (thing.x - dx, thing.y - dy)
    poke(road, BADGES, 0xFF)
    answer_yes(road)
    press(road, direction)
    now = press(road, direction)
    assert (now.x, now.y) == (thing.x, thing.y)


def test_a_dark_cave_is_bright_with_the_light(road: Emulator) -> None:
    source = next(source for source in atlas().maps.values() if source.flags & 2)
    warp = source.warps[0]
    assert road.memory[PALETTE] == BRIGHT
    poke(road, BADGES, 0)
    visit(road, source.name, warp.x, warp.y - 1)
    assert road.memory[PALETTE] == DARK
    poke(road, BADGES, 0xFF)
    press(road, "start", "a", "b", "b", "b")
    assert road.memory[PALETTE] == BRIGHT


def test_the_box_stores_and_returns_creatures_except_the_last(road: Emulator) -> None:
    visit(road, "CENTRE_1", 0, 2)
    press(road, "up")
    before = bytes(road.memory[PARTY : PARTY + 44])
    road_box(road, "a")
    assert road.memory[BOX_COUNT] == 0
    for i, byte in enumerate(before):
        poke(road, PARTY + 44 + i, byte)
    for at, value in ((0xD163, 2), (0xD165, before[0]), (0xD166, 0xFF)):
        poke(road, at, value)
    press(road, *["b"] * 6)
    road_box(road, "a")
    press(road, "a")
    road.tick(120)
    assert (road.memory[0xD163], road.memory[BOX_COUNT], road.memory[0xD165]) == (1, 1, 0xFF)
    assert bytes(road.memory[BOX_COUNT + 1 : BOX_COUNT + 1 + 44])[8:34] == before[8:34]
    Player(road).until(lambda: Screen.read(road.memory).shows("STORE"), None)
    road.tick(200)
    press(road, "down", "a", "a")
    road.tick(120)
    assert (road.memory[0xD163], road.memory[BOX_COUNT], road.memory[0xD165]) == (2, 0, before[0])


def road_box(machine: Emulator, choice: str) -> None:
    """Open the machine and press ``choice`` when it asks."""
    press(machine, "a")
    machine.tick(240)
    assert Screen.read(machine.memory).shows("STORE")
    press(machine, choice)
    machine.tick(120)


@pytest.mark.parametrize(("species", "learns"), [(153, True), (36, False)])
def test_a_machine_teaches_able_creatures_and_stays_in_the_bag(
    road: Emulator, species: int, learns: bool
) -> None:
    poke(road, PARTY, species)
    poke(road, 0xD164, species)
    poke(road, PARTY + MOVES, 33)
    poke(road, BAG_COUNT, 1)
    for i, byte in enumerate((items()["HM_CUT"], 1, 0xFF)):
        poke(road, BAG + i, byte)
    press(road, "start", "down", "a", "a", "a", "a")
    road.tick(60)
    assert (CUT in road.memory[PARTY + MOVES : PARTY + MOVES + 4]) == learns
    if learns:
        assert road.memory[PARTY + PP] == 30
    assert tuple(road.memory[BAG_COUNT : BAG + 2]) == (1, items()["HM_CUT"], 1)


def test_an_item_on_the_map_is_found_once(road: Emulator) -> None:
    source, thing = next(
        (source, thing)
        for source in atlas().maps.values()
        for thing in source.objects
        if thing.arg.startswith("found_") and source.warps and not source.wild
    )
    event = atlas().events[thing.hide or ""]
    dx, dy = next(step for step in STEPS.values() if source.at(thing.x - step[0], thing.y - step[1]) in ".,")
    direction = next(name for name, step in STEPS.items() if step == (dx, dy))
    visit(road, source.name, thing.x - dx, thing.y - dy)
    kinds = road.memory[BAG_COUNT]
    press(road, direction, "a")
    road.tick(90)
    assert Screen.read(road.memory).shows("found")
    press(road, *["b"] * 6)
    assert road.memory[EVENTS + event // 8] >> event % 8 & 1
    assert road.memory[BAG_COUNT] == kinds + 1
    now = press(road, direction)
    assert (now.x, now.y) == (thing.x, thing.y)


# --- battles ---
@pytest.fixture
def player(emulator: Emulator, encounter: bytes) -> Iterator[Player]:  # noqa: F811
    """A player in a wild battle on route 1, with both sides at level 60 and with high stats."""
    emulator.load_state(encounter)
    someone = Player(emulator)
    for side in (OWN, ENEMY):
        someone.memory[side + BATTLE_LEVEL] = 60
        for i, value in enumerate((900, 400, 300, 200, 450)):
            someone.put(side + 15 + 2 * i, value)
    someone.set_hp(own=900, enemy=900)
    yield someone


def test_damage_at_high_levels_follows_the_formula(player: Player) -> None:
    number, power = next((i, int(words[2])) for i, words in moves().items() if words[0] == "BIG_BITE")
    player.memory[OWN + 8] = number
    player.memory[OWN + PP - 4] = 10
    player.put(OWN + 21, 999)
    player.use_move()
    player.until(lambda: player.now.enemy_hp < 900 or player.screen.shows("missed"), None)
    player.machine.tick(120)
    dealt = 900 - player.now.enemy_hp
    plain = [(2 * level // 5 + 2) * power * 400 // 300 // 50 + 2 for level in (60, 120)]
    allowed = {base * part // 255 for base in plain for part in range(SPREAD[0], SPREAD[1] + 1)}
    assert dealt == 0 or dealt in allowed


def test_a_creature_evolves_at_level_16(player: Player) -> None:
    player.memory[PARTY + 33] = player.memory[OWN + BATTLE_LEVEL] = 15
    species = player.memory[PARTY]
    player.put(PARTY + EXPERIENCE, 16**3 - 1, 3)
    player.set_hp(enemy=1)
    player.end()
    player.until(lambda: player.now.party[0].species != species, "b")
    assert player.now.party[0].level >= 16


@pytest.mark.parametrize(("level", "parts"), [(50, 20), (58, 20), (60, 18), (70, 8), (80, 2)])
def test_creatures_far_above_the_enemy_gain_less_experience(player: Player, level: int, parts: int) -> None:
    """``parts`` sixteenths of what a wild enemy of level 60 is worth: base * level / 7."""
    player.memory[PARTY + 33] = player.memory[OWN + BATTLE_LEVEL] = level
    player.put(PARTY + EXPERIENCE, level**3, 3)
    player.set_hp(enemy=1)
    worth = creatures()[player.now.enemy_species].exp * 60 // 7
    player.end()
    assert player.experience - level**3 == worth // 16 * parts


def test_the_stack_stays_clear_of_the_box(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("route1"))
    for i in range(STACK_ROOM):
        poke(emulator, BOX_END + i, 0xA5)
    buttons = ("up", "a", "left", "a", "down", "b", "right", "start", "a")
    for button in itertools.islice(itertools.cycle(buttons), 1500):
        emulator.act(button)
    assert all(byte == 0xA5 for byte in emulator.memory[BOX_END : BOX_END + STACK_ROOM])
