"""The story from the first badge on: towns, gyms and what opens the way to them."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import Place, atlas
from envs.cartridge.walkthrough.lore import worth
from envs.cartridge.walkthrough.story import Player, train

CROSSING_LEVEL = 13
"""Level of the lead with which the road east of the first gym is left for the cave."""
GYM_2_LEVEL = 17
"""Level of the lead with which the second gym is entered."""
CUT, HM_CUT = 15, 196
"""The move and the machine that teaches it."""
BAG_ROW, FORGET_ROW = 4, 5
"""Screen rows of BAG in the START menu and of the first move that may be forgotten."""
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

    def pull() -> None:
        pilot.visit("TICKET_HOUSE", 0, 2)
        if player.at(("TICKET_HOUSE", 0, 2)) and pilot.turn("up"):
            pilot.press("a")
            pilot.settle()

    player.heal("CENTRE_3")
    player.repeat(lambda: player.event("FREED_INVENTOR"), lambda: toward(pull), "pull the lever")
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


def teach_cut(player: Player) -> None:
    """Have the lead learn to cut from the machine in the bag, for the move that does least."""
    pilot = player.pilot
    lead = pilot.state.party[0]
    weakest = min(range(4), key=lambda i: worth(lead.moves[i], lead.species, lead.species))
    row = [item for item, _ in pilot.state.bag].index(HM_CUT)
    pilot.press("start")
    for at in (BAG_ROW, row, None, 0):
        if at is not None:
            pilot.point(at)
        pilot.press("a")
    pilot.press(None)
    if pilot.screen.shows("Forget which"):
        pilot.point(FORGET_ROW + weakest)
        pilot.press("a")
    for _ in range(8):
        pilot.press("b")


def badge_3(player: Player) -> None:
    """Cut the tree before the gym, pull its lever, beat the leader."""
    pilot = player.pilot
    player.repeat(
        lambda: CUT in pilot.state.party[0].moves, lambda: teach_cut(player), "teach the lead to cut", 4
    )
    player.heal("CENTRE_4")

    def task() -> None:
        if pilot.state.map_id != atlas().number("GYM_3"):
            pilot.visit("SALTWICK", 14, 16)
            if pilot.turn("left"):
                pilot.press("a")
                pilot.yes = True
                pilot.settle()
                pilot.yes = False
            pilot.step("left", Place(atlas().number("SALTWICK"), 13, 16))
        if not player.event("GYM_3_OPEN"):
            pilot.visit("GYM_3", 1, 12)
            if player.at(("GYM_3", 1, 12)) and pilot.turn("up"):
                pilot.press("a")
                pilot.settle()
        pilot.talk("GYM_3", "leader")

    player.repeat(lambda: bool(pilot.state.badges & 4), task, "beat the leader of GYM_3")


JOURNEY: dict[str, Callable[[Player], None]] = {
    "town 4": willowmere,
    "badge 2": badge_2,
    "ticket": ticket,
    "cut": saltwick,
    "badge 3": badge_3,
}
"""In the order of the story."""
