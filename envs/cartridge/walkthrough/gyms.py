"""Tasks from the third badge on: the dark tunnel, the tower, the moor, the sea, and the last gym."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.atlas import atlas
from envs.cartridge.walkthrough.bag import buy, count, use
from envs.cartridge.walkthrough.journey import (
    badge_2,
    badge_3,
    beat_leader,
    fetch,
    gather,
    gym_2,
    gym_3,
    pull,
    saltwick,
    sell_all,
    stock_up,
    teach,
    ticket,
    to_gym,
    travel,
    willowmere,
)
from envs.cartridge.walkthrough.story import Player

READY = 0.6
"""Share of the lead's HP below which a potion is used before the next master."""


def hollowell(player: Player) -> None:
    """Get the light from the engineer and go through the dark tunnel to the seventh town."""
    player.fighter.enough = 28
    player.heal("CENTRE_4")
    stock_up(player, "SHOP_4", "BIG_POTION", 8)
    travel(player, "CENTRE_5")
    fetch(player, "GOT_HM_LIGHT", "CENTRE_5", "engineer")
    teach(player, "HM_LIGHT")
    gather(player, "TUNNEL_2", "ball_2")
    gather(player, "ROUTE_10", "ball_2")
    travel(player, "CENTRE_6")


def gym_4(player: Player) -> None:
    """Go by the underpass to the market, whose gym is behind a tree."""
    stock_up(player, "SHOP_5", "BIG_POTION", 6)
    travel(player, "CENTRE_7")
    stock_up(player, "SHOP_6", "BIG_POTION", 8)
    gather(player, "MARKETON", "treat")
    to_gym(player, "GYM_4", "CENTRE_7")


def badge_4(player: Player) -> None:
    """Beat OLIVE."""
    beat_leader(player, "GYM_4", 3)


def flute(player: Player) -> None:
    """Buy a drink for the guards, clear the tower and get the flute."""
    player.repeat(
        lambda: count(player.pilot, "DRINK") > 0 or player.event("GUARDS_DRANK"),
        lambda: buy(player.pilot, "SHOP_6", "DRINK", 1),
        "buy a drink",
    )
    travel(player, "CENTRE_8")
    travel(player, "CENTRE_6")
    gather(player, "TOWER_2", "nugget")
    fetch(player, "TOWER_CLEARED", "TOWER_2", "keeper")
    fetch(player, "GOT_FLUTE", "FLUTE_HOUSE", "keeper")


def gym_5(player: Player) -> None:
    """Wake the bear and go through the reeds to the moor."""
    player.fighter.enough = 33
    player.heal("CENTRE_6")
    stock_up(player, "SHOP_5", "BIG_POTION", 5)
    gather(player, "ROUTE_12", "potion")
    fetch(player, "SLEEPER_GONE", "ROUTE_12", "sleeper")
    gather(player, "ROUTE_14", "nugget")
    gather(player, "ROUTE_15", "potion")
    travel(player, "CENTRE_9")
    sell_all(player, "SHOP_8", "NUGGET")
    stock_up(player, "SHOP_8", "HUGE_POTION", 6)
    to_gym(player, "GYM_5", "CENTRE_9")


def badge_5(player: Player) -> None:
    """Beat MURCH."""
    beat_leader(player, "GYM_5", 4)


def machines(player: Player) -> None:
    """Get the moor's two machines: to push and to swim."""
    player.heal("CENTRE_9")
    fetch(player, "GOT_HM_PUSH", "KEEPER_HOUSE", "keeper")
    fetch(player, "GOT_HM_SWIM", "SWIM_HOUSE", "granny")
    teach(player, "HM_PUSH")
    teach(player, "HM_SWIM")


def gym_6(player: Player) -> None:
    """Go back to the town of four gates."""
    player.fighter.enough = 38
    travel(player, "CENTRE_8")
    gather(player, "BRASSGATE", "potion")
    stock_up(player, "SHOP_7", "HUGE_POTION", 5)
    to_gym(player, "GYM_6", "CENTRE_8")


def badge_6(player: Player) -> None:
    """Beat LUMEN."""
    beat_leader(player, "GYM_6", 5)


def gym_7(player: Player) -> None:
    """Swim to the island and get the gym's key from the old house."""
    player.fighter.enough = 43
    player.heal("CENTRE_8")
    gather(player, "ROUTE_20", "potion")
    travel(player, "CENTRE_10")
    stock_up(player, "SHOP_9", "HUGE_POTION", 5)
    fetch(player, "GOT_OLD_KEY", "OLD_HOUSE", "key")
    gather(player, "OLD_HOUSE", "potion")
    to_gym(player, "GYM_7", "CENTRE_10")


def badge_7(player: Player) -> None:
    """Beat ASHBY."""
    beat_leader(player, "GYM_7", 6)


def gym_8(player: Player) -> None:
    """Swim north, home, and go to the gym of the second town."""
    player.fighter.enough = 48
    player.heal("CENTRE_10")
    stock_up(player, "SHOP_9", "HUGE_POTION", 6)
    travel(player, "CENTRE_1")
    to_gym(player, "GYM_8", "CENTRE_1")


def badge_8(player: Player) -> None:
    """Beat OSKAR."""
    beat_leader(player, "GYM_8", 7)


def league(player: Player) -> None:
    """Go through the gate of eight badges and the mountain to the league's lobby."""
    player.fighter.enough = 52
    player.heal("CENTRE_1")
    gather(player, "ROUTE_22", "potion")
    gather(player, "PEAK_2", "potion", "nugget")
    travel(player, "LOBBY")
    pull(player, "HIDDEN_CROWNRIDGE_17_15", "CROWNRIDGE", 17, 15)
    sell_all(player, "LOBBY", "NUGGET")
    stock_up(player, "LOBBY", "HUGE_POTION", 12)
    player.heal("LOBBY")


def champion(player: Player) -> None:
    """Beat four masters in a row and the champion, up to the end screen; start again after a defeat."""
    pilot = player.pilot
    rooms = ["LEAGUE_1", "LEAGUE_2", "LEAGUE_3", "LEAGUE_4"]

    def task() -> None:
        if pilot.state.map_id == atlas().number("LOBBY"):
            player.heal("LOBBY")
            stock_up(player, "LOBBY", "HUGE_POTION", 15)
        elif pilot.state.party[0].hp < READY * pilot.state.party[0].max_hp:
            use(pilot, "HUGE_POTION")
        for room in rooms:
            if not player.event(f"{room}_DONE"):
                pilot.talk(room, "master")
                return
        pilot.talk("CHAMPION_ROOM", "champion")

    player.repeat(lambda: player.event("BEAT_CHAMPION"), task, "beat the champion", 200)


JOURNEY: dict[str, Callable[[Player], None]] = {
    "town 4": willowmere,
    "gym2": gym_2,
    "badge2": badge_2,
    "ticket": ticket,
    "cut": saltwick,
    "gym3": gym_3,
    "badge3": badge_3,
    "town 7": hollowell,
    "gym4": gym_4,
    "badge4": badge_4,
    "flute": flute,
    "gym5": gym_5,
    "badge5": badge_5,
    "machines": machines,
    "gym6": gym_6,
    "badge6": badge_6,
    "gym7": gym_7,
    "badge7": badge_7,
    "gym8": gym_8,
    "badge8": badge_8,
    "league": league,
    "champion": champion,
}
"""Milestones from the first badge on, in the order of the story."""
