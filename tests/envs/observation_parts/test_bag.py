"""What the player carries, as the network sees it."""

from __future__ import annotations

from envs.game.field_facts import BALLS, HEALING_ITEMS, KEY_ITEMS, OTHER_ITEMS
from envs.observation_parts.base import scaled_log
from envs.ram import GameState
from tests.envs.observation_parts.reading import read


def test_key_items_and_machines_have_a_flag_each() -> None:
    state = GameState(bag=((70, 1), (196, 1), (73, 1)))
    held = read("bag", state, "key items")
    assert [item for item, flag in zip(KEY_ITEMS, held, strict=True) if flag] == [70, 73]
    assert read("bag", state, "machines") == [1, 0, 0, 0, 0]


def test_balls_and_medicine_are_counted_by_the_logarithm() -> None:
    state = GameState(bag=((4, 5), (20, 1), (4, 2), (30, 99)))
    assert read("bag", state, "balls")[list(BALLS).index(4)] == scaled_log(7, 99)
    assert read("bag", state, "items of each kind that heal")[list(HEALING_ITEMS).index(20)] == 38
    assert read("bag", state, "other")[list(OTHER_ITEMS).index(30)] == 255
    assert read("bag", state, "kinds of items") == [4]


def test_money_is_seen_by_the_logarithm() -> None:
    assert [read("bag", GameState(money=money), "money") for money in (0, 3000, 999_999)] == [
        [0],
        [148],
        [255],
    ]


def test_no_item_is_listed_twice() -> None:
    lists = (KEY_ITEMS, BALLS, HEALING_ITEMS, OTHER_ITEMS)
    assert len({item for items in lists for item in items}) == sum(map(len, lists))
