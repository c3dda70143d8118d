"""A run's environments on other machines, with the same cartridge and start states.

It runs in actors and does not import torch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from envs.episodes.sending_recorder import SendingRecorder
from envs.errors import UserError
from envs.game.catalog import EMBEDDED_ROM, Game, identify
from envs.game_boy.emulator import VERSION
from envs.game_boy.rom import EMBEDDED, ROM_VARIABLE, read_rom, rom_path
from envs.workers.pool_protocol import EnvFn
from training.config.schema import TrainConfig
from training.environments.local import make_env
from training.environments.recording import about
from training.environments.task import Task, WeightedStarts, episodes_of


@dataclass(frozen=True)
class RemoteMakers:
    """Picklable factory of environments of ``config`` (JSON) on any machine.

    It uses that machine's ROM, whose hash must equal the trainer's, and the trainer's start states.
    """

    config: str
    game: str
    rom_sha1: str
    emulator: str
    starts: WeightedStarts
    starts_sha256: tuple[str, ...]
    record: bool

    @staticmethod
    def of(task: Task, record: bool) -> RemoteMakers:
        """Make the factory for ``task``."""
        config, game, starts = task.config.model_dump_json(), task.game, task.starts
        digests = tuple(hashlib.sha256(start.data).hexdigest() for start, _ in starts)
        return RemoteMakers(config, game.name, game.sha1, VERSION, starts, digests, record)

    def __call__(self, indices: Sequence[int], numbers: Sequence[int]) -> list[EnvFn]:
        """Return functions that make the environments ``indices``, whose first episodes have ``numbers``.

        Raises UserError if this machine has another cartridge, emulator or start states.
        """
        config = TrainConfig.model_validate_json(self.config)
        game = game_here(self.rom_sha1, self.game, Path(config.rom or ""))
        if self.emulator != VERSION:
            raise UserError(f"its PyBoy is {VERSION}, but the run uses {self.emulator}; install that version")
        for (start, _), expected in zip(self.starts, self.starts_sha256, strict=True):
            found = hashlib.sha256(start.data).hexdigest()
            if found != expected:
                raise UserError(f"start state {start.name}: its SHA-256 is {found}, the run's is {expected}")
        task = Task(config, episodes_of(config, game, self.starts))
        return [
            partial(make_env, task, recorder=self._recorder(task, index, number))
            for index, number in zip(indices, numbers, strict=True)
        ]

    def _recorder(self, task: Task, index: int, number: int) -> SendingRecorder | None:
        every = task.config.record_every
        return SendingRecorder(index, about(task), every, number) if self.record and every else None


def game_here(sha1: str, name: str, like: Path) -> Game:
    """Find the cartridge with hash ``sha1`` on this machine.

    It tries the embedded cartridge, POKEMON_RED_ROM, and ``like``, the trainer's path. Raises UserError with
    the hashes found instead.
    """
    chosen = os.environ.get(ROM_VARIABLE)
    places = [EMBEDDED_ROM, *([rom_path(chosen)] if chosen and chosen != EMBEDDED else []), like]
    seen: list[str] = []
    for place in dict.fromkeys(path for path in places if path.is_file()):
        found = read_rom(place)
        if found.sha1 == sha1:
            return identify(place, name)
        seen.append(f"{place} has SHA-1 {found.sha1}")
    raise UserError(
        f"no ROM with SHA-1 {sha1}, which the run plays ({', '.join(seen)}); put a copy there and set"
        f" {ROM_VARIABLE} to its path before Ray is started"
    )
