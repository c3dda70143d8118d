"""The scripted player of the embedded cartridge as a player of an evaluation.

It reads memory, and may wait without pressing a button, which agents cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envs.game_boy.emulator import ALL_BUTTONS, Emulator
from envs.red_env import RedEnv
from training.demonstrations.story import play_story
from training.environments.local import make_env
from training.environments.task import Task
from training.evaluation.playing import FIRST_EVALUATION_SEED, EpisodeInProgress, PlayedEpisode

ACTIONS = (*ALL_BUTTONS, None)
"""What the scripted player does in an action: press a button, or wait."""


class _EpisodeEnded(Exception):
    """The episode reached its goal or its time limit."""


class _WatchedEmulator(Emulator):
    """An emulator that plays every action with the task's frames, and calls ``after_action`` after it."""

    after_action: Callable[[str | None], None]
    frames: tuple[int, int]

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        super().act(button, *self.frames)
        self.after_action(button)


def play_scripted(task: Task, episodes: int) -> list[PlayedEpisode]:
    """Play ``episodes`` whole episodes of ``task``, on held-out seeds 0, 1, ... of a single environment.

    Once the story has ended, or the player is stuck, it waits for the end of the episode.
    """
    emulator = _WatchedEmulator(task.game.rom)
    emulator.frames = task.config.action_frames, task.config.held_frames
    env = make_env(task, emulator=emulator)
    try:
        return [_episode(env, emulator, task.start.name, seed) for seed in range(episodes)]
    finally:
        env.close()


def _episode(env: RedEnv, emulator: _WatchedEmulator, start: str, seed: int) -> PlayedEpisode:
    emulator.after_action = lambda button: None
    env.reset(seed=FIRST_EVALUATION_SEED + seed)
    episode = EpisodeInProgress(seed)
    stats: dict[str, Any] = {}

    def look(button: str | None) -> None:
        _, _, terminated, truncated, info = env.look()
        episode.add(ACTIONS.index(button), info)
        if terminated or truncated:
            stats.update(info["episode_stats"])
            raise _EpisodeEnded

    emulator.after_action = look
    try:
        play_story(emulator, start)
        while True:
            emulator.act(None)
    except _EpisodeEnded:
        return episode.finished(stats)
