"""The battle and the menu, as the network sees them."""

from __future__ import annotations

from collections.abc import Callable

from envs.game_boy.emulator import Emulator
from envs.ram import GameState, PartyMon, read_state
from envs.red_env import RedEnv
from tests.envs.observation_parts.reading import fields_of, read

OWN = PartyMon(84, 12, 20, 40, 0x08, (33, 45, 0, 0), (35, 20, 0, 0), types=(0, 2), stats=(20, 21, 22, 23))
FIGHT = GameState(
    party=(OWN,), battle=1, own_level=12, own_hp=10, own_max_hp=40,
    enemy_species=36, enemy_level=4, enemy_hp=6, enemy_max_hp=18, enemy_types=(0, 2), enemy_status=0x40,
)  # fmt: skip


def test_creatures_types_and_moves_are_ids() -> None:
    found = {field.meaning: numbers for field, numbers in fields_of("fight", FIGHT) if field.ids}
    assert list(found.values()) == [[84], [0, 2], [33, 45, 0, 0], [36], [0, 2]]


def test_both_sides_have_level_hp_and_status() -> None:
    assert read("fight", FIGHT, "battle:") == [1, 0, 0]
    assert read("fight", FIGHT, "own level") == [12] and read("fight", FIGHT, "enemy's level") == [4]
    assert read("fight", FIGHT, "own share of HP") == [63], "the HP in battle, not those of the party"
    assert read("fight", FIGHT, "own maximum") == [10]
    assert read("fight", FIGHT, "own status") == [0, 1, 0, 0, 0]
    assert read("fight", FIGHT, "share of power points") == [255, 127, 0, 0]
    assert read("fight", FIGHT, "enemy's share") == [85] and read("fight", FIGHT, "enemy's maximum") == [4]
    assert read("fight", FIGHT, "enemy's status") == [0, 0, 0, 0, 1]


def test_nothing_of_the_last_battle_is_left_outside_of_one() -> None:
    after = dict(fields_of("fight", FIGHT._replace(battle=0)))
    empty = {"type": 255}
    for field, numbers in after.items():
        if not field.meaning.startswith("menus open"):
            assert numbers == [empty.get(field.ids, 0)] * field.count, field.meaning


def test_kinds_of_battles_have_a_flag_each() -> None:
    assert read("fight", FIGHT._replace(battle=2), "battle:") == [0, 1, 0]
    assert read("fight", FIGHT._replace(battle=-1), "battle:") == [0, 0, 1]
    assert read("fight", FIGHT, "safari") == [0]
    assert read("fight", FIGHT._replace(battle_type=2), "safari") == [1]


def test_the_cursor_is_one_row_one_column_and_a_depth() -> None:
    for battle in (0, 1):
        state = FIGHT._replace(battle=battle, cursor=14 * 20 + 7, menu_depth=2)
        assert read("fight", state, "row of").index(1) == 14
        assert read("fight", state, "column of").index(1) == 7
        assert read("fight", state, "menus open") == [0, 0, 1, 0]
    assert not any(read("fight", FIGHT, "row of") + read("fight", FIGHT, "column of"))
    assert read("fight", FIGHT, "menus open") == [1, 0, 0, 0]
    assert read("fight", FIGHT._replace(cursor=0, menu_depth=9), "menus open") == [0, 0, 0, 1]


def test_the_cursor_follows_the_menu_of_the_cartridge(make_env: Callable[..., RedEnv]) -> None:
    env = make_env(start="starter")
    env.reset(seed=1, options={"wait_frames": 0})
    assert (env.state.cursor, env.state.menu_depth) == (-1, 0)

    def pressed(button: str) -> GameState:
        env.emulator.act(button)
        env.emulator.act(None, 30)
        return read_state(env.emulator.memory)

    opened = pressed("start")
    assert opened.cursor >= 0 and opened.menu_depth == 1
    below = pressed("down")
    assert (below.cursor - opened.cursor, below.menu_depth) == (2 * 20, 1)
    closed = pressed("b")
    assert (closed.cursor, closed.menu_depth) == (-1, 0), "the menu is still in the tile map, but not shown"
    assert isinstance(env.emulator, Emulator)
