"""Settings of the episodes of an environment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game.goals import goal_of
from envs.start_states.state_files import StartState


@dataclass(frozen=True, slots=True)
class EnvConfig:
    """Settings of episodes. Raises UserError for a value out of range and an unknown goal of ``game``.

    Each episode begins at one of ``starts``, drawn by its weight, or at ``start`` if ``starts`` is empty.
    """

    game: Game
    start: StartState
    max_steps: int = 4096  # then the episode is truncated
    action_frames: int = 24
    held_frames: int = 8
    agent_stats_every: int = 10  # steps
    goal: str | None = None  # ends the episode as a success, see envs.game.goals
    fast_text: bool = False  # keep text fast and animations off by writing to memory: a counted intervention
    repel: bool = False  # prevent wild battles by writing to memory: a counted intervention
    cells: bool = False  # report the cell of each moment, see envs.cells
    starts: tuple[tuple[StartState, float], ...] = ()  # with weights above 0, which need not add up to 1

    def __post_init__(self) -> None:
        for name in ("max_steps", "action_frames", "held_frames", "agent_stats_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} = {getattr(self, name)}: must be at least 1")
        if self.held_frames > self.action_frames:
            raise UserError(
                f"held_frames = {self.held_frames}: must be at most {self.action_frames} (action_frames)"
            )
        for start, weight in self.starts:
            if not weight > 0:
                raise UserError(f'starts: weight {weight} of "{start.name}" must be above 0')
        goal_of(self.game, self.goal)

    def draw_start(self, generator: np.random.Generator) -> StartState:
        """Return the start of an episode. Draws from ``generator`` only if there are several."""
        if len(self.starts) < 2:
            return self.starts[0][0] if self.starts else self.start
        weights = np.array([weight for _, weight in self.starts])
        return self.starts[int(generator.choice(len(weights), p=weights / weights.sum()))][0]
