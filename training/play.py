"""Play by hand and save start states: ``python training/play.py --rom red.gb``.

Keys are PyBoy's: arrows, A, S (B), Enter (START), Backspace (SELECT), Space (toggle full speed), P (pause),
Escape (quit). F1 to F10 save one state each, Z saves another one and X loads it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.paths import full_path
from training.cli.parsing import File, Name, Switch, UsageError, parse, run_program

MAX_NAMES = 10
GameName = Literal["red", "blue", "clover"]


@dataclass(frozen=True)
class PlayFlags:
    """Play in a window. F1 to F10 save named states for --start of the other programs.

    Keys: arrows, A, S (B), Enter (START), Backspace (SELECT), Space (toggle full speed), P (pause), Escape
    (quit), Z (save "quick"), X (load "quick"), F11 (full screen).
    """

    rom: File = None
    """Cartridge to play (default: POKEMON_RED_ROM, or the embedded cartridge)."""
    game: Annotated[GameName | None, tyro.conf.arg(metavar="{red,blue,clover}")] = None
    """Game of a cartridge whose hash is unknown."""
    start: Name = None
    """Name of a start state or path of a state file to begin from (default: power-on)."""
    names: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Names of the states that F1, F2, ... save (default: f1, f2, ...)."""
    states: Annotated[Path, tyro.conf.arg(metavar="PATH")] = Path("states")
    """Folder for the saved states."""
    fast_text: Switch = False
    """Keep text fast and battle animations off by writing to memory."""
    record: File = None
    """Record the game as a demonstration in this folder, a new set or one recorded before; begins at the
    game's usual start, and the keys are the arrows, A, S, Enter and Escape."""


def main(arguments: Sequence[str]) -> int:
    """Play until the window is closed or a signal arrives. Returns the exit status.

    Raises UserError for wrong input.
    """
    flags = parse(PlayFlags, arguments, "play.py")
    if len(flags.names) > MAX_NAMES:
        raise UsageError(f"--names: {len(flags.names)} names; there are {MAX_NAMES} keys, F1 to F10")
    for name in flags.names:
        if not name or Path(name).name != name:
            raise UsageError(f"--names {name}: must be a plain file name, without folders")
    if flags.record is not None:
        return _record(flags, flags.record)
    from callbacks.stop_signals import StopRequest
    from envs.game.catalog import chosen_rom, identify
    from envs.start_library import start_state
    from envs.start_states.manual_play import ManualPlay
    from training.environments.local import check_display

    check_display("play.py")
    game = identify(chosen_rom(flags.rom), flags.game)
    start = start_state(game, flags.start) if flags.start is not None else None
    states = full_path(flags.states, what="--states")
    # Before the window: an exception raised by a signal would be lost in PyBoy's compiled code.
    with (
        StopRequest() as stopped,
        ManualPlay(game, states, flags.names, start, flags.fast_text) as play,
    ):
        print(f"playing {game.name} ({game.rom}); F1 to F10 save into {states}/", flush=True)
        while play.frame() and not stopped():
            pass
    return 0


def _record(flags: PlayFlags, out: Path) -> int:
    """Play in the actions of an agent, and add the game to the set ``out`` when the window is closed."""
    for name in ("names", "fast_text"):
        if getattr(flags, name):
            raise UsageError(f"--{name.replace('_', '-')} and --record cannot be given together")
    from callbacks.stop_signals import StopRequest
    from training.demonstrations.by_hand import GameByHand, add_to_set, task_by_hand
    from training.environments.local import check_display

    check_display("play.py")
    task = task_by_hand(flags.rom, flags.game, flags.start, out)
    with StopRequest() as stopped, GameByHand(task) as play:
        print(f"recording {task.game.name} from {task.start.name}; Escape ends the game", flush=True)
        while play.act() and not stopped():
            pass
    print(add_to_set(task, play, out))
    return 0


if __name__ == "__main__":
    run_program(main)
