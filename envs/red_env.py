"""The game as a Gymnasium environment, independent of how its reward is computed."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from envs.archive_scout import ArchiveScout, Cell
from envs.cells import NO_CELL, CellNumbers
from envs.env_config import EnvConfig
from envs.episodes.recorder import EpisodeRecorder
from envs.episodes.stats import Breakdown, EpisodeStats, agent_stats, components
from envs.game.interventions import INTERVENTIONS
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.observations import Observations
from envs.ram import GameState, read_state
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from envs.visited import VisitedTiles

__all__ = ["ARCHIVE", "EnvConfig", "RedEnv", "Reward"]

MAX_WAIT = 30  # frames
ARCHIVE = "archive"
"""Name of the start of episodes that begin in a cell of the start archive."""
Observation = dict[str, NDArray[np.uint8]]


class Reward(Protocol):
    """Interface of the reward of a RedEnv."""

    def reset(self, state: GameState) -> None: ...
    def step(self, before: GameState, now: GameState) -> Breakdown: ...
    def set_layer_weights(self, weights: Mapping[str, float]) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...
    def continue_from(self, snapshot: Mapping[str, Any]) -> None: ...


class RedEnv(gymnasium.Env[Observation, np.int64]):
    """A Gymnasium environment of one game. Action n presses ``envs.game_boy.emulator.BUTTONS[n]``.

    ``info`` has "reward_components" in every step, "milestones" (names) and "agent_stats" in some, "cell"
    (a number) in those that have one if the config asks for cells, and "episode_stats" in the last step of an
    episode, with "start", the name of the state that it began at, and "interventions" if memory was written
    from outside or actions were masked.
    ``reset(options={"start": name, "wait_frames": n})`` chooses another start state than the config's and the
    number of frames to wait, which is random otherwise. ``recorder`` records every episode. A mask of the
    observations says which actions may be chosen; ``step`` takes the others all the same.
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
        self._mask = observations.mask
        self._picture = emulator.whole_screen if observations.whole_screen else emulator.half_screen
        self._visited = VisitedTiles()
        self._helps = [write for name, write in INTERVENTIONS.items() if getattr(config, name)]
        self._stats = EpisodeStats(config.game, config.goal)
        self._state = GameState()
        self._cell_of = CellNumbers() if config.cells else None
        self._recorder = recorder
        self._pressed = 0  # the last action
        self._began_at = config.start.name
        self._began: tuple[StartState, int] | None = None  # start state and wait; None: unknown, or a cell
        self._began_in: str | None = None  # key of the cell
        self._scout: ArchiveScout | None = None
        self._playing = False  # from the first reset on
        self.out: Observation | None = None
        """C-contiguous arrays that observations are written to; None: new arrays for every step. See
        ``envs.observations.Observations.encode`` for who else may write to them."""

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
        cell = self._scout.next_start() if self._scout is not None and not options else None
        if cell is not None:
            return self._begin_in(cell, seed)
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
        self._began, self._began_in = (start, wait), None
        if self._scout is not None:
            self._scout.begin(start, wait, self._state)
        if self._recorder is not None:
            self._recorder.begin(start, wait, seed)
        self._playing = True
        return self._encode(), {"start": start.name, "wait_frames": wait}

    def _begin_in(self, cell: Cell, seed: int | None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in a cell of the start archive: it continues the one that led there."""
        assert self._scout is not None
        start = cell.start_state()
        self._began_at, self._began, self._began_in = ARCHIVE, None, cell.key
        self.emulator.load_state(start.data)
        self.emulator.interventions.clear()
        self._state, self._playing = read_state(self.emulator.memory), True
        self._visited.restore(cell.parts["visited"])
        self._reward.continue_from(cell.parts["reward"])
        self._observations.restore(cell.parts["observations"])
        self._stats.reset(self._state, self._scout.names(cell.held))
        self._scout.begin_at(cell, self._state)
        if self._recorder is not None:
            self._recorder.begin(start, 0, seed)
        return self._encode(), {"start": ARCHIVE, "wait_frames": 0, "archive_cell": cell.key}

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
        if self._mask is not None:
            for rule in self._mask.acting:
                self.emulator.count(rule)
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
        if self._cell_of is not None and not self._stats.is_impossible:
            cell = self._cell_of(before, self._state)
            if cell != NO_CELL:
                info["cell"] = cell
        if self._scout is not None and self._scout.step(self._pressed, self._state, milestones):
            info["found_cell"] = self._scout.cell(self._state, self._parts_of_cell())
        if self._recorder is not None:
            self._recorder.step(self._pressed, self.emulator.memory, milestones)
            if terminated or truncated:
                sent = self._recorder.end(self.emulator.memory, info["episode_stats"], terminated)
                if sent is not None:
                    info["episode_file"] = sent
        return self._encode(), total, terminated, truncated, info

    def follow_archive(self, cells: str, lengths: Mapping[str, int]) -> None:
        """Watch episodes for cells of a start archive, which ``info["found_cell"]`` then holds.

        ``cells``: see envs.archive_scout; ``lengths``: steps of the shortest known way to each known cell.
        """
        if self._scout is None or self._scout.cells != cells:
            self._scout = ArchiveScout(self.config.game, cells)
            if self._began is not None and self._stats.length == 0:
                self._scout.begin(*self._began, self._state)
        self._scout.lengths = dict(lengths)

    def begin_next_at(self, cells: Sequence[Cell | None]) -> None:
        """Set where the next episodes begin (None: at a plain start), after ``follow_archive``."""
        assert self._scout is not None
        self._scout.ahead = deque(cells)

    def _parts_of_cell(self) -> dict[str, Any]:
        if self._mask is not None:  # the cell continues with the mask of this moment
            self._mask.content(self._state)
        return {
            "emulator": self.emulator.snapshot()["state"],
            "visited": self._visited.snapshot(),
            "reward": self._reward.snapshot(),
            "observations": self._observations.snapshot(),
        }

    def set_layer_weights(self, weights: Mapping[str, float]) -> None:
        """Set the weights of the reward layers from the next step on. Raises UserError."""
        self._reward.set_layer_weights(weights)
        if self._recorder is not None:
            self._recorder.set_layer_weights(weights)

    def take_interventions(self) -> dict[str, int]:
        """Return the number of interventions by kind since the last call, across episodes."""
        return self.emulator.take_ledger()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions may be chosen next, bool (7,): sb3-contrib's convention for MaskablePPO."""
        if self._mask is None:
            return np.ones(len(BUTTONS), np.bool_)
        return np.frombuffer(self._mask.allowed, np.bool_).copy()

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
        kept = {**parts, "random": random, "begun": self._stats.length > 0, "start": self._began_at}
        if self._scout is None:
            return kept
        return {**kept, "archive": {**self._scout.snapshot(), "cell": self._began_in}}

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
        self._began, self._began_in, self._scout = None, None, None
        if "archive" in snapshot:
            self._began_in = snapshot["archive"]["cell"]
            self._scout = ArchiveScout(self.config.game, str(snapshot["archive"]["cells"]))
            self._scout.restore(snapshot["archive"])
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
            if self._began_in is not None:
                stats["archive_cell"] = self._began_in
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
