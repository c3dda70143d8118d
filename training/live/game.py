"""Episodes that a trained policy plays one after the other, while a person may take over at any action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.episodes.file_format import memory_hash
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import GameState
from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from training.config.schema import TrainConfig
from training.demonstrations.stepping import waiting_button
from training.environments.local import make_env
from training.environments.task import Task
from training.evaluation.insight import ThinkingPlayer, Thought
from training.evaluation.players import load_policy
from training.evaluation.playing import FIRST_EVALUATION_SEED
from training.live.controls import Controls
from training.ppo.chunked_ppo import threads
from training.runs.lookup import run_checkpoint

BY_HAND = "by_hand"
"""Reason under which actions of a person count among an episode's interventions."""


@dataclass(frozen=True)
class Player:
    """Whose policy plays: the ``checkpoint`` (None: the newest) of the folder ``run``, trained with
    ``config``, with sampled or ``greedy`` actions."""

    run: Path
    config: TrainConfig
    greedy: bool = False
    checkpoint: str | None = None


@dataclass
class LiveEpisode:
    """An episode so far, as a game that a person can add to a set (see PlayedByHand).

    ``waits`` are the actions of the policy, and those of the person without a key.
    """

    wait_frames: int
    actions: bytearray = field(default_factory=bytearray)
    waits: list[int] = field(default_factory=list)
    last_hash: bytes = b""
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0.0))
    milestones: list[tuple[int, str]] = field(default_factory=list)
    hand_actions: int = 0
    """Actions played while a person had taken over."""

    @property
    def pressed(self) -> int:
        """Actions with a person's key."""
        return len(self.actions) - len(self.waits)


@dataclass(frozen=True)
class LiveStep:
    """One action: the ``button`` it pressed, by hand or not, what the policy thought, the state of the game
    after it, and the episode's statistics if it ended."""

    button: str
    by_hand: bool
    thought: Thought
    state: GameState
    stats: Mapping[str, Any] | None


class LiveGame:
    """Plays ``player`` on ``emulator`` at the first start of ``task``, action by action.

    Raises UserError if the checkpoint does not fit.
    """

    def __init__(self, player: Player, task: Task, emulator: Emulator) -> None:
        self.task = task
        self.checkpoint = run_checkpoint(player.run, player.checkpoint)
        self.env: RedEnv = make_env(task, emulator=emulator)
        with threads(1):
            model = load_policy(player.config, DummyVecEnv([lambda: self.env]), self.checkpoint)
        self._player = ThinkingPlayer(model, player.greedy)
        torch.manual_seed(0)
        self.number = 0
        """Number of the episode, from 1."""
        self.last: LiveEpisode | None = None
        """The episode before this one."""
        self.episode = self._begin(FIRST_EVALUATION_SEED)

    def _begin(self, seed: int | None = None) -> LiveEpisode:
        self._observation, info = self.env.reset(seed=seed)
        self._ended, self.number = False, self.number + 1
        return LiveEpisode(info["wait_frames"])

    def step(self, controls: Controls) -> LiveStep:
        """Play an action of the policy, or of the person if it is theirs. Begins an episode if the last one
        ended."""
        if self._ended:
            self.last, self.episode = self.episode, self._begin()
        thought = self._player.think(self._observation, not self.episode.actions)
        action = self._by_hand(controls) if controls.by_hand else thought.action
        if not controls.by_hand:
            self.episode.waits.append(len(self.episode.actions))
        self.episode.actions.append(action)
        self._observation, _, terminated, truncated, info = self.env.step(action)
        self._ended = terminated or truncated
        self._count(info)
        return LiveStep(BUTTONS[action], controls.by_hand, thought, self.env.state, info.get("episode_stats"))

    def _by_hand(self, controls: Controls) -> int:
        """Return the action of the key that is held, or one without effect."""
        self.episode.hand_actions += 1
        self.env.emulator.interventions[BY_HAND] += 1
        button = controls.buttons.take()
        if button is None:
            self.episode.waits.append(len(self.episode.actions))
            button = waiting_button(self.env.emulator.memory)
        return BUTTONS.index(button)

    def _count(self, info: Mapping[str, Any]) -> None:
        for name, value in info["reward_components"].items():
            self.episode.sums[name] += value
        length = len(self.episode.actions)
        self.episode.milestones += [(length, name) for name in info.get("milestones", ())]
        if self._ended:
            self.episode.last_hash = memory_hash(self.env.emulator.memory, last=True)

    def to_keep(self) -> LiveEpisode:
        """Return the episode so far; if a person played nothing in it, the one before."""
        if self.episode.pressed or self.last is None:
            self.episode.last_hash = memory_hash(self.env.emulator.memory, last=True)
            return self.episode
        return self.last

    def close(self) -> None:
        """Stop the emulator."""
        self.env.close()
