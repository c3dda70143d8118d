"""Tasks of a checkout without make: ``python -m training.tasks demo``; further words go to its program.

Uses only the standard library: the packages are installed by the first task.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from envs.errors import ProgramError, UserError, nearest
from training.cli.output import exit_with
from training.tasks.environment import Environment, run
from training.tasks.table import TASKS


def usage() -> str:
    """Return the list of tasks, one line each."""
    width = max(map(len, TASKS))
    lines = "\n".join(f"  {name:{width}}  {task.text}" for name, task in TASKS.items())
    return f"usage: python -m training.tasks TASK ...\n\n{lines}"


def main(arguments: Sequence[str]) -> int:
    """Run the task that ``arguments`` begin with; return the exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    try:
        _run(arguments[0], list(arguments[1:]))
    except (UserError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    return 0


def _run(name: str, more: list[str]) -> None:
    if name not in TASKS:
        near = nearest(name, TASKS)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(TASKS)}"
        raise UserError(f"{name!a} is not a task; {hint}")
    here, task = Environment(), TASKS[name]
    here.prepare(task.extras)
    for command in task.commands(here, more):
        run(command)


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
