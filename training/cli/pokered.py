"""The console command: ``pokered train --config configs/smoke.json`` runs training/train_ppo.py."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence

from envs.errors import nearest
from envs.installation import COMMANDS
from training.cli.output import exit_with

USAGE = "usage: pokered COMMAND ...\n\n{commands}\n\npokered COMMAND --help lists the flags of a command."


def usage() -> str:
    """Return the list of commands, one line each."""
    width = max(map(len, COMMANDS))
    return USAGE.format(
        commands="\n".join(f"  {name:{width}}  {text}" for name, (_, text) in COMMANDS.items())
    )


def run(arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` begin with as if its program was started; it ends with SystemExit.

    Returns 0 after printing the list of commands, and 2 for an unknown one.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        near = nearest(name, COMMANDS)
        hint = f"did you mean {near}?" if near else "see pokered --help"
        print(f"error: {name!a} is not a command of pokered; {hint}", file=sys.stderr)
        return 2
    sys.argv[1:] = rest
    runpy.run_module(COMMANDS[name][0], run_name="__main__", alter_sys=True)
    return 0


def main() -> None:
    """Run the command of this process's arguments, and exit with its status."""
    exit_with(lambda: run(sys.argv[1:]))


if __name__ == "__main__":
    main()
