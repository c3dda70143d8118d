"""The story from the first badge on: towns, gyms and what opens the way to them."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.story import Player, train

CROSSING_LEVEL = 13
"""Level of the lead with which the road east of the first gym is left for the cave."""
GYM_2_LEVEL = 17
"""Level of the lead with which the second gym is entered."""
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


JOURNEY: dict[str, Callable[[Player], None]] = {
    "town 4": willowmere,
    "badge 2": badge_2,
    "ticket": ticket,
    "cut": saltwick,
}
"""In the order of the story."""
