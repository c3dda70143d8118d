"""Recording demonstrations of the scripted player, with or without noise.

Noise replaces actions of the player by random ones. The player then shows how to recover from states that it
would not get into by itself, which makes a policy cloned from it robust (Laskey et al. 2017, "DART: Noise
Injection for Robust Imitation Learning", arXiv 1703.09327).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from envs.episodes.file_format import file_name
from envs.errors import ProgramError, UserError
from envs.game.goals import goal_of
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.game_boy.rom import EMBEDDED
from envs.ram import read_state
from envs.red_env import MAX_WAIT, RedEnv
from training.config.loading import load_config
from training.demonstrations.demo_set import DemonstrationFile, described
from training.demonstrations.stepping import SteppedEmulator
from training.demonstrations.story import play_story
from training.environments.local import make_env
from training.environments.recording import make_recorder
from training.environments.task import Task, resolve_task

MOST_STEPS = 60_000
"""Steps after which an episode has failed; the whole story takes about 25,000."""
MOST_NOISE = 0.9
SPARE = 10
"""Failed episodes that are allowed beside as many as are wanted."""
Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ScriptedPlay:
    """What to record: ``episodes`` from the start state ``start`` to the milestone ``until``.

    ``noise`` is the probability of a random action. ``repel`` prevents wild battles.
    Raises UserError for a value out of range.
    """

    episodes: int
    start: str = "starter"
    until: str = "badge1"
    noise: float = 0.0
    seed: int = 1
    repel: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.episodes <= 10_000:
            raise UserError(f"--scripted {self.episodes} is out of range: must be 1 to 10000")
        if not 0 <= self.noise <= MOST_NOISE:
            raise UserError(f"--noise {self.noise} is out of range: must be 0 to {MOST_NOISE}")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is out of range: must be at least 0")
        if not self.noise and self.episodes > MAX_WAIT + 1:
            raise UserError(
                f"--scripted {self.episodes}: without --noise there are only {MAX_WAIT + 1} different"
                f" episodes, one for each wait of 0 to {MAX_WAIT} frames"
            )


@dataclass(slots=True)
class _Noise:
    """The source of random actions in an episode; ``steps`` are those where one was taken."""

    share: float
    random: np.random.Generator
    steps: list[int] = field(default_factory=list)
    length: int = 0

    def __call__(self, action: int) -> int:
        """Return ``action`` or a random one."""
        taken = action
        if self.share and self.random.random() < self.share:
            taken = int(self.random.integers(0, len(BUTTONS)))
        if taken != action:
            self.steps.append(self.length)
        self.length += 1
        return taken


class _EpisodeEnded(Exception):
    """The episode reached its goal or its time limit."""


def scripted_task(play: ScriptedPlay) -> Task:
    """Return the task of the episodes. Raises UserError for a wrong start or milestone."""
    settings = {
        "rom": EMBEDDED,
        "start": play.start,
        "goal": play.until,
        "max_steps": MOST_STEPS,
        "repel": play.repel,
        "record_every": 1,
        "observations": ["badges"],
        "device": "cpu",
    }
    try:
        task = resolve_task(load_config(None, settings))
    except UserError as error:
        raise UserError(f"--start {play.start}, --until {play.until}: {error}") from error
    with Emulator(task.game.rom) as emulator:
        emulator.load_state(task.start.data)
        state = read_state(emulator.memory)
    if all(milestone.reached(state) for milestone in goal_of(task.game, play.until)):
        raise UserError(f'--until "{play.until}": already reached at the start {play.start}')
    return task


def record_scripted(task: Task, play: ScriptedPlay, folder: Path, say: Said) -> list[DemonstrationFile]:
    """Record the episodes in ``folder``, and call ``say`` with a line for each.

    Episodes that do not reach the milestone are dropped. Raises ProgramError if too many are.
    """
    emulator = SteppedEmulator(task.game.rom)
    recorder = make_recorder(task, folder, environment=0)
    kept: list[DemonstrationFile] = []
    with contextlib.closing(make_env(task, emulator=emulator, recorder=recorder)) as env:
        for attempt in range(2 * play.episodes + SPARE):
            if len(kept) == play.episodes:
                return kept
            noise, why = _episode(env, emulator, play, attempt)
            if why is not None:
                say(f"attempt {attempt}: dropped after {noise.length:,} steps: {why}")
                continue
            path = folder / file_name(0, len(kept))
            kept.append(described(path, noise.steps))
            say(f"{path.name}: {noise.length:,} steps to {play.until}, {len(noise.steps):,} of them random")
    if len(kept) < play.episodes:
        raise ProgramError(
            f"demonstrations: the scripted player reached {play.until} in only {len(kept)} of"
            f" {2 * play.episodes + SPARE} episodes from {play.start}; use less --noise"
        )
    return kept


def _episode(
    env: RedEnv, emulator: SteppedEmulator, play: ScriptedPlay, attempt: int
) -> tuple[_Noise, str | None]:
    """Play an episode. Returns its noise, and None or why it did not reach the goal."""
    noise = _Noise(play.noise, np.random.default_rng([play.seed, attempt]))
    emulator.step = None
    seed = int(np.random.SeedSequence([play.seed, attempt]).generate_state(1)[0]) >> 1
    env.reset(seed=seed, options={"wait_frames": _waits(play.seed)[attempt % (MAX_WAIT + 1)]})
    reached = False

    def step(action: int) -> None:
        nonlocal reached
        _, _, terminated, truncated, _ = env.step(noise(action))
        if terminated or truncated:
            reached = terminated
            raise _EpisodeEnded

    emulator.step = step
    try:
        stuck = play_story(emulator, play.start)
    except _EpisodeEnded:
        return noise, None if reached else f"{MOST_STEPS:,} steps"
    finally:
        emulator.step = None
    return noise, stuck or "the story ended before"


def _waits(seed: int) -> Sequence[int]:
    """Return the frames to wait at the start of the first episodes: each number once, in random order."""
    order = np.random.default_rng([seed, MAX_WAIT]).permutation(MAX_WAIT + 1)
    return [int(wait) for wait in order]
