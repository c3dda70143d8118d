"""Tests of the scripted player: the whole way to the end screen, and single abilities on short stretches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from envs.cartridge.walkthrough import STORY, run_to
from envs.cartridge.walkthrough.atlas import TREE, WATER, Place, atlas
from envs.cartridge.walkthrough.bag import buy, count, least_useful, sell, use
from envs.cartridge.walkthrough.journey import pull
from envs.cartridge.walkthrough.lore import prices, usefulness, usefulness_among
from envs.cartridge.walkthrough.story import Player, new_player
from envs.cartridge.walkthrough.ways import Means, find_way
from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, PartyMon, read_state
from envs.start_library import start_state

pytestmark = pytest.mark.slow

MOST_ACTIONS, MOST_GRIND = 40_000, 1_500
CHAMPION, LEADERS = 0x901, (0x077, 0x0BF, 0x167, 0x1A9, 0x259, 0x361, 0x299, 0x051)
"""Event numbers of the commercial game for the same events."""
BRAMBLE, EDGE_LEAF, MEND, BIG_BITE, HEAVE, RIDE_WAVE = 76, 75, 105, 158, 70, 57
ELDERHART = 154
W_PARTY_HP = 0xD16C
Done, Task = Callable[[], bool], Callable[[], None]


@dataclass(frozen=True)
class Reached:
    """A milestone of the journey: actions so far, game state, and state of the machine."""

    actions: int
    state: GameState
    machine: bytes


@pytest.fixture(scope="module")
def grinds() -> dict[str, int]:
    """Actions spent on each training; filled by ``reached``."""
    return {}


@pytest.fixture(scope="module")
def reached(game: Game, grinds: dict[str, int]) -> dict[str, Reached]:
    """The whole journey, started seven frames later than usual."""
    found: dict[str, Reached] = {}
    repeat = Player.repeat

    def counted(self: Player, done: Done, task: Task, what: str, *rest: int) -> None:
        before = self.pilot.actions
        repeat(self, done, task, what, *rest)
        if what.startswith("train"):
            grinds[what] = self.pilot.actions - before

    with pytest.MonkeyPatch.context() as patch, Emulator(game.rom) as emulator:
        patch.setattr(Player, "repeat", counted)
        emulator.load_state(start_state(game, "bedroom").data)
        emulator.tick(7)

        def on_milestone(name: str, actions: int) -> None:
            found[name] = Reached(actions, read_state(emulator.memory), emulator.save_state())

        run_to(emulator, "champion", on_milestone)
    return found


def test_the_journey_ends_with_eight_badges_and_the_champion(reached: dict[str, Reached]) -> None:
    assert list(reached) == list(STORY)
    state = reached["champion"].state
    assert reached["champion"].actions < MOST_ACTIONS
    assert state.badges == 0xFF
    assert state.has_event(CHAMPION)
    assert state.map_id == atlas().number("LOBBY")


def test_badges_are_won_one_by_one_with_their_events(reached: dict[str, Reached]) -> None:
    for number, event in enumerate(LEADERS, start=1):
        before, after = reached[f"gym{number}"].state, reached[f"badge{number}"].state
        assert after.badges == before.badges | 1 << number - 1 == (1 << number) - 1
        assert after.has_event(event)
        assert not before.has_event(event)


def test_the_lead_gains_levels_from_gym_to_gym(reached: dict[str, Reached]) -> None:
    """About five levels per gym, and never far from the leader's level."""
    levels = [reached[f"gym{number}"].state.party[0].level for number in range(1, 9)]
    steps = [after - before for before, after in pairwise(levels)]
    assert min(steps) >= 1
    assert 4 <= sum(steps) / len(steps) <= 7
    for number, level in enumerate(levels[1:], start=2):
        leader = 8 + 5 * number
        assert leader - 3 <= level <= leader + 10, (number, level)


def test_no_training_is_long(reached: dict[str, Reached], grinds: dict[str, int]) -> None:
    assert reached
    assert len(grinds) == 4, "training before the first two gyms, none later"
    assert max(grinds.values()) <= MOST_GRIND, grinds


# --- short stretches on the way ---
@pytest.fixture
def player(reached: dict[str, Reached], emulator: Emulator, request: pytest.FixtureRequest) -> Player:
    """A player who continues from the milestone named by the test."""
    emulator.load_state(reached[request.param].machine)
    someone = new_player(emulator)
    someone.pilot.press(None)
    return someone


@pytest.mark.parametrize("player", ["gym3"], indirect=True)
def test_a_regrown_tree_is_cut(player: Player) -> None:
    pilot = player.pilot
    way = find_way(atlas(), pilot.place, [Place(atlas().number("CENTRE_4"), 5, 6)], pilot.means)
    assert way is not None
    assert any(TREE in atlas().attributes(place) for _, place in way)
    pilot.visit("CENTRE_4", 5, 3)
    pilot.visit("SALTWICK", 8, 16)
    assert player.at(("SALTWICK", 8, 16))


@pytest.mark.parametrize("player", ["gym6"], indirect=True)
def test_water_is_entered_and_left(player: Player) -> None:
    pilot = player.pilot
    pilot.visit("BRASSGATE", 10, 24)
    lake = next(
        Place(10, x, y)
        for y in range(atlas().by_number[10].height)
        for x in range(atlas().by_number[10].width)
        if WATER in atlas().attributes(Place(10, x, y))
    )
    pilot.go([lake])
    assert pilot.place == lake
    pilot.visit("BRASSGATE", 15, 24)
    assert player.at(("BRASSGATE", 15, 24))


@pytest.mark.parametrize("player", ["league"], indirect=True)
def test_boulders_are_pushed_out_of_the_way(player: Player) -> None:
    """From the plateau back through the mountain's last cave, whose halves a boulder separates."""
    player.fighter.enough = 1
    player.repeat(
        lambda: player.at(("PEAK_3", 4, 13)), lambda: player.pilot.visit("PEAK_3", 4, 13), "cross the cave"
    )
    assert player.pilot.rolled


@pytest.mark.parametrize("player", ["gym5"], indirect=True)
def test_things_are_bought_sold_and_used(player: Player) -> None:
    pilot = player.pilot
    money, potions, price = pilot.state.money, count(pilot, "HUGE_POTION"), prices()["ANTIDOTE"]
    buy(pilot, "SHOP_8", "ANTIDOTE", 2)
    assert count(pilot, "ANTIDOTE") == 2
    assert pilot.state.money == money - 2 * price
    sell(pilot, "SHOP_8", "ANTIDOTE")
    assert count(pilot, "ANTIDOTE") == 0
    assert pilot.state.money == money - price
    lead = pilot.state.party[0]
    use(pilot, "HUGE_POTION")  # does nothing at full HP
    assert (pilot.state.party[0].hp, count(pilot, "HUGE_POTION")) == (lead.hp, potions)
    pilot.emulator.write(W_PARTY_HP + 1, lead.hp - 100, "a test")
    use(pilot, "HUGE_POTION")
    assert (pilot.state.party[0].hp, count(pilot, "HUGE_POTION")) == (lead.hp, potions - 1)


@pytest.mark.parametrize("player", ["gym3"], indirect=True)
def test_a_lever_is_pulled(player: Player) -> None:
    pull(player, "GYM_3_OPEN", "GYM_3", 1, 11)
    assert player.event("GYM_3_OPEN")


# --- what it knows ---
def test_guards_block_the_way_until_they_get_a_drink() -> None:
    start, goal = Place(atlas().number("ROUTE_8"), 5, 9), [Place(atlas().number("BRASSGATE"), 15, 15)]
    assert find_way(atlas(), start, goal, Means(GameState())) is None
    assert find_way(atlas(), start, goal, Means(GameState(bag=((atlas().items["DRINK"], 1),)))) is not None


def test_the_sea_needs_swim_and_its_badge() -> None:
    start, goal = Place(atlas().number("FENMOOR"), 14, 13), [Place(atlas().number("EMBERHOLM"), 12, 8)]
    swimmer = PartyMon(species=ELDERHART, level=40, hp=1, max_hp=1, moves=(RIDE_WAVE, 0, 0, 0))
    events = bytes([0xFF] * 320)
    assert find_way(atlas(), start, goal, Means(GameState(event_bytes=events, party=(swimmer,)))) is None
    able = GameState(event_bytes=events, party=(swimmer,), badges=0b10000)
    way = find_way(atlas(), start, goal, Means(able))
    assert way is not None
    assert {30, 31} <= {place.map for _, place in way}


def test_the_least_useful_move_is_replaced() -> None:
    mon = PartyMon(species=ELDERHART, level=40, hp=9, max_hp=9, moves=(MEND, BIG_BITE, BRAMBLE, EDGE_LEAF))
    assert least_useful(mon, ()) == 3  # there is a better move of its type
    assert least_useful(mon, (EDGE_LEAF,)) == 0
    assert usefulness_among(BIG_BITE, (HEAVE,), ELDERHART) == usefulness(BIG_BITE, ELDERHART) / 2
