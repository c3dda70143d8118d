"""Custom reward terms, loaded from the user's Python files or importable modules.

A term is a class without constructor arguments. It has ``layer`` ("dense", "sparse" or "very_sparse"),
optionally ``component`` (the sum that it is reported in), optionally ``reset(state)``, called at the start of
an episode, and ``__call__(before, now, memory)``, which returns the value of a step in units of the term. See
docs/rewards.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.ram import GameState
from envs.reward_components import COMPONENTS, Component
from envs.user_classes import RAISED, UserClass, described, resolve_spec, split_spec
from rewards.base import LAYERS, EpisodeMemory, Layer, component_of
from rewards.coefficients import MAX_COEFFICIENT, shortened

KIND = "reward term"
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
        self._class = UserClass(KIND, spec)
        self.name = self._class.name
        made = self._class.make()
        self.layer: Layer = self._one_of(made, "layer", LAYERS, None)
        usual = component_of("", self.layer)
        self.component: Component = self._one_of(made, "component", COMPONENTS, usual)
        if not callable(made):
            raise self._class.wrong("the class has no __call__(self, before, now, memory)")
        self._term = made

    def reset(self, state: GameState) -> None:
        """Begin an episode at ``state``. Raises UserError if the term raises."""
        begin = getattr(self._term, "reset", None)
        if begin is not None:
            self._class.call("reset()", begin, state)

    def __call__(self, before: GameState, now: GameState, memory: EpisodeMemory) -> float:
        """Return the value of this step in units of the term.

        Raises UserError if the term raises or returns anything but a number from -1e9 to 1e9.
        """
        try:
            value = self._term(before, now, memory)
        except RAISED as error:
            raise self._class.wrong(f"step {memory.step} raised {described(error)}") from error
        if not isinstance(value, int | float) or not abs(value) <= MAX_UNITS:
            raise self._class.wrong(
                f"step {memory.step} gave {shortened(value)}: it must be a finite number between"
                f" -{MAX_UNITS:g} and {MAX_UNITS:g}"
            )
        return float(value)

    def snapshot(self) -> Any:
        """Return the term's own ``snapshot()`` or its attributes, as plain JSON values.

        Raises UserError if they are anything else.
        """
        return self._class.snapshot(self._term)

    def restore(self, kept: Any) -> None:
        """Continue from a ``snapshot``. Raises UserError if the term cannot."""
        self._class.restore(self._term, kept)

    def _one_of(self, made: Any, name: str, known: Sequence[Any], usual: Any) -> Any:
        value = getattr(made, name, usual)
        if value not in known:
            found = "missing" if value is None else repr(value)
            raise self._class.wrong(f"{name} is {found}: it must be one of {', '.join(known)}")
        return value


def check_custom_coefficients(terms: Mapping[str, float]) -> None:
    """Check specs and coefficients of custom terms.

    Raises UserError for a spec other than FILE.py:CLASS or MODULE:CLASS, or a coefficient that is not finite
    or beyond 1e6.
    """
    for spec, coefficient in terms.items():
        split_spec(spec, KIND)
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
    return {resolve_spec(spec, folder, KIND): value for spec, value in terms.items()}
