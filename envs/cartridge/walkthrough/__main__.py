"""``python -m envs.cartridge.walkthrough [--until badge1] [--wait N]``: play from power-on, one line per
milestone."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from envs.boot import boot_to_control
from envs.cartridge.walkthrough import STORY, WalkthroughError, run_to
from envs.emulator import Emulator
from envs.errors import UserError, known
from envs.games import EMBEDDED_ROM


def main() -> int:
    """Play; exit status 0 when the milestone was reached, 1 when not, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="envs.cartridge.walkthrough", description="Play the embedded cartridge."
    )
    parser.add_argument("--until", default="badge1", help=f"one of {', '.join(STORY)}")
    parser.add_argument(
        "--wait", type=int, default=0, help="frames to wait before the first step: another game"
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
    """Raise UserError for options that cannot be played."""
    if until not in STORY:
        raise UserError(f'--until "{until}": no milestone of that name; {known(until, STORY)}')
    if wait < 0:
        raise UserError(f"--wait {wait}: should be 0 frames or more")


def play(emulator: Emulator, until: str, wait: int) -> int:
    """Boot, wait, play, and print a line per milestone with the actions since power-on."""
    boot_to_control(emulator, Path(tempfile.gettempdir()) / "walkthrough-boot.png")
    before = emulator.actions
    print(f"{'control':<12} {before:>6} actions")
    emulator.tick(wait)
    try:
        run_to(
            emulator,
            until,
            lambda name, actions: print(f"{name:<12} {before + actions:>6} actions", flush=True),
        )
    except WalkthroughError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
