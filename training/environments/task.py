"""The task of a run: its config with the game and the start states, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envs.errors import UserError
from envs.game.catalog import BOOT_STARTS, Game, chosen_rom, identify
from envs.game.interventions import INTERVENTIONS
from envs.game.masks import LEDGER
from envs.game.plausibility import fresh_game_oddities, implausible, memory_oddities
from envs.game_boy.emulator import Emulator
from envs.ram import read_state
from envs.red_env import EnvConfig
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from training.config.schema import TrainConfig

WeightedStarts = tuple[tuple[StartState, float], ...]
"""Start states with weights, as in EnvConfig; at least one."""


@dataclass(frozen=True)
class Task:
    """A config with its game and start states, made by ``resolve_task``.

    It is handed down so that nothing reads the ROM or a start state a second time. ``episodes`` has both.
    """

    config: TrainConfig
    episodes: EnvConfig

    @property
    def game(self) -> Game:
        """The identified cartridge."""
        return self.episodes.game

    @property
    def start(self) -> StartState:
        """The state from which episodes begin; of several, the first."""
        return self.episodes.start

    @property
    def starts(self) -> WeightedStarts:
        """The states from which episodes begin, with their weights."""
        return self.episodes.starts or ((self.start, 1.0),)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the episodes that begins at each of ``starts``; they add up to 1."""
        whole = sum(weight for _, weight in self.starts)
        return tuple(weight / whole for _, weight in self.starts)

    @property
    def interventions(self) -> list[str]:
        """The kinds of interventions that the config enables: memory writes and masks."""
        written = [name for name in INTERVENTIONS if getattr(self.config, name)]
        return written + [LEDGER + name for name in self.config.masks]

    def describe_start(self) -> str:
        """The names of the start states, with their shares if there are several.

        Says whether a script played to one, which is an intervention too.
        """
        pairs = zip(self.starts, self.shares, strict=True)
        named = [f"{self._described(start)} {share:.0%}" for (start, _), share in pairs]
        text = ", ".join(named) if len(named) > 1 else self._described(self.start)
        archive = self.config.archive
        return text if archive is None else f"{text}; {archive.share:.0%} of the episodes in the archive"

    def _described(self, start: StartState) -> str:
        return f"{start.name} (scripted)" if start.name in self.game.start_names else start.name

    def facts(self) -> dict[str, object]:
        """The manifest's entries about the game: the ROM by its hash, the start states and their origin."""
        several = [
            {"name": start.name, "share": share, **start.provenance}
            for (start, _), share in zip(self.starts, self.shares, strict=True)
        ]
        return {
            "game": self.game.name,
            "game_known_by": "--game" if self.game.assumed else "SHA-1",
            "rom_title": self.game.title,
            "rom_sha1": self.game.sha1,
            "start": {"name": self.start.name, **self.start.provenance},
            **({"starts": several} if len(several) > 1 else {}),
            "interventions": self.interventions,
        }

    def with_settings(self, **settings: Any) -> Task:
        """Return the task with ``settings`` of its config replaced, without validation."""
        config = self.config.model_copy(update=settings)
        return Task(config, episodes_of(config, self.game, self.starts))

    def at_first_start(self) -> Task:
        """Return the task with every episode beginning at ``start``, as evaluations do."""
        if not self.episodes.starts and self.config.archive is None:
            return self
        config = self.config.model_copy(update={"start": self.start.name, "starts": None, "archive": None})
        return Task(config, episodes_of(config, self.game, ((self.start, 1.0),)))

    def on_this_machine(self) -> Task:
        """Return the task without a cluster, to play a few episodes on this machine."""
        return self.with_settings(ray_address=None)


def game_of(config: TrainConfig) -> Game:
    """Return the game of the config. Raises UserError for an unreadable or unknown ROM."""
    return identify(chosen_rom(config.rom), config.game)


def resolve_task(config: TrainConfig, game: Game | None = None) -> Task:
    """Resolve the config's game (or use ``game``) and start states, which are made if they do not exist yet.

    Raises:
        UserError: the ROM, the start or the goal is wrong.
    """
    game = game or game_of(config)
    named = config.starts or {config.start or game.default_start: 1.0}
    starts = tuple((start_state(game, name), weight) for name, weight in named.items())
    return Task(config, episodes_of(config, game, starts))


def episodes_of(config: TrainConfig, game: Game, starts: WeightedStarts) -> EnvConfig:
    """Return the episode settings of the config on ``game``. Raises UserError (wrong goal)."""
    return EnvConfig(
        game=game,
        start=starts[0][0],
        starts=starts if len(starts) > 1 else (),
        max_steps=config.max_steps,
        action_frames=config.action_frames,
        held_frames=config.held_frames,
        agent_stats_every=config.agent_stats_every,
        goal=config.goal,
        fast_text=config.fast_text,
        repel=config.repel,
        cells=config.intrinsic is not None and config.intrinsic.needs_cells,
    )


def refuse_implausible(task: Task) -> None:
    """Raise UserError when the game is only assumed and its memory cannot be that of the game.

    What is looked at are the moments in which episodes begin; for a start at power-on, when memory says
    nothing yet, the bedroom.
    """
    for start, _ in task.starts if task.game.assumed else ():
        _refuse_implausible_start(task, start)


def _refuse_implausible_start(task: Task, begin: StartState) -> None:
    fresh = begin.name in BOOT_STARTS
    start = start_state(task.game, "bedroom") if fresh else begin
    with Emulator(task.game.rom) as emulator:
        emulator.load_state(start.data)
        state = read_state(emulator.memory)
        odd = implausible(state) + memory_oddities(emulator.memory)
    odd += fresh_game_oddities(state) if fresh else []
    if odd:
        raise UserError(
            f"ROM {task.game.rom}: its memory is not that of {task.game.name} at the start {start.name}:"
            f" {', '.join(odd)}; releases in other languages keep their memory elsewhere;"
            " --ignore-implausible trains all the same"
        )
