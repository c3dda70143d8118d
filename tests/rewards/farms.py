"""Farms: loops of play that would earn without progress, 1,000 actions each, and 1,000 of honest play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from envs.ram import MUSEUM_TICKET, GameState, PartyMon
from tests.rewards.play import HERO, START, UNITS, Play, earn

ACTIONS = 1000
OTHER = PartyMon(species=36, level=9, hp=25, max_hp=25)
LOOPED = UNITS | {"exploration_recent_window": 20, "stuck_after": 10}
Farm = Callable[[Play], object]


def loop(body: Farm, start: GameState = START) -> list[GameState]:
    """Repeat ``body`` for 1,000 actions and return their moments."""
    play = Play(start)
    while len(play.moments) <= ACTIONS:
        body(play)
    return play.moments[: ACTIONS + 1]


def flags(*numbers: int) -> bytes:
    held = bytearray(320)
    for number in numbers:
        held[number // 8] |= 1 << number % 8
    return bytes(held)


def honest() -> Counter[str]:
    """Return what 1,000 honest actions earn: tiles, battles, levels, places, events, a badge, the goal."""
    play = Play(START._replace(x=0, y=0))
    for number, place in enumerate((12, 1, 13)):
        if number:
            play.warp(place, 0, 0)
        while len(play.moments) < (number + 1) * ACTIONS / 3 - 40:
            play.walk(dx=8).walk(dy=1).walk(dx=-8).walk(dy=1).meet(16).hit(8).hurt(3).win()
            if play.now.y % 8 == 0:
                mon = play.now.party[0]
                play.team(replace(mon, level=mon.level + 1)).heal()
        play.then(event_bytes=flags(*range(3, 4 + number))).hold()
    play.then(badges=1).hold(2).warp(41, 3, 4).warp(13, 0, 0)
    while len(play.moments) <= ACTIONS:
        play.walk(dx=1)
    return earn(play.moments[: ACTIONS + 1], LOOPED)


def flee_and_return(play: Play) -> None:
    play.walk(dx=1).meet(16).flee().walk(dx=-1)


def hit_and_run(play: Play) -> None:
    play.meet(16).hit(14).hurt(2).flee().heal()


def draw_out_a_battle(play: Play) -> None:
    """Both the enemy and the player heal themselves again and again."""
    if play.now.battle == 0:
        play.meet(16)
    play.hit(10).hurt(10).then(enemy_hp=16).hold().hurt(-10)


def heal_in_circles(play: Play) -> None:
    play.hurt(5).warp(41, 3, 4).heal().warp(1, 10, 10)


def deposit_and_withdraw(play: Play) -> None:
    play.team(HERO).team(HERO, OTHER).team(OTHER).team(OTHER, HERO)


def swap_two_of_a_kind(play: Play) -> None:
    high = replace(HERO, level=12)
    play.team(HERO).team(HERO, OTHER).team(OTHER).team(high, OTHER).team(high).team(high, HERO)


def re_enter_rooms(play: Play) -> None:
    play.warp(41, 3, 4).walk(dx=2).walk(dx=-2).warp(12, START.x, START.y)


def open_menus(play: Play) -> None:
    for entry in (1, 2, 3, 0):
        play.then(menu_item=entry).hold(2)


def buy_and_sell(play: Play) -> None:
    play.then(money=100, bag=((4, 1),)).hold().then(money=200, bag=()).hold()


def walk_a_circle(play: Play) -> None:
    play.walk(dx=6).walk(dy=6).walk(dx=-6).walk(dy=-6)


def toggle_events(play: Play) -> None:
    play.then(event_bytes=flags(3, 9)).hold().then(event_bytes=flags()).hold()


def catch_nothing(play: Play) -> None:
    """Repeat a demonstration battle that ends without a catch, as a story may allow."""
    play.meet(16).then(battle=0, battle_result=2).hold(2)


def drink_potions_in_battle(play: Play) -> None:
    """Alternate between enemy hits and potions without ever attacking."""
    if play.now.battle == 0:
        play.meet(16)
    play.hurt(12).hurt(-20)


def lose_to_be_healed(play: Play) -> None:
    """Lose on purpose, and walk back to the grass from the blackout's destination."""
    play.meet(16).hit(3).hurt(4).hurt(4).hurt(4).hurt(4).lose()
    play.walk(dy=-15).warp(12, START.x, START.y)


def lose_on_purpose(play: Play) -> None:
    """Take half of the enemy's HP, then let it win."""
    play.meet(16).hit(8).lose().warp(12, START.x, START.y)


def lose_to_a_trainer(play: Play) -> None:
    """Beat two of a trainer's three creatures, then lose to the third, again and again."""
    play.meet(16, kind=2).hit(16)
    for species in (36, 37):
        play.then(enemy_species=species, enemy_hp=12, enemy_max_hp=12, enemy_level=4).hold(2)
        play.hit(12 if species == 36 else 6)
    play.lose().warp(12, START.x, START.y)


def beat_weak_ones(play: Play) -> None:
    """Win against creatures far below the own level, without end."""
    play.meet(12).win()


def trade_to_and_fro(play: Play) -> None:
    """Trade a creature away and get it back at a higher level."""
    play.team(OTHER).team(replace(HERO, level=30)).team(OTHER).team(HERO)


def evolve_and_swap(play: Play) -> None:
    play.team(HERO).team(replace(HERO, species=154, level=6)).team(replace(HERO, species=155, level=7))


def train_weak_ones_in_turn(play: Play) -> None:
    """Catch a weak creature, let one strong enemy raise it many levels, deposit it, and repeat with another
    kind."""
    weak = PartyMon(species=1 + len(play.moments) % 150, level=3, hp=9, max_hp=9)
    play.walk(dx=10).walk(dx=-10).meet(12).hit(6).hurt(2)
    play.then(battle=0, battle_result=2, party=(*play.now.party, weak), pokedex_owned=1).hold(2)
    play.walk(dx=10).walk(dx=-10).meet(40, level=30).hit(20).hurt(2).win().team(HERO, replace(weak, level=9))
    play.team(HERO).then(pokedex_owned=0)


def swap_boxes(play: Play) -> None:
    """Exchange the party for six boxed creatures, each set with higher levels in some slot."""
    high = tuple(PartyMon(species=10 + i, level=20 + i, hp=5, max_hp=5) for i in range(6))
    low = tuple(PartyMon(species=40 + i, level=5 + i, hp=5, max_hp=5) for i in range(6))
    play.team(*high).team(*low).team(*high[:3], *low[3:])


def toggle_badges(play: Play) -> None:
    play.then(badges=1).hold(2).then(badges=0).hold(2)


def buy_the_ticket(play: Play) -> None:
    play.then(event_bytes=flags(MUSEUM_TICKET)).hold(2).then(event_bytes=flags()).hold(2)


def commute(play: Play) -> None:
    """Walk from one key place to another and back."""
    play.warp(1, 10, 34).walk(dy=1).warp(12, 10, 0).walk(dy=1)


def flicker(play: Play) -> None:
    """Leave the battle for one moment and return to the same standing enemy."""
    if play.now.battle == 0:
        play.meet(16, kind=2)
    play.then(battle=0, battle_result=0).then(battle=2).hold()


def flee_on_the_spot(play: Play) -> None:
    play.meet(16).flee()


def stand_still(play: Play) -> None:
    play.hold(5)


FARMS: tuple[Farm, ...] = (
    flee_and_return,
    hit_and_run,
    draw_out_a_battle,
    drink_potions_in_battle,
    heal_in_circles,
    lose_to_be_healed,
    lose_on_purpose,
    lose_to_a_trainer,
    deposit_and_withdraw,
    train_weak_ones_in_turn,
    swap_two_of_a_kind,
    swap_boxes,
    trade_to_and_fro,
    evolve_and_swap,
    re_enter_rooms,
    commute,
    open_menus,
    buy_and_sell,
    buy_the_ticket,
    walk_a_circle,
    toggle_events,
    toggle_badges,
    catch_nothing,
    flicker,
    flee_on_the_spot,
    stand_still,
)
