"""Command-line parsing with tyro. Every usage error becomes one line on stderr and exit status 2.

Imports nothing heavy, so that ``--help`` and usage errors are quick.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import tyro
from tyro import _errors as tyro_errors  # its only hook for parse errors; the version is pinned

from envs.errors import ProgramError, UserError, nearest
from envs.installation import program
from envs.lasting_output import outlast_readers
from envs.paths import expanded, shown
from training.cli.numbers import with_plain_numbers
from training.cli.output import exit_with
from training.resources.malloc import use_one_heap
from training.resources.out_of_memory import in_one_line

FlagsT = TypeVar("FlagsT")


class UsageError(UserError):
    """A flag is unknown, lacks a value, or has a value of the wrong type."""


def flag(
    metavar: str | None = None, help: str | None = None, default: str = "", aliases: tuple[str, ...] = ()
) -> Any:
    """Define how a flag appears in ``--help``: placeholder, text (None: the field's docstring), default, and
    its other names."""
    hint = f"(default: {default})" if default else ""
    return tyro.conf.arg(metavar=metavar, help=help, help_behavior_hint=hint, aliases=aliases)


Name = Annotated[str | None, flag("NAME")]
File = Annotated[Path | None, flag("PATH")]
Count = Annotated[int | None, flag("N")]
Switch = Annotated[tyro.conf.FlagCreatePairsOff[bool], flag()]


def parse(flags: type[FlagsT], args: Sequence[str] | None, prog: str) -> FlagsT:
    """Parse the command line into an instance of ``flags``, in which ``~`` of paths is expanded.

    A whole number may be written as 1e6 or 300k, see training.cli.numbers.

    ``--help`` prints and exits with status 0.

    Raises:
        UserError: with one line about the first mistake.
    """
    for word in args or ():
        _refuse_other_encoding(word)
    with tyro_errors.on_parse_error(lambda event: _refuse(event, flags)):
        parsed = tyro.cli(flags, args=args and with_plain_numbers(args, flags), prog=program(prog))
    given = [(one.name, getattr(parsed, one.name)) for one in fields(parsed)]  # type: ignore[arg-type]
    paths = {name: expanded(value, _flag(name)) for name, value in given if isinstance(value, Path)}
    return replace(parsed, **paths) if paths else parsed  # type: ignore[type-var]


def _refuse_other_encoding(word: str) -> None:
    try:
        word.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{shown(word)} is not valid UTF-8; rename the file") from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _refuse(event: tyro_errors.ParseErrorEvent, flags: Any) -> NoReturn:
    known = [("--no-" if f.default is True else "--") + f.name.replace("_", "-") for f in fields(flags)]
    if isinstance(event, tyro_errors.UnrecognizedArgs):
        token = event.tokens[0]
        near = nearest(token.split("=")[0].replace("_", "-"), known)
        hint = f"did you mean {near}?" if near else "see --help"
        raise UsageError(f"{token} is not a flag of {event.prog}; {hint}")
    if isinstance(event, tyro_errors.MissingArgs):
        names = ", ".join(missing.arg.display_name() for missing in event.missing_arguments)
        raise UsageError(f"{names} must be given; see --help")
    if isinstance(event, tyro_errors.InvalidChoice):
        choices = ", ".join(sorted(choice for choice in event.choices if choice != "None"))
        raise UsageError(f"{event.argument.display_name()} {event.value} must be one of {choices}")
    if isinstance(event, tyro_errors.BadValue):
        raise UsageError(f"{event.argument.display_name()} needs a value; see --help")
    if isinstance(event, tyro_errors.InstantiationFailure):
        name = event.argument.display_name() if event.argument else event.prog
        raise UsageError(_wrong_value(name, event.message))
    raise UsageError(f"the command line is wrong ({type(event).__name__}); see --help")


def _wrong_value(name: str, message: str) -> str:
    match = re.search(r"(INT|FLOAT)\b.* from \[(?:'(.*?)'|\"(.*?)\")\]", message, re.DOTALL)
    if match is None:
        return f"{name}: {message}"
    kind, *texts = match.groups()
    return f"{name} {texts[0] or texts[1]} must be {'a whole number' if kind == 'INT' else 'a number'}"


def run_program(main: Callable[[Sequence[str]], int], *, lasting: bool = False) -> NoReturn:
    """Run ``main(arguments)`` and exit with its status; a UserError gives one line on stderr and status 2, a
    ProgramError or the end of memory its message and status 1.

    ``lasting``: the program runs to its end even if nobody reads its output any more.
    """
    # Waiting torch threads must not use up the cores that the games run on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a path may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    use_one_heap()  # before torch starts threads, which it does when a network is built
    if lasting:
        outlast_readers()
    exit_with(partial(_status, main))


def _status(main: Callable[[Sequence[str]], int]) -> int:
    try:
        return main(sys.argv[1:])
    except UserError as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    except ProgramError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"error: memory ran out: {in_one_line(error)}", file=sys.stderr)
        return 1
