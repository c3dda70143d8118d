"""Classes in the user's own Python files or modules, named as FILE.py:CLASS or MODULE:CLASS."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from envs.errors import UserError, known
from envs.paths import expanded

WANTED = "must be FILE.py:CLASS or MODULE:CLASS"


def split_spec(spec: str, what: str) -> tuple[str, str]:
    """Split "FILE.py:CLASS" or "MODULE:CLASS" at the colon. Raises UserError for anything else.

    ``what`` says in messages what the class is for.
    """
    where, colon, name = spec.rpartition(":")
    if not (where and colon and name.isidentifier()):
        raise UserError(f'{what} "{spec}": {WANTED}')
    return where, name


def resolve_spec(spec: str, folder: Path, what: str) -> str:
    """Return ``spec`` with its file, relative to ``folder``, as an absolute path.

    A module name for which ``folder`` has a file means that file. Raises UserError for an invalid spec.
    """
    where, name = split_spec(spec, what)
    where = str(expanded(where, what)) if where.startswith("~") else where
    beside = folder / (where if where.endswith(".py") else f"{where.replace('.', '/')}.py")
    is_file = where.endswith(".py") or beside.is_file()
    return f"{beside.resolve()}:{name}" if is_file else spec


def make_object(spec: str, what: str, **arguments: Any) -> Any:
    """Load the class ``spec`` and call it with ``arguments``.

    Raises UserError if the file, module or class is missing, or raises.
    """
    where, name = split_spec(spec, what)
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except Exception as error:
        raise UserError(f"{what} {spec}: {_import_problem(where, error)}") from error
    kind = getattr(module, name, None)
    if not isinstance(kind, type):
        raise UserError(f"{what} {spec}: {_not_a_class(module, where, name)}")
    try:
        return kind(**arguments)
    except Exception as error:
        raise UserError(f"{what} {spec}: {name}() raised {described(error)}") from error


def _import_problem(where: str, error: Exception) -> str:
    if isinstance(error, _MissingFile):
        return f"there is no file {where}"
    if isinstance(error, ModuleNotFoundError) and error.name == where:
        return f"there is no module {error.name} (nor, beside the config, a file {where}.py)"
    return f"importing it raised {described(error)}"


def _not_a_class(module: ModuleType, where: str, name: str) -> str:
    if hasattr(module, name):
        return f"{name} is a {type(getattr(module, name)).__name__}, it must be a class"
    classes = [n for n, value in vars(module).items() if isinstance(value, type)]
    return f"there is no {name} in {where}{'; ' + known(name, classes) if classes else ''}"


class _MissingFile(Exception):
    """The file of a spec does not exist."""


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise _MissingFile
    found = importlib.util.spec_from_file_location(f"own_terms_{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[module.__name__] = module  # as an import does: dataclasses look up their module
    found.loader.exec_module(module)
    return module


def described(error: Exception) -> str:
    """Return an exception and its origin in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
