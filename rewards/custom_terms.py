"""Custom reward terms, loaded from the user's Python files or importable modules.

A term is a class without constructor arguments. It has ``layer`` ("dense", "sparse" or "very_sparse"),
optionally ``component`` (the sum that it is reported in), optionally ``reset(state)``, called at the start of
an episode, and ``__call__(before, now, memory)``, which returns the value of a step in units of the term. See
docs/rewards.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from envs.errors import UserError, known
from envs.paths import expanded
from envs.ram import GameState
from envs.reward_components import COMPONENTS, Component
from rewards.base import LAYERS, EpisodeMemory, Layer, component_of
from rewards.coefficients import MAX_COEFFICIENT, shortened

WANTED = "must be FILE.py:CLASS or MODULE:CLASS"
MAX_UNITS = 1e9
"""Largest value of a step in units of the term. Times coefficient and weight it is far below the maximum of
single precision, in which the learner receives rewards."""


class CustomTerm:
    """A custom term: an instance of the user's class whose results and errors are checked.

    ``spec`` is "FILE.py:CLASS", with an absolute path or one relative to the working directory, or
    "MODULE:CLASS". Raises UserError if the file, module or class is missing or raises, or the class is not a
    term.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        where, name = split_spec(spec)
        made = self._made(where, name)
        self.name = f"{Path(where).stem if where.endswith('.py') else where}:{name}"
        self.layer: Layer = self._one_of(made, "layer", LAYERS, None)
        usual = component_of("", self.layer)
        self.component: Component = self._one_of(made, "component", COMPONENTS, usual)
        if not callable(made):
            raise self._wrong("the class has no __call__(self, before, now, memory)")
        self._term = made

    def reset(self, state: GameState) -> None:
        """Begin an episode at ``state``. Raises UserError if the term raises."""
        begin = getattr(self._term, "reset", None)
        if begin is not None:
            try:
                begin(state)
            except Exception as error:
                raise self._wrong(f"reset() raised {described(error)}") from error

    def __call__(self, before: GameState, now: GameState, memory: EpisodeMemory) -> float:
        """Return the value of this step in units of the term.

        Raises UserError if the term raises or returns anything but a number from -1e9 to 1e9.
        """
        try:
            value = self._term(before, now, memory)
        except Exception as error:
            raise self._wrong(f"step {memory.step} raised {described(error)}") from error
        if not isinstance(value, int | float) or not abs(value) <= MAX_UNITS:
            raise self._wrong(
                f"step {memory.step} gave {shortened(value)}: it must be a finite number between"
                f" -{MAX_UNITS:g} and {MAX_UNITS:g}"
            )
        return float(value)

    def snapshot(self) -> Any:
        """Return the term's own ``snapshot()`` or its attributes, as plain JSON values.

        Raises UserError if they are anything else.
        """
        own = getattr(self._term, "snapshot", None)
        try:
            kept = own() if own is not None else dict(getattr(self._term, "__dict__", {}))
        except Exception as error:
            raise self._wrong(f"snapshot() raised {described(error)}") from error
        if not _plain(kept):
            raise self._wrong(
                "its attributes must be numbers, strings, lists, and dicts with string keys (none starting"
                " with $), or the class must have snapshot() and restore(kept) that return and take such"
                " values"
            )
        return json.loads(json.dumps(kept))

    def restore(self, kept: Any) -> None:
        """Continue from a ``snapshot``. Raises UserError if the term cannot."""
        own = getattr(self._term, "restore", None)
        try:
            if own is not None:
                own(kept)
            else:
                vars(self._term).update(kept)
        except Exception as error:
            raise self._wrong(f"restore() raised {described(error)}") from error

    def _wrong(self, problem: str) -> UserError:
        return UserError(f"reward term {self.spec}: {problem}")

    def _made(self, where: str, name: str) -> Any:
        module = self._module(where)
        classes = [n for n, value in vars(module).items() if isinstance(value, type)]
        if not hasattr(module, name):
            raise self._wrong(
                f"there is no {name} in {where}{'; ' + known(name, classes) if classes else ''}"
            )
        kind = getattr(module, name)
        if not isinstance(kind, type):
            raise self._wrong(f"{name} is a {type(kind).__name__}, it must be a class")
        try:
            return kind()
        except Exception as error:
            raise self._wrong(f"{name}() raised {described(error)}") from error

    def _module(self, where: str) -> ModuleType:
        try:
            return _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        except FileNotFoundError:
            raise self._wrong(f"there is no file {where}") from None
        except ModuleNotFoundError as error:
            raise self._wrong(
                f"there is no module {error.name} (nor, beside the config, a file {where}.py)"
                if error.name == where
                else f"importing it raised {described(error)}"
            ) from error
        except Exception as error:
            raise self._wrong(f"importing it raised {described(error)}") from error

    def _one_of(self, made: Any, name: str, known: Sequence[Any], usual: Any) -> Any:
        value = getattr(made, name, usual)
        if value not in known:
            found = "missing" if value is None else repr(value)
            raise self._wrong(f"{name} is {found}: it must be one of {', '.join(known)}")
        return value


def split_spec(spec: str) -> tuple[str, str]:
    """Split "FILE.py:CLASS" or "MODULE:CLASS" at the colon. Raises UserError for anything else."""
    where, colon, name = spec.rpartition(":")
    if not (where and colon and name.isidentifier()):
        raise UserError(f'reward term "{spec}": {WANTED}')
    return where, name


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise FileNotFoundError(path)
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


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and key[:1] != "$" and _plain(own) for key, own in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def check_custom_coefficients(terms: Mapping[str, float]) -> None:
    """Check specs and coefficients of custom terms.

    Raises UserError for a spec other than FILE.py:CLASS or MODULE:CLASS, or a coefficient that is not finite
    or beyond 1e6.
    """
    for spec, coefficient in terms.items():
        split_spec(spec)
        if not abs(coefficient) <= MAX_COEFFICIENT:
            raise UserError(
                f"reward term {spec} has {shortened(coefficient)}: it must be a number between"
                f" -{MAX_COEFFICIENT:g} and {MAX_COEFFICIENT:g}"
            )


def load_custom_terms(terms: Mapping[str, float]) -> tuple[tuple[CustomTerm, float], ...]:
    """Load a config's custom terms with their coefficients, leaving out those of 0. Raises UserError."""
    check_custom_coefficients(terms)
    made = tuple((CustomTerm(spec), float(value)) for spec, value in terms.items() if value != 0)
    names = [term.name for term, _ in made]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"reward term {name} is named twice; rename one of the files")
    return made


def resolve_terms(terms: Mapping[str, float], folder: Path) -> dict[str, float]:
    """Resolve the files among ``terms`` relative to ``folder`` to absolute paths.

    A module name for which ``folder`` has a file means that file. Raises UserError for an invalid spec.
    """
    resolved = {}
    for spec, value in terms.items():
        where, name = split_spec(spec)
        where = str(expanded(where, "reward term")) if where.startswith("~") else where
        beside = folder / (where if where.endswith(".py") else f"{where.replace('.', '/')}.py")
        is_file = where.endswith(".py") or beside.is_file()
        resolved[f"{beside.resolve()}:{name}" if is_file else spec] = value
    return resolved
