"""The game as a Gymnasium environment, independent of how its reward is computed."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from envs.episodes.recorder import EpisodeRecorder
from envs.episodes.stats import Breakdown, EpisodeStats, agent_stats, components
from envs.errors import UserError
from envs.game.catalog import Game
from envs.game.goals import goal_of
from envs.game.interventions import INTERVENTIONS
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.observations import Observations
from envs.ram import GameState, read_state
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from envs.visited import VisitedTiles

MAX_WAIT = 30  # frames
Observation = dict[str, NDArray[np.uint8]]


class Reward(Protocol):
    """Interface of the reward of a RedEnv."""

    def reset(self, state: GameState) -> None: ...
    def step(self, before: GameState, now: GameState) -> Breakdown: ...
    def set_layer_weights(self, weights: Mapping[str, float]) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class EnvConfig:
    """Settings of episodes. Raises UserError for a value out of range and for an unknown goal of ``game``.

    Each episode begins at one of ``starts``, drawn by its weight, or at ``start`` if there are none.
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


class RedEnv(gymnasium.Env[Observation, np.int64]):
    """A Gymnasium environment of one game. Action n presses ``envs.game_boy.emulator.BUTTONS[n]``.

    ``info`` has "reward_components" in every step, "milestones" (names) and "agent_stats" in some, and
    "episode_stats" in the last step of an episode, with "start", the name of the state that it began at, and
    "interventions" if memory was written from outside.
    ``reset(options={"start": name, "wait_frames": n})`` chooses another start state than the config's and the
    number of frames to wait, which is random otherwise. ``recorder`` records every episode.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 60 / 24}  # noqa: RUF012 - Gymnasium's own declaration

    def __init__(
        self,
        emulator: Emulator,
        reward: Reward,
        observations: Observations,
        config: EnvConfig,
        recorder: EpisodeRecorder | None = None,
    ) -> None:
        self.render_mode = "rgb_array"
        self.emulator = emulator
        self.config = config
        self.action_space = self.actions()
        self.observation_space: gymnasium.Space[Observation] = observations.space  # type: ignore[assignment]
        self._reward = reward
        self._observations = observations
        self._picture = emulator.whole_screen if observations.whole_screen else emulator.half_screen
        self._visited = VisitedTiles()
        self._helps = [write for name, write in INTERVENTIONS.items() if getattr(config, name)]
        self._stats = EpisodeStats(config.game, config.goal)
        self._state = GameState()
        self._recorder = recorder
        self._pressed = 0  # the last action
        self._began_at = config.start.name
        self._playing = False  # from the first reset on
        self.out: Observation | None = None
        """Arrays that observations are written to; None: new arrays for every step."""

    @staticmethod
    def actions() -> gymnasium.spaces.Discrete:
        """Return the action space: one action per button."""
        return gymnasium.spaces.Discrete(len(BUTTONS))

    @property
    def state(self) -> GameState:
        """The game state after the last step or reset."""
        return self._state

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Load the start state, then wait 0 to 30 frames. Both are drawn from the environment's generator.

        Raises UserError if ``options["start"]`` is not a start state or does not load.
        """
        super().reset(seed=seed)
        start = self._start(options)
        self._began_at = start.name
        self.emulator.load_state(start.data)
        self.emulator.interventions.clear()
        self._help()
        wait = self._wait(options)
        self.emulator.tick(wait, render=True)
        self._state = read_state(self.emulator.memory)
        self._visited.reset(self._state)
        self._reward.reset(self._state)
        self._stats.reset(self._state)
        self._observations.reset(self._state, self._picture())
        if self._recorder is not None:
            self._recorder.begin(start, wait, seed)
        self._playing = True
        return self._encode(), {"start": start.name, "wait_frames": wait}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Press a button and run the frames of one action.

        Raises ValueError for an unknown action, and ResetNeeded before the first reset.
        """
        self.press(action)
        return self.look()

    def press(self, action: np.int64 | int) -> None:
        """First half of a step: run its frames and keep the image. Raises ValueError for an unknown action.

        A worker calls it for all its games before it calls ``look`` for any: code and data of ``look``, which
        emulation would evict, then stay in the CPU caches.
        """
        if not self._playing:
            raise ResetNeeded("step before reset: call reset() first, which begins an episode")
        index = _index(action)
        self.emulator.act(BUTTONS[index], self.config.action_frames, self.config.held_frames)
        self._help()
        self._observations.update(self._picture(), index)
        self._pressed = index

    def look(self) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Second half of a step: read the memory and return what ``step`` returns."""
        before, self._state = self._state, read_state(self.emulator.memory)
        self._visited.mark(self._state)
        breakdown = self._reward.step(before, self._state)
        sums, total = components(breakdown), float(breakdown.total)
        milestones = self._stats.step(before, self._state, sums, total)
        terminated = self._stats.goal_reached
        truncated = not terminated and self._stats.length >= self.config.max_steps
        info = self._info(sums, milestones, terminated or truncated)
        if self._recorder is not None:
            self._recorder.step(self._pressed, self.emulator.memory, milestones)
            if terminated or truncated:
                sent = self._recorder.end(self.emulator.memory, info["episode_stats"], terminated)
                if sent is not None:
                    info["episode_file"] = sent
        return self._encode(), total, terminated, truncated, info

    def set_layer_weights(self, weights: Mapping[str, float]) -> None:
        """Set the weights of the reward layers from the next step on. Raises UserError."""
        self._reward.set_layer_weights(weights)
        if self._recorder is not None:
            self._recorder.set_layer_weights(weights)

    def take_interventions(self) -> dict[str, int]:
        """Return the number of memory writes by kind since the last call, across episodes."""
        return self.emulator.take_ledger()

    def render(self) -> NDArray[np.uint8]:
        """Return the last image: uint8 (144, 160, 3)."""
        return self.emulator.screen_rgb()

    def close(self) -> None:
        """Stop the emulator; may be called again."""
        self.emulator.close()

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, even in the middle of an episode: plain JSON values, bytes, uint8 arrays.

        Changes nothing.
        """
        parts = {name: part.snapshot() for name, part in self._stateful().items()}
        random = {"seed": self._np_random_seed, "state": self.np_random.bit_generator.state}
        return {**parts, "random": random, "begun": self._stats.length > 0, "start": self._began_at}

    def restore(self, snapshot: Mapping[str, Any]) -> Observation:
        """Continue from a ``snapshot`` of an environment with the same cartridge and settings.

        Returns the observation for the next action. Raises UserError, ValueError, KeyError, TypeError or
        IndexError for an invalid snapshot.
        """
        for name, part in self._stateful().items():
            if name in snapshot or name != "recorder":  # recording may be turned on when a run is resumed
                part.restore(snapshot[name])
        generator = np.random.PCG64()
        generator.state = snapshot["random"]["state"]
        self._np_random, self._np_random_seed = np.random.Generator(generator), snapshot["random"]["seed"]
        self._began_at = str(snapshot.get("start", self.config.start.name))  # absent in older snapshots
        self._state, self._playing = read_state(self.emulator.memory), True
        return self._observations.encode(self._state, self._visited)

    def _stateful(self) -> dict[str, Any]:
        parts = {
            "emulator": self.emulator,
            "visited": self._visited,
            "reward": self._reward,
            "stats": self._stats,
            "observations": self._observations,
        }
        return parts if self._recorder is None else {**parts, "recorder": self._recorder}

    def _help(self) -> None:
        for write in self._helps:
            write(self.emulator)

    def _start(self, options: dict[str, Any] | None) -> StartState:
        name = (options or {}).get("start")
        if name is None:
            return self.config.draw_start(self.np_random)
        return start_state(self.config.game, str(name))

    def _wait(self, options: dict[str, Any] | None) -> int:
        chosen = (options or {}).get("wait_frames")
        return int(self.np_random.integers(0, MAX_WAIT + 1)) if chosen is None else int(chosen)

    def _encode(self) -> Observation:
        return self._observations.encode(self._state, self._visited, self.out)

    def _info(self, sums: dict[str, float], milestones: list[str], ended: bool) -> dict[str, Any]:
        info: dict[str, Any] = {"reward_components": sums}
        if milestones:
            info["milestones"] = milestones
        if self._stats.length % self.config.agent_stats_every == 0:
            sample = agent_stats(self._state, self._stats.length, self._visited.count)
            info["agent_stats"] = {**sample, "battles_started": self._stats.battles["started"]}
        if ended:
            interventions = dict(self.emulator.interventions)
            stats = {"start": self._began_at, **self._stats.result(self._visited.count)}
            info["episode_stats"] = {**stats, "interventions": interventions} if interventions else stats
        return info


def _index(action: object) -> int:
    """Return ``action`` as an index of BUTTONS. Raises ValueError for anything else, such as 2.9."""
    try:
        index = operator.index(action)  # type: ignore[arg-type]
    except TypeError:
        index = -1
    if not 0 <= index < len(BUTTONS):
        raise ValueError(f"action {action}: must be a whole number from 0 to {len(BUTTONS) - 1}")
    return index
