"""The story from the first badge on: towns, gyms and what opens the way to them."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.bag import buy, count, least_useful, needed, use
from envs.cartridge.walkthrough.lore import prices
from envs.cartridge.walkthrough.story import Player, train

CROSSING_LEVEL = 13
"""Level of the lead with which the road east of the first gym is left for the cave."""
GYM_2_LEVEL = 17
"""Level of the lead with which the second gym is entered."""
MACHINES = {"HM_CUT": 15, "HM_SWIM": 57, "HM_PUSH": 70, "HM_LIGHT": 148}
"""Machines and the moves that they teach."""
ALL_WILD = 100
"""A level that no creature passes: all wild ones are fought."""


def travel(player: Player, centre: str, rest: str) -> None:
    """Walk to the healing centre of the next town; back to ``rest`` whenever the lead is too weak."""
    pilot = player.pilot

    def arrived() -> bool:
        return pilot.state.blackout_map == atlas().number(centre)

    def task() -> None:
        if player.weak:
            player.heal(rest)
        outer, pilot.enough = pilot.enough, lambda: arrived() or player.weak
        try:
            pilot.talk(centre, "nurse", yes=True)
        finally:
            pilot.enough = outer

    player.repeat(arrived, task, f"reach {centre}")
    player.heal(centre)


def beat_leader(player: Player, gym: str, bit: int, centre: str) -> None:
    """Beat the leader of a gym, healed when it is due. The badge is bit ``bit``."""
    pilot = player.pilot

    def task() -> None:
        if player.weak:
            player.heal(centre)
        pilot.talk(gym, "leader")

    player.repeat(lambda: bool(pilot.state.badges >> bit & 1), task, f"beat the leader of {gym}")


def willowmere(player: Player) -> None:
    """Through the cave to the fourth town's healing centre."""
    train(player, CROSSING_LEVEL, "ROUTE_3", "CENTRE_2")
    player.heal("CENTRE_2")
    player.fighter.enough = ALL_WILD
    travel(player, "CENTRE_3", "CENTRE_2")


def badge_2(player: Player) -> None:
    """Trained, to the water gym."""
    train(player, GYM_2_LEVEL, "ROUTE_4", "CENTRE_3")
    player.heal("CENTRE_3")
    beat_leader(player, "GYM_2", 1, "CENTRE_3")


def ticket(player: Player) -> None:
    """Over the bridge to the inventor, freed by his lever, who gives the ship's ticket."""
    pilot = player.pilot

    def toward(act: Callable[[], None]) -> None:
        if player.weak:
            player.heal("CENTRE_3")
        act()

    player.heal("CENTRE_3")
    player.repeat(
        lambda: player.event("FREED_INVENTOR"),
        lambda: toward(lambda: pilot.read("TICKET_HOUSE", 0, 1)),
        "pull the lever",
    )
    player.repeat(
        lambda: player.event("GOT_TICKET"),
        lambda: toward(lambda: pilot.talk("TICKET_HOUSE", "inventor")),
        "get the ticket",
    )


def saltwick(player: Player) -> None:
    """By the way underground to the sixth town, and from its ship's captain the machine that cuts."""
    pilot = player.pilot
    travel(player, "CENTRE_4", "CENTRE_3")
    player.repeat(
        lambda: player.event("GOT_HM_CUT"), lambda: pilot.talk("DOCK", "captain"), "get the machine that cuts"
    )


def teach(player: Player, machine: str) -> None:
    """Have the lead learn the move of a machine in the bag, for the one that is missed least."""
    pilot = player.pilot
    move = MACHINES[machine]

    def task() -> None:
        lead = pilot.state.party[0]
        use(pilot, machine, forget=least_useful(lead, needed(pilot.state)))

    player.repeat(lambda: move in pilot.state.party[0].moves, task, f"learn from {machine}", 4)


def badge_3(player: Player) -> None:
    """Cut the tree before the gym, pull its lever, beat the leader."""
    teach(player, "HM_CUT")
    player.heal("CENTRE_4")
    player.repeat(
        lambda: player.event("GYM_3_OPEN"),
        lambda: player.pilot.read("GYM_3", 1, 11),
        "pull the lever of GYM_3",
    )
    beat_leader(player, "GYM_3", 2, "CENTRE_4")


def fetch(player: Player, event: str, map_name: str, name: str, centre: str) -> None:
    """Speak to somebody or something until ``event`` has happened, healed when it is due."""

    def task() -> None:
        if player.weak:
            player.heal(centre)
        player.pilot.talk(map_name, name, yes=True)

    player.repeat(lambda: player.event(event), task, f"{event} from {name}")


def stock_up(player: Player, shop: str, item: str, number: int) -> None:
    """Buy until the bag has ``number`` of an item, or the money is at its end."""

    def done() -> bool:
        short = number - count(player.pilot, item)
        return short <= 0 or player.pilot.state.money < prices()[item]

    def task() -> None:
        short = number - count(player.pilot, item)
        buy(player.pilot, shop, item, min(short, player.pilot.state.money // prices()[item]))

    player.repeat(done, task, f"buy {item}")
