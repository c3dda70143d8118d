"""Board files: the budget, the seeds, the tracks, and the methods as overlays of keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from training.config.error_lines import describe
from training.config.files import ConfigError, ConfigLayer, read_object, unknown_name
from training.config.schema import MAX_SEED

RANDOM, SCRIPTED = "random", "scripted"
"""Rows that no method may be named after."""
TRACKS = "tracks"
"""Key of a method that lists the tracks it is trained on (default: all)."""
BASELINE = "ppo"
"""The method that costs are relative to, if the board has it; the first method otherwise."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Episodes = Annotated[int, Field(ge=1, le=10_000)]


class Board(BaseModel):
    """A board. Paths are relative to its file.

    ``tracks`` maps names to configs, and ``methods`` names to overlays on the config of each track. Both may
    be objects or paths of config files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    description: str = ""
    """Purpose of the board."""
    budget: Annotated[int, Field(ge=1, le=10**12)]
    """Steps of each run over all environments, rounded up to whole rollouts."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, le=MAX_SEED)], ...], Field(min_length=1, max_length=100)
    ]
    """Seeds of the runs of every method on every track."""
    episodes: Episodes = 20
    """Held-out episodes of each trained policy, of random buttons and of the scripted player."""
    points: Annotated[int, Field(ge=1, le=100)] = 5
    """Evaluations along a run, evenly spaced; the last is that of the trained policy."""
    point_episodes: Episodes = 4
    """Held-out episodes of each evaluation along a run."""
    page: Text | None = None
    """Markdown page with the results (default: board.md in the board's folder)."""
    results: Text | None = None
    """Folder that keeps the result of each evaluated run, which then counts as done (default: none)."""
    tracks: Annotated[dict[Slug, dict[str, Any] | Text], Field(min_length=1, max_length=20)]
    """Configs to train and evaluate on."""
    methods: Annotated[dict[Slug, dict[str, Any] | Text], Field(min_length=1, max_length=40)]
    """Overlays, each of which is trained on every track (or those that its "tracks" lists)."""

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
        if twice is not None:
            raise ValueError(f"seed {twice} is given twice")
        return seeds

    @field_validator("methods")
    @classmethod
    def _names_are_free(cls, methods: dict[str, Any]) -> dict[str, Any]:
        taken = next((name for name in (RANDOM, SCRIPTED) if name in methods), None)
        if taken is not None:
            raise ValueError(f"{taken} is a row of every board; choose another name for the method")
        return methods

    @model_validator(mode="after")
    def _methods_name_tracks(self) -> Self:
        for method in self.methods:
            for name in self.tracks_of(method):
                if name not in self.tracks:
                    raise ValueError(unknown_name(str(name), self.tracks, f"a track for method {method}"))
        return self

    def tracks_of(self, method: str) -> list[str]:
        """Return the tracks that a method is trained on. Raises ValueError if its "tracks" lists none."""
        entry = self.methods[method]
        wanted = entry.get(TRACKS) if isinstance(entry, dict) else None
        if wanted is not None and not (isinstance(wanted, list) and wanted):
            raise ValueError(f"method {method}: {TRACKS} {wanted!r} must be a list of tracks, at least one")
        return list(self.tracks) if wanted is None else wanted

    @property
    def baseline(self) -> str:
        """The method that costs are relative to."""
        return BASELINE if BASELINE in self.methods else next(iter(self.methods))

    def only(self, tracks: tuple[str, ...], methods: tuple[str, ...]) -> Board:
        """Return the board with these tracks and methods (empty: all). Raises ConfigError if unknown."""
        return self.model_copy(
            update={
                "tracks": _chosen(self.tracks, tracks, "track"),
                "methods": _chosen(self.methods, methods, "method"),
            }
        )


def _chosen(known: Mapping[str, Any], names: tuple[str, ...], kind: str) -> dict[str, Any]:
    for name in names:
        if name not in known:
            raise ConfigError(unknown_name(name, known, f"a {kind} of the board"))
    return {name: value for name, value in known.items() if not names or name in names}


def read_board(path: Path) -> Board:
    """Read the board in ``path``. Raises ConfigError with one line that names every problem."""
    raw = read_object(path)
    try:
        return Board.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        layers = [ConfigLayer(str(path), raw)]
        lines = [_line(detail, layers, path) for detail in error.errors(include_url=False)]
        raise ConfigError("; ".join(dict.fromkeys(lines))) from None


def _line(detail: Mapping[str, Any], layers: list[ConfigLayer], path: Path) -> str:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        return unknown_name(key, Board.model_fields, f"a key of {path}")
    if not key:
        return f"{path}: {describe(detail, layers, {})}"
    if key in ("tracks", "methods") and len(detail["loc"]) > 1:
        return _line_about_entry(detail, path)
    return describe(detail, layers, {})


def _line_about_entry(detail: Mapping[str, Any], path: Path) -> str:
    place = f"{path}: {detail['loc'][0]}.{detail['loc'][1]}"
    if detail["loc"][-1] == "[key]":
        return f"{place}: names must be lower-case letters, digits and '_', 40 at most"
    return f"{place} must be an object with the keys of a config, or the path of a config file"
