"""Tasks from the first badge to the third, and the building blocks of all later tasks."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.bag import buy, count, least_useful, needed, sell, use
from envs.cartridge.walkthrough.lore import prices
from envs.cartridge.walkthrough.story import FEW_POINTS, Player, train

CROSSING_LEVEL = 13
"""Level of the lead required before leaving the road east of the first gym for the cave."""
GYM_2_LEVEL = 17
"""Level of the lead required before entering the second gym."""
MOST_TASKS = 60
SMALL_POTIONS = ("POTION", "BIG_POTION")
"""Potions used on the way; the others are kept for leaders."""
MACHINES = {"HM_CUT": 15, "HM_SWIM": 57, "HM_PUSH": 70, "HM_LIGHT": 148}
"""Machines and the IDs of the moves they teach."""


def recover(player: Player) -> None:
    """If the lead is weak, use small potions if no healer is near, else rest."""
    pilot = player.pilot
    while player.weak and player.points >= FEW_POINTS and player.far_from_rest():
        potion = next((name for name in SMALL_POTIONS if count(pilot, name)), None)
        if potion is None:
            break
        use(pilot, potion)
    if player.weak:
        player.rest()


def until(player: Player, done: Callable[[], bool], act: Callable[[], None], what: str) -> None:
    """Repeat ``act`` until ``done``, recovering whenever the lead is weak."""
    pilot = player.pilot

    def task() -> None:
        recover(player)
        outer, pilot.enough = pilot.enough, lambda: done() or player.weak
        try:
            act()
        finally:
            pilot.enough = outer

    player.repeat(done, task, what, MOST_TASKS)


def travel(player: Player, centre: str) -> None:
    """Walk to the healing centre of another town, where blackouts lead from then on."""
    until(
        player,
        lambda: player.pilot.state.blackout_map == atlas().number(centre),
        lambda: player.pilot.talk(centre, "nurse", yes=True),
        f"reach {centre}",
    )
    player.heal(centre)


def fetch(player: Player, event: str, map_name: str, name: str) -> None:
    """Speak to somebody or something until ``event`` has happened."""
    until(
        player,
        lambda: player.event(event),
        lambda: player.pilot.talk(map_name, name, yes=True),
        f"{event} from {name}",
    )


def gather(player: Player, map_name: str, *names: str) -> None:
    """Pick up things that lie on a map."""
    for name in names:
        event = atlas().person(map_name, name).hide
        if event is not None:
            fetch(player, event, map_name, name)


def pull(player: Player, event: str, map_name: str, x: int, y: int) -> None:
    """Press A in front of a lever until ``event`` has happened."""
    until(
        player,
        lambda: player.event(event),
        lambda: player.pilot.read(map_name, x, y),
        f"{event} in {map_name}",
    )


def to_gym(player: Player, gym: str, centre: str) -> None:
    """Heal, then walk to the step in front of a gym's door."""
    player.heal(centre)
    way_out = atlas().maps[gym].warps[0]
    door = (way_out.map, way_out.dest_x, way_out.dest_y)
    player.repeat(lambda: player.at(door), lambda: player.pilot.visit(*door), f"go to {gym}")


def beat_leader(player: Player, gym: str, bit: int) -> None:
    """Beat the leader of a gym, whose badge is bit ``bit``; blackouts lead to the last centre."""
    until(
        player,
        lambda: bool(player.pilot.state.badges >> bit & 1),
        lambda: player.pilot.talk(gym, "leader"),
        f"beat the leader of {gym}",
    )


def stock_up(player: Player, shop: str, item: str, number: int) -> None:
    """Buy an item until the bag has ``number`` of it or the money runs out."""
    pilot = player.pilot

    def done() -> bool:
        return count(pilot, item) >= number or pilot.state.money < prices()[item]

    def task() -> None:
        short = number - count(pilot, item)
        buy(pilot, shop, item, min(short, pilot.state.money // prices()[item]))

    player.repeat(done, task, f"buy {item}")


def sell_all(player: Player, shop: str, item: str) -> None:
    """Sell all of an item in the bag."""
    player.repeat(
        lambda: not count(player.pilot, item), lambda: sell(player.pilot, shop, item), f"sell {item}"
    )


def teach(player: Player, machine: str) -> None:
    """Teach the lead the move of a machine in the bag, in place of its least useful move."""
    pilot = player.pilot
    move = MACHINES[machine]

    def task() -> None:
        lead = pilot.state.party[0]
        use(pilot, machine, forget=least_useful(lead, needed(pilot.state)))

    player.repeat(lambda: move in pilot.state.party[0].moves, task, f"learn from {machine}", 4)


def willowmere(player: Player) -> None:
    """Go through the cave to the fourth town's healing centre."""
    train(player, CROSSING_LEVEL, "ROUTE_3", "CENTRE_2")
    player.heal("CENTRE_2")
    player.fighter.enough = GYM_2_LEVEL
    travel(player, "CENTRE_3")


def gym_2(player: Player) -> None:
    """Train, then go to the water gym."""
    train(player, GYM_2_LEVEL, "ROUTE_4", "CENTRE_3")
    to_gym(player, "GYM_2", "CENTRE_3")


def badge_2(player: Player) -> None:
    """Beat TARN."""
    beat_leader(player, "GYM_2", 1)


def ticket(player: Player) -> None:
    """Cross the bridge, free the inventor with the lever, and get the ship's ticket."""
    player.heal("CENTRE_3")
    pull(player, "FREED_INVENTOR", "TICKET_HOUSE", 0, 1)
    fetch(player, "GOT_TICKET", "TICKET_HOUSE", "inventor")


def saltwick(player: Player) -> None:
    """Go underground to the sixth town, and get the cutting machine from the ship's captain."""
    stock_up(player, "SHOP_3", "BIG_POTION", 2)
    travel(player, "CENTRE_4")
    fetch(player, "GOT_HM_CUT", "DOCK", "captain")


def gym_3(player: Player) -> None:
    """Cut the tree in front of the gym and go to its door."""
    teach(player, "HM_CUT")
    to_gym(player, "GYM_3", "CENTRE_4")


def badge_3(player: Player) -> None:
    """Pull the gym's lever and beat DYNA."""
    pull(player, "GYM_3_OPEN", "GYM_3", 1, 11)
    beat_leader(player, "GYM_3", 2)
