"""Building blocks of rewards: terms, the episode memory they read, and the breakdown of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, get_args

from envs.ram import PARTY_MAX, GameState
from envs.reward_components import Component

Layer = Literal["dense", "sparse", "very_sparse"]
BattleEnd = Literal["won", "lost", "caught", "escaped"]

LAYERS: tuple[Layer, ...] = get_args(Layer)


@dataclass(slots=True)
class VisitMemory:
    """Places visited in the episode.

    ``tiles`` maps each visited tile to (step of the last visit, number of times the recent reward was paid
    there). Its size is bounded by the game's maps.
    """

    tiles: dict[int, tuple[int, int]] = field(default_factory=dict)
    last_tile: int = 0
    carried: bool = False  # a battle was lost, and the blackout's destination is not yet known
    new_tile: bool = False  # this step
    new_ahead: bool = False  # this step: a new tile that is not behind the start of the episode
    recent_share: float = 0.0  # this step: 1, 1/2, 1/4, ... of the recent reward
    idle_steps: int = 0  # steps in a row that changed nothing


@dataclass(slots=True)
class BattleMemory:
    """The current battle and what it has paid. Events hold for the step on which they were confirmed."""

    active: bool = False
    started: bool = False  # this step
    ended: BattleEnd | None = None  # this step
    pending_end: BattleEnd | None = None  # seen once, not confirmed yet
    trusted: bool = True  # False from a flight or a loss until a battle ends with a win or a catch
    start_share: float = 1.0  # 0 when the episode began in this battle
    start_paid: float = 0.0  # shares of the start bonus, this battle
    start_due: float = 0.0  # this step
    hp_paid: float = 0.0  # HP shares, this battle
    hp_due: float = 0.0  # this step
    enemy_limit: int = 0  # maximum number of enemies in this battle
    enemy_taken: float = 0.0  # HP shares taken from enemies, this battle
    last_enemy: tuple[int, int, int, int] = (0, 0, 0, 0)  # species, level, max HP, HP at the pending end
    enemy_low: dict[tuple[int, int, int], float] = field(default_factory=dict)  # at most a battle's enemies
    own_level: int = 0  # highest of the party when the battle began
    weak: bool = False  # a wild enemy of at most half that level
    share: float = 1.0  # factor of the enemy's worth
    weak_ends: int = 0  # weak enemies beaten or caught in the episode
    own_lost: float = 0.0  # HP shares lost, this battle
    own_low: list[float] = field(default_factory=list)  # per party slot
    owned_at_start: tuple[int, int, int] = (0, 0, 0)  # party size, kinds owned, creatures in the box

    def is_lost(self) -> bool:
        """Return whether this step shows a lost battle, confirmed or not."""
        return "lost" in (self.pending_end, self.ended)

    def is_due(self) -> bool:
        """Return whether this step pays for a battle."""
        return bool(self.start_due or self.hp_due or self.ended)


@dataclass(slots=True)
class ProgressMemory:
    """High-water marks of the episode's milestones, and what this step added."""

    badges: int = 0  # bit mask
    new_badges: int = 0
    events: int = 0  # 2,560 bits
    new_events: int = 0
    maps: set[int] = field(default_factory=set)  # a subset of the key maps
    behind: set[int] = field(default_factory=set)  # key maps before the one on which the episode began
    new_map: bool = False
    levels: list[int] = field(default_factory=lambda: [0] * PARTY_MAX)  # per rank, highest first
    party: tuple[int, ...] = ()
    new_levels: int = 0
    open_goals: tuple[int, ...] = ()  # which of the episode's goals did not hold when it began
    new_goal: bool = False
    settled: GameState | None = None  # a state that held for two steps and is fully counted

    def is_due(self) -> bool:
        """Return whether this step pays for a milestone."""
        return bool(self.new_badges or self.new_events or self.new_map or self.new_levels or self.new_goal)


@dataclass(slots=True)
class EpisodeMemory:
    """Everything that terms remember of an episode: plain data of bounded size."""

    step: int = 0
    steps_without_progress: int = 0
    steps_before_battle: int = 0  # steps_without_progress when the current battle began
    places: VisitMemory = field(default_factory=VisitMemory)
    battle: BattleMemory = field(default_factory=BattleMemory)
    progress: ProgressMemory = field(default_factory=ProgressMemory)


class RewardTerm(Protocol):
    """One term of a reward.

    ``memory`` already includes the step from ``before`` to ``now``. The value is in units of the term (tiles,
    shares of HP, badges, ...). The stack multiplies it by the term's coefficient and the layer's weight.
    """

    @property
    def name(self) -> str: ...
    @property
    def layer(self) -> Layer: ...
    def __call__(self, before: GameState, now: GameState, memory: EpisodeMemory) -> float: ...


@dataclass(frozen=True, slots=True)
class Term:
    """A RewardTerm made from a plain function."""

    name: str
    layer: Layer
    value: Callable[[GameState, GameState, EpisodeMemory], float]

    def __call__(self, before: GameState, now: GameState, memory: EpisodeMemory) -> float:
        """Return the value of this step in units of the term."""
        return self.value(before, now, memory)


def component_of(name: str, layer: Layer) -> Component:
    """Return the component of a term: "penalty" for the names ``penalty_*``, else by layer."""
    if name.startswith("penalty_"):
        return "penalty"
    by_layer: dict[Layer, Component] = {
        "dense": "exploration",
        "sparse": "battle",
        "very_sparse": "milestone",
    }
    return by_layer[layer]


@dataclass(frozen=True, slots=True)
class TermLayout:
    """The fixed order of a stack's terms, with the component and layer of each."""

    names: tuple[str, ...]
    slots: tuple[int, ...]  # indices into COMPONENTS
    layers: tuple[Layer, ...]


class RewardBreakdown(NamedTuple):
    """The reward of one step, term by term.

    ``total`` is exactly ``exploration + battle + milestone + penalty``. A tuple because every step creates
    one.
    """

    layout: TermLayout
    values: tuple[float, ...]
    exploration: float  # sum of the dense terms other than penalties
    battle: float  # sum of the sparse terms
    milestone: float  # sum of the very sparse terms
    penalty: float  # sum of the terms named ``penalty_*``

    @property
    def total(self) -> float:
        """The reward of the step."""
        return self.exploration + self.battle + self.milestone + self.penalty

    def layer(self, name: Layer) -> float:
        """Return the sum of one layer. The three layers add up to ``total`` up to rounding."""
        return sum((v for v, own in zip(self.values, self.layout.layers, strict=True) if own == name), 0.0)

    @property
    def dense(self) -> float:
        """Sum of the dense layer: exploration and penalties."""
        return self.layer("dense")

    @property
    def sparse(self) -> float:
        """Sum of the sparse layer: battles."""
        return self.layer("sparse")

    @property
    def very_sparse(self) -> float:
        """Sum of the very sparse layer: milestones."""
        return self.layer("very_sparse")

    def terms(self) -> dict[str, float]:
        """Return a dict from the name of each term to its part of the reward."""
        return dict(zip(self.layout.names, self.values, strict=True))
