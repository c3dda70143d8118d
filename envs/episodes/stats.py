"""Statistics of an episode, counted step by step and reported at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from envs.battle_ends import battle_change
from envs.game.catalog import Game, Milestone
from envs.game.goals import goal_of
from envs.game.plausible_moments import PlausibleMoments
from envs.ram import MUSEUM_TICKET, GameState
from envs.reward_components import COMPONENTS

BATTLES = ("started", "won", "lost", "escaped")
PLAIN = (
    "length",
    "episode_return",
    "steps_to_first_battle",
    "levels_gained",
    "map_progress",
    "goal_reached",
    "_had_badges",
    "_new_badges",
)  # attributes of EpisodeStats that a snapshot stores unchanged


class Breakdown(Protocol):
    """The reward of one step: four sums that add up to ``total``."""

    @property
    def exploration(self) -> float: ...
    @property
    def battle(self) -> float: ...
    @property
    def milestone(self) -> float: ...
    @property
    def penalty(self) -> float: ...
    @property
    def total(self) -> float: ...


def components(breakdown: Breakdown) -> dict[str, float]:
    """Return the four sums by name, in the order of COMPONENTS."""
    return {
        "exploration": breakdown.exploration,
        "battle": breakdown.battle,
        "milestone": breakdown.milestone,
        "penalty": breakdown.penalty,
    }


def _event_bits(state: GameState) -> int:
    return int.from_bytes(state.event_bytes, "little") & ~(1 << MUSEUM_TICKET)


def _levels(state: GameState) -> tuple[int, ...]:
    return tuple(mon.level for mon in state.party)


def _same(one: GameState, other: GameState) -> bool:
    """Whether two states agree in map, badges and events, on which milestones depend."""
    return one.map_id == other.map_id and one.badges == other.badges and one.event_bytes == other.event_bytes


class EpisodeStats:
    """Statistics of one episode of ``game``, updated step by step.

    Memory is transient while a map loads or a battle starts, so milestones, badges, events, places and levels
    count only once they have held for two consecutive steps. Moments that the game cannot be in are counted
    and otherwise ignored (see envs.game.plausible_moments). An episode is a success when it reaches ``goal``
    (see envs.game.goals), or without a goal when it earns a badge. Raises UserError for an unknown goal.
    """

    def __init__(self, game: Game, goal: str | None = None) -> None:
        self._game = game
        self._goal = goal_of(game, goal)
        self._place = {map_id: 1 + i for i, map_id in enumerate(game.progress_order)}
        self._moments = PlausibleMoments()

    def reset(self, state: GameState, held: Collection[str] = ()) -> None:
        """Begin an episode at ``state``; what already holds does not count as reached.

        ``held`` are names of milestones that were reached before it, though ``state`` may not show them.
        """
        self._moments.reset(state)
        self.length = 0
        self.episode_return = 0.0
        self.sums: dict[str, float] = dict.fromkeys(COMPONENTS, 0.0)
        self.battles = dict.fromkeys(BATTLES, 0)
        self.steps_to_first_battle: int | None = None
        self.levels_gained = 0
        self.map_progress = self._place.get(state.map_id, 0)
        self.goal_reached = False
        self._had_badges = state.badges
        self._had_events = _event_bits(state)
        self._new_badges = 0
        self._new_events = 0
        self._held_levels = _levels(state)
        self._held_party = state.party
        self._settled: GameState | None = None  # a state that held for two steps and was fully counted
        self._open = [m for m in self._game.milestones if not (m.reached(state) or m.name in held)]
        self._open_goal = [m for m in self._goal if not m.reached(state)]

    @property
    def is_impossible(self) -> bool:
        """Whether the last step led to a moment that the game cannot be in."""
        return self._moments.is_impossible

    def step(self, before: GameState, now: GameState, sums: Mapping[str, float], reward: float) -> list[str]:
        """Count the step from ``before`` to ``now``, with its reward and components (see ``components``).

        Returns the names of the milestones reached in this step.
        """
        before, now = self._moments.step(before, now)
        self.length += 1
        self.episode_return += reward
        for name, value in sums.items():
            if value:
                self.sums[name] += value
        self._count_battles(before, now)
        self._count_levels(before, now)
        still = _same(before, now)
        if still and self._settled is not None and _same(self._settled, now):
            return []
        self._settled = now if still else None
        self._count_progress(before, now)
        self.goal_reached |= any(m.reached(now) and m.reached(before) for m in self._open_goal)
        return [milestone.name for milestone in self._take_reached(before, now)]

    def result(self, coord_count: int) -> dict[str, object]:
        """Return ``info["episode_stats"]``; ``coord_count`` is the number of tiles visited."""
        badges = self._new_badges.bit_count()
        return {
            "return": self.episode_return,
            "length": self.length,
            **{f"battles_{end}": count for end, count in self.battles.items()},
            "steps_to_first_battle": self.steps_to_first_battle,
            "badges_earned": badges,
            "levels_gained": self.levels_gained,
            "map_progress": self.map_progress,
            "coord_count": coord_count,
            "events_gained": self._new_events.bit_count(),
            "implausible": self._moments.count,
            "success": self.goal_reached if self._goal else badges > 0,
            "reward_components": dict(self.sums),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the statistics so far as plain JSON values."""
        return {
            **{name: getattr(self, name) for name in PLAIN},
            "moments": self._moments.snapshot(),
            "sums": dict(self.sums),
            "battles": dict(self.battles),
            "had_events": hex(self._had_events),
            "new_events": hex(self._new_events),
            "held_levels": list(self._held_levels),
            "open": [self._game.milestones.index(milestone) for milestone in self._open],
            "open_goal": [self._goal.index(milestone) for milestone in self._open_goal],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``.

        Raises ValueError, KeyError, TypeError or IndexError for an invalid one.
        """
        for name in PLAIN:
            setattr(self, name, snapshot[name])
        self._moments.restore(snapshot["moments"])
        self.sums = {name: float(snapshot["sums"][name]) for name in COMPONENTS}
        self.battles = {end: int(snapshot["battles"][end]) for end in BATTLES}
        self._had_events = int(snapshot["had_events"], 16)
        self._new_events = int(snapshot["new_events"], 16)
        self._held_levels = tuple(snapshot["held_levels"])
        self._open = [self._game.milestones[index] for index in snapshot["open"]]
        self._open_goal = [self._goal[index] for index in snapshot["open_goal"]]
        # These only save work: counting the same progress again changes nothing.
        self._held_party, self._settled = (), None

    def _count_battles(self, before: GameState, now: GameState) -> None:
        change = battle_change(before, now)
        if change is None:
            return
        self.battles[change] += 1
        if change == "started" and self.steps_to_first_battle is None:
            self.steps_to_first_battle = self.length

    def _count_progress(self, before: GameState, now: GameState) -> None:
        self._new_badges |= before.badges & now.badges & ~self._had_badges
        if before.event_bytes == now.event_bytes:
            self._new_events |= _event_bits(now) & ~self._had_events
        if before.map_id == now.map_id:
            self.map_progress = max(self.map_progress, self._place.get(now.map_id, 0))

    def _count_levels(self, before: GameState, now: GameState) -> None:
        """Count level gains of a party of constant size, in any order; another size sets a new baseline."""
        if now.party == self._held_party:
            return
        levels = _levels(now)
        if levels != _levels(before):
            return
        self._held_party = now.party
        if len(levels) == len(self._held_levels):
            self.levels_gained += max(0, sum(levels) - sum(self._held_levels))
        self._held_levels = levels

    def _take_reached(self, before: GameState, now: GameState) -> list[Milestone]:
        reached = [m for m in self._open if m.reached(now) and m.reached(before)]
        for milestone in reached:
            self._open.remove(milestone)
        return reached


def agent_stats(state: GameState, step: int, coord_count: int) -> Mapping[str, int | float]:
    """Return a sample of the agent's position and progress, for ``info["agent_stats"]``."""
    hp = sum(mon.hp for mon in state.party)
    max_hp = sum(mon.max_hp for mon in state.party)
    return {
        "step": step,
        "map_id": state.map_id,
        "x": state.x,
        "y": state.y,
        "badges": state.badge_count,
        "levels": sum(_levels(state)),
        "hp_fraction": min(hp / max_hp, 1.0) if max_hp else 0.0,
        "battle": state.battle,
        "event_count": state.event_count,
        "coord_count": coord_count,
    }
