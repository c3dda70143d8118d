"""Classes of the user's, from Python files or importable modules: reward terms, observations and so on.

They are named in configs as FILE.py:CLASS or MODULE:CLASS, and are the user's code, which is executed. Every
mistake in them becomes one line that names the class.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from envs.errors import UserError, known
from envs.paths import expanded

WANTED = "must be FILE.py:CLASS or MODULE:CLASS"
RAISED = (Exception, SystemExit)
"""What a class of the user's may raise; exit() in it must not end the program without a word."""


@dataclass(frozen=True, slots=True)
class UserClass:
    """A class of the user's by its ``spec``; ``kind`` names such a thing in messages, as in "reward term".

    ``spec`` is "FILE.py:CLASS", with an absolute path or one relative to the working directory, or
    "MODULE:CLASS".
    """

    kind: str
    spec: str

    @property
    def name(self) -> str:
        """A short name: the file's or the module's, and the class's. Raises UserError for another spec."""
        where, name = split_spec(self.spec, self.kind)
        return f"{Path(where).stem if where.endswith('.py') else where}:{name}"

    def wrong(self, problem: str) -> UserError:
        """Return the error that names the class and the problem."""
        return UserError(f"{self.kind} {self.spec}: {problem}")

    def make(self, **settings: Any) -> Any:
        """Return an instance, created with ``settings`` as keyword arguments.

        Raises UserError if file, module or class is missing or raises.
        """
        where, name = split_spec(self.spec, self.kind)
        module = self._module(where)
        classes = [n for n, value in vars(module).items() if isinstance(value, type) and n[:2] != "__"]
        if not hasattr(module, name):
            raise self.wrong(f"there is no {name} in {where}{'; ' + known(name, classes) if classes else ''}")
        kind = getattr(module, name)
        if not isinstance(kind, type):
            raise self.wrong(f"{name} is a {type(kind).__name__}, it must be a class")
        return self.call(f"{name}()", partial(kind, **settings))

    def call(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the class, which messages call ``what``. Raises UserError if it raises."""
        try:
            return function(*arguments)
        except RAISED as error:
            raise self.wrong(f"{what} raised {described(error)}") from error

    def snapshot(self, made: Any) -> Any:
        """Return the instance's own ``snapshot()`` or its attributes, as plain JSON values.

        Raises UserError if they are anything else.
        """
        own = getattr(made, "snapshot", None)
        kept = self.call("snapshot()", own or (lambda: dict(getattr(made, "__dict__", {}))))
        if not _plain(kept):
            raise self.wrong(
                "its attributes must be numbers, strings, lists, and dicts with string keys (none starting"
                " with $), or the class must have snapshot() and restore(kept) that return and take such"
                " values"
            )
        return json.loads(json.dumps(kept))

    def restore(self, made: Any, kept: Any) -> None:
        """Continue from a ``snapshot``. Raises UserError if the instance cannot."""
        own = getattr(made, "restore", None)
        self.call("restore()", own or (lambda values: vars(made).update(values)), kept)

    def _module(self, where: str) -> ModuleType:
        try:
            return _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        except FileNotFoundError:
            raise self.wrong(f"there is no file {where}") from None
        except ModuleNotFoundError as error:
            raise self.wrong(
                f"there is no module {error.name} (nor, beside the config, a file {_file_of(where)})"
                if f"{where}.".startswith(f"{error.name}.")
                else f"importing it raised {described(error)}"
            ) from error
        except RAISED as error:
            raise self.wrong(f"importing it raised {described(error)}") from error


def split_spec(spec: str, kind: str) -> tuple[str, str]:
    """Split "FILE.py:CLASS" or "MODULE:CLASS" at the colon. Raises UserError for anything else."""
    where, colon, name = spec.rpartition(":")
    if not (where and colon and name.isidentifier()):
        raise UserError(f'{kind} "{spec}": {WANTED}')
    return where, name


def resolve_spec(spec: str, folder: Path, kind: str) -> str:
    """Resolve the file of ``spec`` relative to ``folder`` to an absolute path.

    A module name for which ``folder`` has a file means that file. Raises UserError for an invalid spec.
    """
    where, name = split_spec(spec, kind)
    where = str(expanded(where, kind)) if where.startswith("~") else where
    beside = folder / (where if where.endswith(".py") else _file_of(where))
    return f"{beside.resolve()}:{name}" if where.endswith(".py") or beside.is_file() else spec


def described(error: BaseException) -> str:
    """Return an exception and its origin, unless that is the call itself, in one line."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen")
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise FileNotFoundError(path)
    found = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[module.__name__] = module  # as an import does: dataclasses look up their module
    found.loader.exec_module(module)
    return module


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and key[:1] != "$" and _plain(own) for key, own in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
