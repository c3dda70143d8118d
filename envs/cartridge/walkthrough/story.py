"""Tasks up to the first badge, each repeated until memory confirms that it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envs.cartridge.walkthrough.atlas import GRASS, Place, atlas
from envs.cartridge.walkthrough.fight import Fighter
from envs.cartridge.walkthrough.lore import mends, usefulness
from envs.cartridge.walkthrough.pilot import Pilot, WalkthroughError
from envs.cartridge.walkthrough.ways import find_way
from envs.game_boy.emulator import Emulator

GYM_LEVEL = 10
TRAINING_LEVEL = 8
"""Level of the lead required before entering the forest."""
WEAK = 0.5
"""Share of the lead's HP below which a healer is visited."""
FEW_POINTS = 8
"""Power points of useful moves below which a healer is visited."""
USEFUL = 30
"""Minimum usefulness (lore.usefulness) of a move for winning battles."""
FAR = 50
"""Steps to the nearest healer above which potions are used instead."""
MOST_TRIES = 30
MOST_STEPS = 3000
"""Steps in tall grass after which training has failed."""
OUTSIDE = ("HOME_TOWN", 8, 4)
"""On the north road, in sight of the laboratory."""
TALL_GRASS = ("ROUTE_1", 8, 35)
GYM_DOOR = ("SLATEHAVEN", 21, 6)


@dataclass(slots=True)
class Player:
    """The scripted player: a pilot and its fighter."""

    pilot: Pilot
    fighter: Fighter

    def event(self, name: str) -> bool:
        """Whether an event of world/events.txt has happened."""
        return self.pilot.state.has_event(atlas().events[name])

    def at(self, place: tuple[str, int, int]) -> bool:
        """Whether the player stands there."""
        name, x, y = place
        return self.pilot.place == Place(atlas().number(name), x, y)

    @property
    def level(self) -> int:
        """Level of the first creature."""
        return self.pilot.state.party[0].level if self.pilot.state.party else 0

    @property
    def points(self) -> int:
        """Power points the lead has left for useful moves."""
        lead = self.pilot.state.party[0]
        pairs = zip(lead.moves, lead.pp, strict=True)
        return sum(
            left for move, left in pairs if usefulness(move, lead.species) >= USEFUL and not mends(move)
        )

    @property
    def weak(self) -> bool:
        """Whether the lead needs healing first."""
        lead = self.pilot.state.party[0]
        return lead.hp < WEAK * lead.max_hp or self.points < FEW_POINTS

    @property
    def fresh(self) -> bool:
        """Whether the lead needs no healing."""
        lead = self.pilot.state.party[0]
        return lead.hp == lead.max_hp and self.points >= FEW_POINTS

    def repeat(
        self, done: Callable[[], bool], task: Callable[[], None], what: str, tries: int = MOST_TRIES
    ) -> None:
        """Repeat ``task`` until ``done``. Raises WalkthroughError after ``tries`` tries."""
        outer, self.pilot.enough = self.pilot.enough, done
        try:
            for _ in range(tries):
                self.pilot.settle()
                if done():
                    return
                before = self.pilot.actions
                task()
                if self.pilot.actions == before:
                    self.pilot.press(None)  # the story has not got there yet
        finally:
            self.pilot.enough = outer
        raise WalkthroughError(f"{what}: not done after {tries} tries, {self.pilot.describe()}")

    def heal(self, centre: str) -> None:
        """Visit a healing centre, where blackouts lead from then on."""

        def fit() -> bool:
            return self.fresh and self.pilot.state.blackout_map == atlas().number(centre)

        self.repeat(fit, lambda: self.pilot.talk(centre, "nurse", yes=True), f"heal in {centre}")

    def healers(self) -> dict[Place, tuple[str, str]]:
        """Return the places from which to speak to healers, with their map and name."""
        return {
            spot: (name, healer.name)
            for name, healer in atlas().healers()
            if atlas().present(healer, self.pilot.state.has_event)
            for spot, _ in atlas().beside(name, healer.x, healer.y)
        }

    def far_from_rest(self) -> bool:
        """Whether the way to the nearest healer is long."""
        way = find_way(atlas(), self.pilot.place, self.healers(), self.pilot.means)
        return way is None or len(way) > FAR

    def rest(self) -> None:
        """Visit the nearest healer."""
        spots = self.healers()

        def task() -> None:
            self.pilot.go(spots)
            if self.pilot.place in spots:
                self.pilot.talk(*spots[self.pilot.place], yes=True)

        self.repeat(lambda: self.fresh, task, "heal")


def starter(player: Player) -> None:
    """Follow the professor, choose the leaf creature, battle the rival, leave the laboratory."""
    pilot = player.pilot
    player.repeat(
        lambda: player.event("FOLLOWED_PROFESSOR"),
        lambda: pilot.visit("HOME_TOWN", 9, 1),
        "meet the professor",
    )
    player.repeat(
        lambda: player.event("GOT_STARTER"),
        lambda: pilot.talk("LABORATORY", "ball_leaf", yes=True),
        "choose a starter",
    )
    player.repeat(
        lambda: player.event("BATTLED_RIVAL"), lambda: pilot.visit("LABORATORY", 4, 9), "battle the rival"
    )
    player.repeat(lambda: player.at(OUTSIDE), lambda: pilot.visit(*OUTSIDE), "leave the laboratory")


def route_1(player: Player) -> None:
    """Walk to the tall grass."""
    player.repeat(lambda: player.at(TALL_GRASS), lambda: player.pilot.visit(*TALL_GRASS), "go to route 1")


def errand(player: Player) -> None:
    """Fetch the parcel and bring it to the professor."""
    pilot = player.pilot
    player.repeat(lambda: player.event("GOT_PARCEL"), lambda: pilot.visit("SHOP_1", 2, 6), "fetch the parcel")
    player.heal("CENTRE_1")
    player.repeat(
        lambda: player.event("PARCEL_DELIVERED") and player.event("GOT_BALLS"),
        lambda: pilot.talk("LABORATORY", "professor"),
        "deliver the parcel",
    )


def train(player: Player, level: int, map_name: str, centre: str) -> None:
    """Fight wild creatures in the tall grass of a map until the lead has ``level``."""
    pilot = player.pilot
    grass = grass_of(map_name)

    def task() -> None:
        if player.weak:
            player.heal(centre)
        pilot.go(grass)
        spot = pilot.place
        if spot in grass:
            neighbours = [after for _, after in atlas().next_steps(spot) if after in grass]
            pilot.go(neighbours)

    player.fighter.enough = level
    player.repeat(lambda: player.level >= level, task, f"train to level {level}", MOST_STEPS)


def grass_of(map_name: str) -> list[Place]:
    """Return the steps of tall grass of a map."""
    source = atlas().maps[map_name]
    places = [Place(source.number, x, y) for y in range(source.height) for x in range(source.width)]
    return [place for place in places if GRASS in atlas().attributes(place)]


def to_gym(player: Player) -> None:
    """Train, cross the forest to the third town, heal, and go to the gym's door."""
    pilot = player.pilot
    player.heal("CENTRE_1")
    train(player, TRAINING_LEVEL, "ROUTE_2", "CENTRE_1")
    player.fighter.enough = GYM_LEVEL + 2
    player.repeat(
        lambda: pilot.state.blackout_map == atlas().number("CENTRE_2"),
        lambda: player.heal("CENTRE_2"),
        "cross the forest",
    )
    train(player, GYM_LEVEL, "ROUTE_2", "CENTRE_2")
    player.heal("CENTRE_2")
    player.repeat(lambda: player.at(GYM_DOOR), lambda: pilot.visit(*GYM_DOOR), "go to the gym")


def badge_1(player: Player) -> None:
    """Beat the gym's leader."""
    pilot = player.pilot

    def task() -> None:
        if player.weak:
            player.heal("CENTRE_2")
        pilot.talk("GYM_1", "leader")

    player.repeat(lambda: bool(pilot.state.badges & 1), task, "beat the leader")


MILESTONES: dict[str, Callable[[Player], None]] = {
    "starter": starter,
    "route1": route_1,
    "errand done": errand,
    "gym1": to_gym,
    "badge1": badge_1,
}
"""Milestones up to the first badge, in the order of the story."""


def new_player(emulator: Emulator) -> Player:
    """Return a player for an emulator whose game has begun."""
    fighter = Fighter()
    return Player(Pilot(emulator, fighter), fighter)
