"""The task of a run: its config with the game and the start state, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envs.game.catalog import Game, chosen_rom, identify
from envs.game.interventions import INTERVENTIONS
from envs.red_env import EnvConfig
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from training.config.schema import TrainConfig


@dataclass(frozen=True)
class Task:
    """A config with its game and start state, made by ``resolve_task``.

    It is handed down so that nothing reads the ROM or the start state a second time. ``episodes`` has both.
    """

    config: TrainConfig
    episodes: EnvConfig

    @property
    def game(self) -> Game:
        """The identified cartridge."""
        return self.episodes.game

    @property
    def start(self) -> StartState:
        """The state from which episodes begin."""
        return self.episodes.start

    @property
    def interventions(self) -> list[str]:
        """The kinds of memory writes that the config enables."""
        return [name for name in INTERVENTIONS if getattr(self.config, name)]

    def describe_start(self) -> str:
        """The name of the start state, and whether a script played to it, which is an intervention too."""
        name = self.start.name
        return f"{name} (scripted)" if name in self.game.start_names else name

    def facts(self) -> dict[str, object]:
        """The manifest's entries about the game: the ROM by its hash, the start state and its provenance."""
        return {
            "game": self.game.name,
            "game_known_by": "--game" if self.game.assumed else "SHA-1",
            "rom_title": self.game.title,
            "rom_sha1": self.game.sha1,
            "start": {"name": self.start.name, **self.start.provenance},
            "interventions": self.interventions,
        }

    def with_settings(self, **settings: Any) -> Task:
        """Return the task with ``settings`` of its config replaced, without validation."""
        config = self.config.model_copy(update=settings)
        return Task(config, episodes_of(config, self.game, self.start))

    def on_this_machine(self) -> Task:
        """Return the task without a cluster, to play a few episodes on this machine."""
        return self.with_settings(ray_address=None)


def game_of(config: TrainConfig) -> Game:
    """Return the game of the config. Raises UserError for an unreadable or unknown ROM."""
    return identify(chosen_rom(config.rom), config.game)


def resolve_task(config: TrainConfig, game: Game | None = None) -> Task:
    """Resolve the config's game (or use ``game``) and start state, which is made if it does not exist yet.

    Raises:
        UserError: the ROM, the start or the goal is wrong.
    """
    game = game or game_of(config)
    start = start_state(game, config.start or game.default_start)
    return Task(config, episodes_of(config, game, start))


def episodes_of(config: TrainConfig, game: Game, start: StartState) -> EnvConfig:
    """Return the episode settings of the config on ``game`` from ``start``. Raises UserError (wrong goal)."""
    return EnvConfig(
        game=game,
        start=start,
        max_steps=config.max_steps,
        action_frames=config.action_frames,
        held_frames=config.held_frames,
        agent_stats_every=config.agent_stats_every,
        goal=config.goal,
        fast_text=config.fast_text,
        repel=config.repel,
    )
