"""Battles that are fought the same way and end differently, by the rules of the original game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from envs.ram import GameState, PartyMon
from tests.rewards.play import START, Play

ENDS = ("lose", "flee", "win", "catch")
AFTER = 24  # moments after the battle, equal for every end


@dataclass(frozen=True)
class Fight:
    """A battle before its end.

    ``blows`` are (kind, slot, HP): "hit" the enemy, "hurt" or "heal" the own creature in a slot. A wild
    battle (kind 1) has one enemy.
    """

    kind: int
    enemies: tuple[int, ...]  # maximum HP of each
    level: int
    blows: tuple[tuple[str, int, int], ...]


class Fighting(Play):
    """A script with whole teams, in which the last own creature stands until the battle is lost."""

    def fight(self, fight: Fight, end: str) -> Fighting:
        enemies = list(fight.enemies[: 1 if fight.kind == 1 else None])
        self.meet(enemies.pop(0), kind=fight.kind, level=fight.level)
        for what, slot, hp in fight.blows:
            if what == "hit":
                self.strike(hp, enemies)
            else:
                self.own(slot % len(self.now.party), hp if what == "hurt" else -hp)
        self.finish(end, enemies)
        return self

    def strike(self, hp: int, enemies: list[int]) -> None:
        """Hit the enemy. The last one keeps 1 HP, or the battle would be over."""
        self.hit(min(hp, self.now.enemy_hp - (0 if enemies else 1)))
        if self.now.enemy_hp == 0:
            hp = enemies.pop(0)
            self.then(enemy_species=36 + len(enemies), enemy_hp=hp, enemy_max_hp=hp).hold(2)

    def own(self, slot: int, hp: int, *, last_stands: bool = True) -> None:
        party = list(self.now.party)
        least = int(last_stands and not any(m.hp for i, m in enumerate(party) if i != slot))
        mon = party[slot]
        party[slot] = replace(mon, hp=max(min(max(mon.hp - hp, 0), mon.max_hp), least))
        self.then(party=tuple(party)).hold()

    def finish(self, end: str, enemies: Sequence[int]) -> None:
        """End the battle, padded so that every end takes the same number of actions in battle."""
        begin = len(self.moments)
        if end == "lose":
            for slot, mon in enumerate(self.now.party):
                self.own(slot, mon.hp, last_stands=False)
        elif end == "win":
            self.hit(self.now.enemy_hp)
            for number, hp in enumerate(enemies):
                self.then(enemy_species=50 + number, enemy_hp=hp, enemy_max_hp=hp).hold(2).hit(hp)
        self.hold(30 - (len(self.moments) - begin))
        leave = len(self.moments)
        getattr(self, f"leave_by_{end}")()
        while len(self.moments) < leave + AFTER:  # in the menu, so that it does not count as a wall
            self.then(menu_item=1 - self.now.menu_item)

    def leave_by_lose(self) -> None:
        self.then(battle=-1, battle_result=1).then(battle=0, battle_result=0).heal()
        self.warp(self.now.blackout_map, 5, 5)

    def leave_by_flee(self) -> None:
        self.then(battle=0, battle_result=2, escaped=True)

    def leave_by_win(self) -> None:
        self.then(battle=0, battle_result=0)

    def leave_by_catch(self) -> None:
        new = PartyMon(species=165, level=3, hp=4, max_hp=16)
        party = self.now.party
        self.then(
            battle=0, battle_result=2, party=(*party, new)[:6], pokedex_owned=self.now.pokedex_owned + 1
        )


blows = st.tuples(st.sampled_from(("hit", "hit", "hurt", "heal")), st.integers(0, 5), st.integers(1, 25))
fights = st.builds(
    Fight,
    kind=st.sampled_from((1, 1, 2)),
    enemies=st.lists(st.integers(5, 30), min_size=1, max_size=3).map(tuple),
    level=st.integers(2, 60),
    blows=st.lists(blows, max_size=8).map(tuple),
)
teams = st.lists(
    st.builds(
        lambda species, level, hp: PartyMon(species=species, level=level, hp=hp, max_hp=hp),
        st.sampled_from((153, 165, 36)),
        st.integers(2, 60),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
starts = st.builds(
    lambda party, blackout: START._replace(party=party, blackout_map=blackout),
    teams,
    st.sampled_from((0, 1, 2, 12)),
)


def scripts(start: GameState, before: Sequence[tuple[Fight, str]], last: Fight) -> dict[str, list[GameState]]:
    """Return, for each end, the moments of the battles ``before`` and of ``last``, all equally long."""
    found = {}
    for end in ENDS:
        play = Fighting(start)
        for fight, its_end in before:
            play.fight(fight, its_end)
            play.heal()
        found[end] = play.fight(last, end).moments
    return found
