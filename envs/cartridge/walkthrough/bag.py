"""Actions in menus: using items and machines from the bag, buying and selling in shops."""

from __future__ import annotations

from collections.abc import Collection

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.lore import usefulness_among
from envs.cartridge.walkthrough.pilot import Pilot
from envs.cartridge.walkthrough.ways import FIELD_MOVES
from envs.ram import GameState, PartyMon

BAG_ROW = 4
"""Screen row of BAG in the START menu."""
PAGE = 10
"""Entries on a page of the bag; the row below them leads to the next page."""
FORGET_ROW = 5
"""Screen row of the first move that can be forgotten for a machine's."""
MENU_ACTIONS = 8
"""Actions within which a menu has to appear."""
BUY_ROW, SELL_ROW = 2, 4
"""Screen rows of a shop's menu."""
MOST_AT_ONCE = 99
FOURTH_BADGE = 8
"""Bit mask of the fourth badge."""
TUNNEL_MOUTH = "CENTRE_5"


def waits_for(pilot: Pilot, words: str) -> bool:
    """Wait until the screen shows ``words`` and a cursor; False if it does not."""
    for _ in range(MENU_ACTIONS):
        screen = pilot.screen
        if screen.shows(words) and screen.cursor is not None:
            return True
        pilot.press(None)
    return False


def row_of(pilot: Pilot, item: str) -> int | None:
    """Return the index of an item in the bag, or None."""
    number = atlas().items[item]
    return next((row for row, (held, _) in enumerate(pilot.state.bag) if held == number), None)


def count(pilot: Pilot, item: str) -> int:
    """Return the quantity of an item in the bag."""
    return dict(pilot.state.bag).get(atlas().items[item], 0)


def point_in_bag(pilot: Pilot, row: int) -> bool:
    """In the open bag, turn pages and move the cursor to entry ``row``; False if that fails."""
    for _ in range(row // PAGE):
        if not pilot.point(PAGE):
            return False
        pilot.press("a")
        pilot.press(None)
    return pilot.point(row % PAGE)


def use(pilot: Pilot, item: str, mon: int = 0, forget: int = 0) -> None:
    """On the map, use an item on creature ``mon`` of the team; a machine's move replaces move ``forget``.

    Does nothing if the item is not in the bag.
    """
    pilot.settle()
    row = row_of(pilot, item)
    if row is None:
        return
    pilot.press("start")
    if waits_for(pilot, "OPTIONS") and pilot.point(BAG_ROW):
        pilot.press("a")
        if waits_for(pilot, "Use what?") and point_in_bag(pilot, row):
            pilot.press("a")
            if waits_for(pilot, "Use on which") and pilot.point(2 * mon):
                pilot.press("a")
                pilot.press(None)
                if pilot.screen.shows("Forget which") and pilot.point(FORGET_ROW + forget):
                    pilot.press("a")
    pilot.settle()


def needed(state: GameState) -> frozenset[int]:
    """Return the field moves still needed: swim, push, cut until the fourth badge, light at the tunnel."""
    names = ["swim", "push"]
    if not state.badges & FOURTH_BADGE:
        names.append("cut")
    if state.blackout_map == atlas().number(TUNNEL_MOUTH):
        names.append("light")
    return frozenset(FIELD_MOVES[name][0] for name in names)


def least_useful(mon: PartyMon, kept: Collection[int]) -> int:
    """Return the index of the least useful move, sparing those in ``kept``."""
    return min(
        range(4), key=lambda i: (mon.moves[i] in kept, usefulness_among(mon.moves[i], mon.moves, mon.species))
    )


def shop_goods(map_name: str) -> tuple[str, ...]:
    """Return the names of the goods of a map's clerk, in order."""
    scripts = atlas().maps[map_name].scripts
    return next(
        atlas().goods[line.words[1]] for body in scripts.values() for line in body if line.words[0] == "shop"
    )


def buy(pilot: Pilot, map_name: str, item: str, number: int) -> None:
    """Go to the shop on ``map_name`` and buy ``number`` of an item (at most 99), if the money suffices."""
    trade(pilot, map_name, BUY_ROW, item, number)


def sell(pilot: Pilot, map_name: str, item: str) -> None:
    """Go to the shop on ``map_name`` and sell all of an item."""
    trade(pilot, map_name, SELL_ROW, item, count(pilot, item))


def trade(pilot: Pilot, map_name: str, entry: int, item: str, number: int) -> None:
    """Buy or sell, by the screen row of the shop's menu; does nothing if interrupted."""
    if pilot.address(map_name, "clerk") and waits_for(pilot, "What can I do?") and pilot.point(entry):
        pilot.press("a")
        row = shop_goods(map_name).index(item) if entry == BUY_ROW else row_of(pilot, item)
        asked = "What do you need?" if entry == BUY_ROW else "What do you sell?"
        if row is not None and waits_for(pilot, asked) and points_at(pilot, row):
            pilot.press("a")
            pilot.press(None)
            wanted = min(number, MOST_AT_ONCE) - 1
            for button in ["right"] * (wanted // 10) + ["up"] * (wanted % 10):
                pilot.press(button)
            pilot.press("a")
            if waits_for(pilot, "YES"):
                pilot.press("a")
                pilot.press(None)
    pilot.settle()


def points_at(pilot: Pilot, entry: int) -> bool:
    """Move the cursor of a scrolling list to ``entry``; False if that fails."""
    for _ in range(2 * PAGE):
        if pilot.state.menu_item == entry:
            return True
        pilot.press("down" if pilot.state.menu_item < entry else "up")
    return False
