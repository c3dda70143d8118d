"""The reward of an environment: its terms, their weights and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envs.game.plausible_moments import PlausibleMoments
from envs.ram import GameState
from envs.reward_components import COMPONENTS
from rewards import dense, sparse, very_sparse
from rewards.base import EpisodeMemory, Layer, RewardBreakdown, Term, TermLayout, component_of
from rewards.coefficients import (
    DEFAULT_COEFFICIENTS,
    WEAK_DECAY,
    check_coefficients,
    check_layer_weights,
)
from rewards.custom_terms import CustomTerm
from rewards.memory_codec import memory_from, plain_memory

__all__ = ["DEFAULT_COEFFICIENTS", "RewardStack", "check_coefficients"]


class RewardStack:
    """Reward of an environment. Call ``reset`` at the start of an episode, then ``step`` for every action.

    ``coefficients`` maps names of ``DEFAULT_COEFFICIENTS`` to weights; missing names pay nothing.
    ``layer_weights`` multiplies whole layers and may change at any step. ``key_maps`` are map ids in order of
    progress. ``own`` are custom terms with their coefficients. ``goal`` are functions that say whether
    a state is the episode's goal; reaching any of them counts. The attribute ``memory`` is the episode's
    memory, plain data.
    Raises UserError for an unknown name or a value out of range.
    """

    def __init__(
        self,
        coefficients: Mapping[str, float],
        layer_weights: Mapping[str, float] | None = None,
        key_maps: Sequence[int] = very_sparse.KEY_MAPS,
        own: Sequence[tuple[CustomTerm, float]] = (),
        goal: Sequence[very_sparse.Goal] = (),
    ) -> None:
        self.coefficients = check_coefficients(coefficients)
        self.key_maps = tuple(key_maps)
        self._goal = tuple(goal) if self.coefficients["milestone_goal"] else ()
        self._window = int(self.coefficients["exploration_recent_window"])
        self._weak_decay = self.coefficients[WEAK_DECAY]
        stuck = dense.penalty_stuck(int(self.coefficients["stuck_after"]))
        terms: tuple[Term, ...] = (*dense.TERMS, stuck, *sparse.TERMS, *very_sparse.TERMS)
        self.terms = tuple(t for t in terms if self.coefficients[t.name] != 0)
        self.own = tuple(own)
        self._layout = self._lay_out()
        counts = {layer: sum(t.layer == layer for t in self.terms) for layer in ("sparse", "very_sparse")}
        # On most steps nothing is due in these layers, and their terms are not called.
        self._no_sparse, self._no_very_sparse = [0.0] * counts["sparse"], [0.0] * counts["very_sparse"]
        self._nothing = self._no_sparse + self._no_very_sparse
        self.memory = EpisodeMemory()
        self._moments = PlausibleMoments()
        self.layer_weights = self._in_force = check_layer_weights(layer_weights or {})
        self._weigh()

    def _lay_out(self) -> TermLayout:
        names = [(t.name, t.layer, component_of(t.name, t.layer)) for t in self.terms]
        names += [(t.name, t.layer, t.component) for t, _ in self.own]
        return TermLayout(
            names=tuple(name for name, _, _ in names),
            slots=tuple(COMPONENTS.index(component) for _, _, component in names),
            layers=tuple(layer for _, layer, _ in names),
        )

    def set_layer_weights(self, weights: Mapping[str, float]) -> None:
        """Set the weight of each layer from the next step on, 1 if missing.

        During a battle the sparse layer keeps its weight until the battle ends, so that a flight or a loss
        takes back exactly what was paid in advance. Raises UserError for an unknown layer or a weight below
        0.
        """
        self.layer_weights = check_layer_weights(weights)
        self._follow()

    def _follow(self) -> None:
        """Apply the requested weights, except the sparse one during a battle."""
        in_battle = self.memory.battle.active
        sparse_weight = (self._in_force if in_battle else self.layer_weights)["sparse"]
        self._in_force = {**self.layer_weights, "sparse": sparse_weight}
        self._weigh()

    def _weigh(self) -> None:
        """Multiply coefficients by layer weights once, not in every step."""
        self._waiting = self._in_force != self.layer_weights
        weights = self._in_force

        def of(layer: Layer) -> list[tuple[float, Any]]:
            return [
                (self.coefficients[t.name] * weights[layer], t.value) for t in self.terms if t.layer == layer
            ]

        self._dense, self._sparse, self._very_sparse = of("dense"), of("sparse"), of("very_sparse")
        self._own = [(coefficient * weights[term.layer], term) for term, coefficient in self.own]

    def reset(self, state: GameState) -> None:
        """Begin an episode. What ``state`` already holds is never paid.

        Raises UserError if a custom term fails.
        """
        self.memory = EpisodeMemory()
        self._moments.reset(state)
        dense.begin(self.memory, state)
        sparse.begin(self.memory, state)
        very_sparse.begin(self.memory, state, self.key_maps, self._goal)
        self._in_force = self.layer_weights
        self._weigh()
        for term, _ in self.own:
            term.reset(state)

    def step(self, before: GameState, now: GameState) -> RewardBreakdown:
        """Return the reward of the action that led from ``before`` to ``now``, two consecutive moments.

        An impossible moment pays nothing: every term sees the last possible one instead. Raises UserError if
        a custom term fails.
        """
        before, now = self._moments.step(before, now)
        memory = self.memory
        if self._waiting and not memory.battle.active:
            self._follow()
        memory.step += 1
        sparse.observe(memory, before, now, self._weak_decay)
        dense.observe(memory, before, now, self._window)
        very_sparse.observe(memory, before, now, self.key_maps)
        if self._goal:
            very_sparse.observe_goal(memory, before, now, self._goal)
        dense.observe_progress(memory)
        values = [weight * value(before, now, memory) for weight, value in self._dense]
        battle, progress = memory.battle.is_due(), memory.progress.is_due()
        if not (battle or progress or self._own):
            return self._breakdown(values, self._nothing)
        for terms, none, due in (
            (self._sparse, self._no_sparse, battle),
            (self._very_sparse, self._no_very_sparse, progress),
        ):
            values += [weight * value(before, now, memory) for weight, value in terms] if due else none
        values += [weight * term(before, now, memory) for weight, term in self._own]
        return self._breakdown(values, [])

    def _breakdown(self, values: list[float], zeros: list[float]) -> RewardBreakdown:
        """Return the breakdown of ``values``, the first terms of the layout, and of ``zeros``, the others."""
        sums = [0.0, 0.0, 0.0, 0.0]
        for value, slot in zip(values, self._layout.slots, strict=False):
            if value:
                sums[slot] += value
        return RewardBreakdown(self._layout, (*values, *zeros), *sums)

    def snapshot(self) -> dict[str, Any]:
        """Return all state that later steps depend on, as plain JSON values and bytes.

        Raises UserError if a custom term remembers anything else.
        """
        return {
            "memory": plain_memory(self.memory),
            "moments": self._moments.snapshot(),
            "layer_weights": dict(self.layer_weights),
            "in_force": dict(self._in_force),
            "own": [term.snapshot() for term, _ in self.own],
        }

    def continue_from(self, snapshot: Mapping[str, Any]) -> None:
        """Begin an episode that continues the one of a ``snapshot``, outside of battle: what was paid is
        paid. The weights of the layers stay as they are now.
        """
        weights = {str(layer): weight for layer, weight in self.layer_weights.items()}
        self.restore(snapshot)
        self.set_layer_weights(weights)

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot`` of a stack with the same terms."""
        self.memory = memory_from(snapshot["memory"])
        self._moments.restore(snapshot["moments"])
        self.layer_weights = check_layer_weights(snapshot["layer_weights"])
        self._in_force = check_layer_weights(snapshot["in_force"])
        self._weigh()
        for (term, _), kept in zip(self.own, snapshot["own"], strict=True):
            term.restore(kept)
