"""The story from the third badge on: the dark tunnel, the tower, the moor, the sea, and the last gym."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.bag import buy, count
from envs.cartridge.walkthrough.journey import (
    badge_2,
    badge_3,
    beat_leader,
    fetch,
    saltwick,
    stock_up,
    teach,
    ticket,
    travel,
    willowmere,
)
from envs.cartridge.walkthrough.story import Player


def hollowell(player: Player) -> None:
    """With a light from the engineer through the dark tunnel to the seventh town."""
    player.fighter.enough = 28
    travel(player, "CENTRE_5", "CENTRE_4")
    fetch(player, "GOT_HM_LIGHT", "CENTRE_5", "engineer", "CENTRE_5")
    teach(player, "HM_LIGHT")
    travel(player, "CENTRE_6", "CENTRE_5")


def badge_4(player: Player) -> None:
    """By the way under the road to the market, whose gym lies behind a tree."""
    travel(player, "CENTRE_7", "CENTRE_6")
    stock_up(player, "SHOP_6", "BIG_POTION", 5)
    beat_leader(player, "GYM_4", 3, "CENTRE_7")


def flute(player: Player) -> None:
    """A drink for the guards, and up the tower to the flute maker's wife."""
    player.repeat(
        lambda: count(player.pilot, "DRINK") > 0 or player.event("GUARDS_DRANK"),
        lambda: buy(player.pilot, "SHOP_6", "DRINK", 1),
        "buy a drink",
    )
    travel(player, "CENTRE_8", "CENTRE_7")
    travel(player, "CENTRE_6", "CENTRE_8")
    fetch(player, "TOWER_CLEARED", "TOWER_2", "keeper", "CENTRE_6")
    fetch(player, "GOT_FLUTE", "FLUTE_HOUSE", "keeper", "CENTRE_6")


def badge_5(player: Player) -> None:
    """Wake the bear, and on through the reeds to the moor."""
    player.fighter.enough = 33
    player.heal("CENTRE_6")
    fetch(player, "SLEEPER_GONE", "ROUTE_12", "sleeper", "CENTRE_6")
    travel(player, "CENTRE_9", "CENTRE_6")
    stock_up(player, "SHOP_8", "HUGE_POTION", 4)
    beat_leader(player, "GYM_5", 4, "CENTRE_9")


def machines(player: Player) -> None:
    """The machines of the moor: one that pushes, one that swims."""
    player.heal("CENTRE_9")
    fetch(player, "GOT_HM_PUSH", "KEEPER_HOUSE", "keeper", "CENTRE_9")
    fetch(player, "GOT_HM_SWIM", "SWIM_HOUSE", "granny", "CENTRE_9")
    teach(player, "HM_PUSH")
    teach(player, "HM_SWIM")


def badge_6(player: Player) -> None:
    """Back to the town of four gates."""
    player.fighter.enough = 38
    travel(player, "CENTRE_8", "CENTRE_9")
    stock_up(player, "SHOP_7", "HUGE_POTION", 5)
    beat_leader(player, "GYM_6", 5, "CENTRE_8")


def badge_7(player: Player) -> None:
    """Over the sea to the island, whose gym's key lies in the old house."""
    player.fighter.enough = 43
    player.heal("CENTRE_8")
    travel(player, "CENTRE_10", "CENTRE_8")
    stock_up(player, "SHOP_9", "HUGE_POTION", 5)
    fetch(player, "GOT_OLD_KEY", "OLD_HOUSE", "key", "CENTRE_10")
    player.heal("CENTRE_10")
    beat_leader(player, "GYM_7", 6, "CENTRE_10")


def badge_8(player: Player) -> None:
    """North over the water, home, and to the gym of the second town."""
    player.fighter.enough = 48
    player.heal("CENTRE_10")
    stock_up(player, "SHOP_9", "HUGE_POTION", 6)
    travel(player, "CENTRE_1", "CENTRE_10")
    beat_leader(player, "GYM_8", 7, "CENTRE_1")


def league(player: Player) -> None:
    """Through the gate of eight badges and the mountain to the league's lobby."""
    player.fighter.enough = 52
    player.heal("CENTRE_1")
    travel(player, "LOBBY", "CENTRE_1")
    stock_up(player, "LOBBY", "HUGE_POTION", 12)
    player.heal("LOBBY")


def champion(player: Player) -> None:
    """Four masters in a row, then the champion, and the end screen; from the lobby again after a defeat."""
    pilot = player.pilot
    rooms = ["LEAGUE_1", "LEAGUE_2", "LEAGUE_3", "LEAGUE_4"]

    def task() -> None:
        if pilot.state.map_id == atlas().number("LOBBY"):
            player.heal("LOBBY")
            stock_up(player, "LOBBY", "HUGE_POTION", 12)
        for room in rooms:
            if not player.event(f"{room}_DONE"):
                pilot.talk(room, "master")
                return
        pilot.talk("CHAMPION_ROOM", "champion")

    player.repeat(lambda: player.event("BEAT_CHAMPION"), task, "beat the champion", 100)


JOURNEY: dict[str, Callable[[Player], None]] = {
    "town 4": willowmere,
    "badge2": badge_2,
    "ticket": ticket,
    "cut": saltwick,
    "badge3": badge_3,
    "town 7": hollowell,
    "badge4": badge_4,
    "flute": flute,
    "badge5": badge_5,
    "machines": machines,
    "badge6": badge_6,
    "badge7": badge_7,
    "badge8": badge_8,
    "league": league,
    "champion": champion,
}
"""From the first badge on, in the order of the story."""
