"""Scripted play from power-on: ``python -m envs.cartridge.walkthrough [--until champion] [--wait N]``.

Prints one line per milestone and caches the start states on the way.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from envs.cartridge.walkthrough import LAST, STORY, WalkthroughError, run_to
from envs.errors import UserError, known
from envs.game.boot import boot_to_control
from envs.game.catalog import EMBEDDED_ROM, Game, identify
from envs.game_boy.emulator import Emulator
from envs.game_boy.memory import WORK_RAM, WORK_RAM_BYTES
from envs.ram import read_state
from envs.start_states.cache import keep_start

CHAMPION_EVENT = 0x901


def main() -> int:
    """Play; exit status 0 if the milestone was reached, 1 if not, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="envs.cartridge.walkthrough", description="Play the embedded cartridge."
    )
    parser.add_argument("--until", default="badge1", help=f"one of {', '.join(STORY)}")
    parser.add_argument(
        "--wait", type=int, default=0, help="frames to wait before the first step, for another game"
    )
    parser.add_argument("--rom", type=Path, default=EMBEDDED_ROM)
    options = parser.parse_args()
    try:
        check(options.until, options.wait)
        with Emulator(options.rom) as emulator:
            return play(emulator, options.until, options.wait)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def check(until: str, wait: int) -> None:
    """Raise UserError for invalid options."""
    if until not in STORY:
        raise UserError(f'--until "{until}": no milestone of that name; {known(until, STORY)}')
    if wait < 0:
        raise UserError(f"--wait {wait}: should be 0 frames or more")


def play(emulator: Emulator, until: str, wait: int) -> int:
    """Boot, wait, play, and print a line per milestone with the actions since power-on.

    Without a wait, start states on the way are cached.
    """
    emulator.tick(1, render=True)
    boot_to_control(emulator, Path(tempfile.gettempdir()) / "walkthrough-boot.png")
    before = emulator.actions
    game = identify(emulator.rom)
    print(f"{'control':<12} {before:>6} actions")
    emulator.tick(wait)

    def on_milestone(name: str, actions: int) -> None:
        print(f"{name:<12} {before + actions:>6} actions", flush=True)
        keep(game, emulator, name, wait)

    try:
        run_to(emulator, until, on_milestone, lambda name: keep(game, emulator, name, wait))
    except WalkthroughError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if until == LAST:
        print(summary(emulator))
    return 0


def keep(game: Game, emulator: Emulator, name: str, wait: int) -> None:
    """Cache the current state if ``name`` is a start state."""
    if not wait and name in game.start_names:
        keep_start(game, emulator, name)


def summary(emulator: Emulator) -> str:
    """Return the SHA-256 of work RAM (0xC000 to 0xDFFF) at the end, the badges and the champion, as text."""
    memory = bytes(emulator.memory[WORK_RAM : WORK_RAM + WORK_RAM_BYTES])
    state = read_state(emulator.memory)
    champion = "yes" if state.has_event(CHAMPION_EVENT) else "no"
    return f"memory {hashlib.sha256(memory).hexdigest()}\nbadges {state.badge_count} champion {champion}"


if __name__ == "__main__":
    sys.exit(main())
