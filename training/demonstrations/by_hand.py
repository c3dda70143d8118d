"""Demonstrations of a person, who plays in a window with the actions of an agent."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from envs.episodes.file_format import file_name, memory_hash, read_header, start_path
from envs.errors import ProgramError, UserError
from envs.files import write_atomically
from envs.game.catalog import chosen_rom
from envs.game_boy.emulator import BUTTONS, Emulator
from training.config.loading import load_config
from training.demonstrations.demo_set import DemonstrationFile, described, read_set, write_manifest
from training.demonstrations.making import make_set
from training.demonstrations.stepping import waiting_button
from training.environments.local import make_env
from training.environments.recording import make_recorder
from training.environments.task import Task, resolve_task

PLAYER: Literal["human"] = "human"


def task_by_hand(rom: Path | str | None, game: str | None, start: str | None, out: Path) -> Task:
    """Return the task of a game to add to the set ``out``, if there is one already.

    Raises UserError for a wrong cartridge or start, and if ``out`` is something else or of another cartridge.
    """
    settings: dict[str, Any] = {"rom": str(chosen_rom(rom)), "game": game, "start": start, "device": "cpu"}
    task = resolve_task(load_config(None, {**settings, "observations": ["badges"], "record_every": 1}))
    refuse_other_set(task, out)
    return task


def refuse_other_set(task: Task, out: Path) -> None:
    """Raise UserError if ``out`` exists and is not a set of games by hand on the task's cartridge."""
    if not out.exists():
        return
    manifest = read_set(out).manifest
    if manifest.player != PLAYER:
        raise UserError(f"--record {out}: its games were played by a {manifest.player}; use another folder")
    if manifest.rom_sha1 != task.game.sha1:
        raise UserError(f"--record {out}: its games are of a ROM with SHA-1 {manifest.rom_sha1}")


class PlayedByHand(Protocol):
    """A game that a person played, as a whole or in part.

    ``actions`` are indices of BUTTONS, one byte each; ``waits`` the indices of those that are not to be
    imitated; ``last_hash`` is the hash of the memory after the last action; ``wait_frames`` the frames from
    the start state to the first.
    """

    actions: bytearray
    waits: list[int]
    last_hash: bytes
    wait_frames: int


class GameByHand:
    """A game in a window that goes on in actions: a key that is pressed or held at an action's beginning
    presses its button.

    Without a key, a button without effect is pressed. ``waits`` are the indices of those actions. Raises
    UserError if no window can be opened.
    """

    def __init__(self, task: Task) -> None:
        self.actions = bytearray()
        self.waits: list[int] = []
        self.last_hash = b""
        self.wait_frames = 0
        self._frames = task.config.action_frames, task.config.held_frames
        self._emulator = Emulator(task.game.rom, window="SDL2", real_speed=True)
        self._emulator.load_state(task.start.data)

    def act(self) -> bool:
        """Play an action; False once the window is closed."""
        keyboard = self._emulator.keyboard
        button = keyboard.button() if keyboard is not None else None
        if button is None:
            self.waits.append(len(self.actions))
            button = waiting_button(self._emulator.memory)
        self.actions.append(BUTTONS.index(button))
        self._emulator.act(button, *self._frames)
        return self._emulator.running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.actions:
            self.last_hash = memory_hash(self._emulator.memory, last=True)
        self._emulator.close()


def add_to_set(task: Task, play: PlayedByHand, out: Path) -> str:
    """Add the game, which began at the task's start, to the set ``out``, which is made if needed. Returns a
    line about it.

    Raises UserError if nothing was played or ``out`` cannot be written, and ProgramError if the game cannot
    be replayed.
    """
    if len(play.waits) == len(play.actions):
        raise UserError(f"--record {out}: no key was pressed, so nothing was recorded")
    if not out.exists():
        found = make_set(
            out, PLAYER, {"start": task.start.name}, lambda folder: [_recorded(task, play, folder)]
        )
    else:
        found = read_set(out)
        manifest = found.manifest
        with tempfile.TemporaryDirectory() as name:
            entry = _copied(_recorded(task, play, Path(name)), Path(name), out, len(found))
        steps = manifest.steps + len(play.actions)
        more = {"steps": steps, "episodes": [*manifest.episodes, entry]}
        try:
            write_manifest(out, manifest.model_copy(update=more))
        except OSError as error:
            raise UserError(f"--record {out}: cannot be written ({error.strerror})") from error
    pressed = len(play.actions) - len(play.waits)
    return f"{out}: game {len(read_set(out))}, {len(play.actions):,} actions, {pressed:,} of them with a key"


def _recorded(task: Task, play: PlayedByHand, folder: Path) -> DemonstrationFile:
    """Record the game in ``folder`` by playing its actions again, without a window."""
    once = task.with_settings(max_steps=len(play.actions), record_every=1)
    with contextlib.closing(make_env(once, recorder=make_recorder(once, folder, environment=0))) as env:
        env.reset(options={"wait_frames": play.wait_frames})
        for action in play.actions:
            env.step(action)
        if memory_hash(env.emulator.memory, last=True) != play.last_hash:
            raise ProgramError("the game cannot be replayed: its memory ends differently")
    return described(folder / file_name(0, 0), play.waits)


def _copied(entry: DemonstrationFile, folder: Path, out: Path, number: int) -> DemonstrationFile:
    """Copy an episode and its start state to the set ``out`` as number ``number``. Raises UserError."""
    digest = read_header(folder / entry.file).start_sha256
    target = out / file_name(0, number)
    try:
        if not start_path(out, digest).exists():
            write_atomically(start_path(out, digest), start_path(folder, digest).read_bytes())
        shutil.copyfile(folder / entry.file, target)
    except OSError as error:
        raise UserError(f"--record {out}: cannot be written ({error.strerror})") from error
    return entry.model_copy(update={"file": target.name})
