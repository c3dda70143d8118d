"""Exploiters on the real cartridge: 1,000 actions of each, against 1,000 of the scripted player's story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from envs.cartridge.walkthrough import STORY
from envs.cartridge.walkthrough.atlas import Place, atlas
from envs.cartridge.walkthrough.bag import buy, waits_for
from envs.cartridge.walkthrough.fight import BAG, RUN, Fighter
from envs.cartridge.walkthrough.pilot import Pilot
from envs.cartridge.walkthrough.story import Player, grass_of, new_player
from envs.emulator import Emulator
from envs.games import Game
from envs.ram import GameState, read_state
from envs.start_states import start_state
from tests.rewards.play import UNITS, earn

ACTIONS = 1000
COEFFICIENTS = UNITS | {"exploration_recent_window": 20}
PENALTIES = ("penalty_step", "penalty_wall", "penalty_stuck", "battle_loss")
BALL = 4
STORE_ROW, TAKE_ROW, SELL_ROW = 2, 4, 4
Farm = Callable[[Player], None]


class Enough(Exception):
    """1,000 actions have passed."""


class Witness(Emulator):
    """The emulator, remembering what every action led to, and stopping after so many."""

    moments: list[GameState]

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        super().act(button, frames, held)
        self.moments.append(read_state(self.memory))
        if len(self.moments) > ACTIONS:
            raise Enough


class Chooser(Fighter):
    """Takes one entry of the battle menu, and in the bag the balls."""

    def __init__(self, entry: int) -> None:
        super().__init__()
        self.entry = entry

    def choose(self, pilot: Pilot) -> None:
        at = pilot.state.menu_item
        if (at ^ self.entry) & 1:
            pilot.press("left" if at & 1 else "right")
        elif at != self.entry:
            pilot.press("up" if at & 2 else "down")
        else:
            pilot.press("a")

    def pick_potion(self, pilot: Pilot) -> None:
        row = next((row for row, (item, _) in enumerate(pilot.state.bag) if item == BALL), None)
        pilot.press("a" if row is not None and pilot.point(row) else "b")


class Loser(Fighter):
    """Always the second move, which does no damage."""

    def wants_away(self, state: GameState) -> bool:
        return False

    def potion_row(self, state: GameState) -> int | None:
        return None

    @staticmethod
    def pick_move(pilot: Pilot) -> None:
        if pilot.point(14):
            pilot.press("a")
        else:
            pilot.press("b")


def pace(pilot: Pilot) -> None:
    """From one step of tall grass to another."""
    grass = grass_of("ROUTE_1")
    pilot.go(grass)
    pilot.go([after for _, after in atlas().next_steps(pilot.place) if after in grass])


def forever(farm: Farm) -> Farm:
    def repeat(player: Player) -> None:
        while True:
            farm(player)

    return repeat


def flee_and_return(player: Player) -> None:
    player.pilot.fight = Chooser(RUN)
    pace(player.pilot)


def lose_again_and_again(player: Player) -> None:
    player.pilot.fight = Loser()
    pace(player.pilot)


def heal_in_circles(player: Player) -> None:
    """Is hurt in the grass, and healed for it."""
    pilot = player.pilot
    pilot.fight = Chooser(RUN)
    while pilot.state.party[0].hp == pilot.state.party[0].max_hp:
        pace(pilot)
    pilot.talk("CENTRE_1", "nurse", yes=True)


def re_enter_rooms(player: Player) -> None:
    player.pilot.visit("CENTRE_1", 5, 6)
    player.pilot.visit("MILLBRIDGE", 18, 18)


def commute_between_key_places(player: Player) -> None:
    player.pilot.fight = Chooser(RUN)
    for name, row in (("MILLBRIDGE", -1), ("ROUTE_1", 0)):
        place = atlas().maps[name]
        player.pilot.go([Place(place.number, x, row % place.height) for x in range(place.width)])


def open_menus(player: Player) -> None:
    for button in ("start", "down", "a", "b", "b", "start", "up", "a", "b", "b"):
        player.pilot.press(button)


def buy_and_sell(player: Player) -> None:
    pilot = player.pilot
    buy(pilot, "SHOP_1", "CATCH_BALL", 3)
    if pilot.address("SHOP_1", "clerk") and waits_for(pilot, "What can I do?") and pilot.point(SELL_ROW):
        for _ in range(12):
            pilot.press("a")
    pilot.settle()


def deposit_and_withdraw(player: Player) -> None:
    pilot = player.pilot
    pilot.fight = Chooser(BAG)
    pilot.enough = lambda: len(pilot.state.party) > 1
    while not pilot.enough():
        pace(pilot)
    pilot.enough, pilot.fight = lambda: False, Chooser(RUN)
    pilot.act_on("CENTRE_1", 0, 1)
    while True:
        for row in (STORE_ROW, TAKE_ROW):
            if waits_for(pilot, "STORE") and pilot.point(row):
                pilot.press("a")
                pilot.press(None)
                pilot.press("a")  # the first of the list, whose turn it is
                pilot.press(None)


def on_its_way(player: Player) -> None:
    """Honest play: the story, from where the errand is done."""
    for name in list(STORY)[list(STORY).index("errand done") + 1 :]:
        STORY[name](player)


def moments_of(game: Game, play: Farm) -> list[GameState]:
    with Witness(game.rom) as emulator:
        emulator.load_state(start_state(game, "errand done").data)
        emulator.moments = [read_state(emulator.memory)]
        with pytest.raises(Enough):
            play(new_player(emulator))
        return emulator.moments


@pytest.fixture(scope="module")
def fair(game: Game) -> Iterator[Counter[str]]:
    earned = earn(moments_of(game, on_its_way), COEFFICIENTS)
    assert earned["battle_win"] >= 3
    assert earned["milestone_level_up"] >= 3
    yield earned


# A farm, and how one sees in its moments that it was really played: a count, and the least it must be.
Seen = Callable[[list[GameState]], int]


def changes(value: Callable[[GameState], object]) -> Seen:
    return lambda moments: sum(value(a) != value(b) for a, b in pairwise(moments))


FARMS: list[tuple[Farm, Seen, int]] = [
    (forever(flee_and_return), changes(lambda state: state.battle > 0), 20),
    (forever(lose_again_and_again), changes(lambda state: state.battle == -1), 4),
    (forever(heal_in_circles), changes(lambda state: state.party[0].hp), 6),
    (forever(re_enter_rooms), changes(lambda state: state.map_id), 40),
    (forever(commute_between_key_places), changes(lambda state: state.map_id), 20),
    (forever(open_menus), changes(lambda state: state.menu_item), 100),
    (forever(buy_and_sell), changes(lambda state: state.money), 10),
    (deposit_and_withdraw, changes(lambda state: len(state.party)), 40),
]
NAMES = [
    "flee_and_return",
    "lose_again_and_again",
    "heal_in_circles",
    "re_enter_rooms",
    "commute_between_key_places",
    "open_menus",
    "buy_and_sell",
    "deposit_and_withdraw",
]


@pytest.mark.parametrize(("farm", "seen", "least"), FARMS, ids=NAMES)
def test_a_farm_on_the_cartridge_earns_no_more_than_honest_play(
    game: Game, fair: Counter[str], farm: Farm, seen: Seen, least: int
) -> None:
    moments = moments_of(game, farm)
    farmed = earn(moments, COEFFICIENTS)
    assert seen(moments) >= least
    for name in fair.keys() - {"total", *PENALTIES}:
        assert farmed[name] <= fair[name] + 1e-9, name
    for name in PENALTIES:
        assert farmed[name] <= 0, name
    assert farmed["total"] < fair["total"]
