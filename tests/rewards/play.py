"""Scripts of play as the moments that a game would show, and what a reward pays for them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from envs.game.catalog import Milestone
from envs.ram import GameState, PartyMon
from envs.reward_components import COMPONENTS
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

# Every term at weight 1 or -1, so that earnings are in units of the term.
UNITS = {
    name: value if name in ("stuck_after", "exploration_recent_window") else -1.0 if value < 0 else 1.0
    for name, value in DEFAULT_COEFFICIENTS.items()
} | {"penalty_wall": -1.0, "penalty_stuck": -1.0, "battle_weak_decay": 0.0}

HERO = PartyMon(species=153, level=5, hp=20, max_hp=20)
GOAL = (Milestone("healing centre", "map", 41).reached,)
START = GameState(map_id=12, x=5, y=20, party=(HERO,), last_map=0)


class Play:
    """A script under construction: every call appends the moments of one or more actions."""

    def __init__(self, start: GameState = START) -> None:
        self.moments = [start]

    @property
    def now(self) -> GameState:
        return self.moments[-1]

    def then(self, **changes: Any) -> Play:
        """Add one action that leads to these changes."""
        self.moments.append(self.now._replace(**changes))
        return self

    def hold(self, actions: int = 1) -> Play:
        """Add actions that change nothing."""
        for _ in range(actions):
            self.then()
        return self

    def walk(self, dx: int = 0, dy: int = 0) -> Play:
        """Walk one step for each unit of dx, then dy."""
        for _ in range(abs(dx)):
            self.then(x=self.now.x + (1 if dx > 0 else -1), facing=12 if dx > 0 else 8)
        for _ in range(abs(dy)):
            self.then(y=self.now.y + (1 if dy > 0 else -1), facing=0 if dy > 0 else 4)
        return self

    def warp(self, map_id: int, x: int, y: int) -> Play:
        """Go through a door: as a map loads, its id changes first, the position one action later."""
        return self.then(map_id=map_id).then(x=x, y=y).hold()

    def meet(self, max_hp: int = 16, kind: int = 1, species: int = 165, level: int = 3) -> Play:
        """Begin a battle; for one action the enemy's numbers are those of the previous enemy."""
        self.then(battle=kind, escaped=False, battle_result=0)
        return self.then(enemy_species=species, enemy_level=level, enemy_hp=max_hp, enemy_max_hp=max_hp).hold(
            3
        )

    def hit(self, hp: int) -> Play:
        """Take HP from the enemy."""
        return self.then(enemy_hp=max(self.now.enemy_hp - hp, 0)).hold(2)

    def hurt(self, hp: int) -> Play:
        """Take HP from the first own creature; a negative number heals it."""
        mon = self.now.party[0]
        mine = replace(mon, hp=min(max(mon.hp - hp, 0), mon.max_hp))
        return self.then(party=(mine, *self.now.party[1:])).hold(2)

    def heal(self) -> Play:
        """Heal all own creatures."""
        return self.then(party=tuple(replace(m, hp=m.max_hp) for m in self.now.party)).hold()

    def flee(self) -> Play:
        return self.then(battle=0, escaped=True, battle_result=2).hold(2).then(escaped=False)

    def win(self) -> Play:
        self.hit(self.now.enemy_hp)
        return self.then(battle=0, battle_result=0, escaped=False).hold(2)

    def lose(self) -> Play:
        self.hurt(self.now.party[0].hp)
        return self.then(battle=-1, battle_result=1).then(battle=0).heal().warp(0, 5, 5)

    def team(self, *party: PartyMon) -> Play:
        """Replace the party."""
        return self.then(party=party).hold(2)


def earn(moments: Sequence[GameState], coefficients: dict[str, float] | None = None) -> Counter[str]:
    """Return what each term paid for the whole script, and the return as ``total``.

    Asserts for any script that components and terms add up to the reward of every step and to the return.
    """
    stack = RewardStack(UNITS if coefficients is None else coefficients, goal=GOAL)
    stack.reset(moments[0])
    earned: Counter[str] = Counter()
    for before, now in pairwise(moments):
        breakdown = stack.step(before, now)
        assert breakdown.total == sum(getattr(breakdown, component) for component in COMPONENTS)
        assert math.isclose(sum(breakdown.values), breakdown.total, rel_tol=1e-9, abs_tol=1e-9)
        for name, value in breakdown.terms().items():
            earned[name] += value  # type: ignore[assignment]
        earned["total"] += breakdown.total  # type: ignore[assignment]
    assert math.isclose(sum(earned.values()), 2 * earned["total"], rel_tol=1e-9, abs_tol=1e-6)
    return earned


mons = st.builds(
    PartyMon,
    species=st.sampled_from((153, 165, 36)),
    level=st.integers(0, 100),
    hp=st.integers(0, 50),
    max_hp=st.integers(0, 50),
)
event_bytes = st.lists(st.integers(0, 319), max_size=3).map(
    lambda where: bytes(255 if i in where else 0 for i in range(320))
)
states = st.builds(
    GameState,
    map_id=st.sampled_from((0, 1, 2, 12, 40, 255)),
    x=st.integers(0, 6) | st.just(255),
    y=st.integers(0, 6) | st.just(255),
    facing=st.sampled_from((0, 4, 8, 12)),
    badges=st.integers(0, 255),
    party=st.lists(mons, max_size=6).map(tuple),
    battle=st.sampled_from((0, 0, 1, 1, 2, -1)),
    battle_result=st.integers(0, 3),
    escaped=st.booleans(),
    enemy_species=st.sampled_from((165, 36)),
    enemy_level=st.integers(2, 3),
    enemy_hp=st.integers(0, 20),
    enemy_max_hp=st.sampled_from((0, 10, 20)),
    event_bytes=event_bytes,
    money=st.integers(0, 999_999),
    pokedex_owned=st.integers(0, 3),
    joy_ignore=st.sampled_from((0, 255)),
    last_map=st.sampled_from((0, 1)),
)
sequences = st.lists(states, min_size=2, max_size=40)
