"""The runs of a board: the config of each method on each track, and a trial for each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.paths import expanded
from training.boards.board_file import TRACKS, Board
from training.config.files import ConfigError, ConfigLayer, read_object, read_with_extends
from training.config.loading import config_of
from training.config.schema import TrainConfig
from training.environments.task import Task, resolve_task
from training.sweeps.trials import Trial

BUDGET = ("total_steps", "total_multiplier", "score_to_win")
CHECKPOINTS = ("save_interval", "save_frequency", "keep_checkpoints")
OWN = ("seed", "sweep", "sweep_config", *BUDGET, *CHECKPOINTS)
"""Settings of the runs that only the board sets."""
ELSEWHERE = ("archive",)
"""Sections that let training episodes begin elsewhere than at a start. They do not apply to evaluations."""


@dataclass(frozen=True)
class Track:
    """A track: its name and description, the rules of its evaluations, and the methods trained on it."""

    name: str
    description: str
    task: Task
    methods: Mapping[str, TrainConfig]


def resolve_tracks(board: Board, path: Path) -> list[Track]:
    """Resolve every config of the board in ``path``, before anything runs.

    Raises:
        UserError: one line that names the track or method with a wrong key, value, ROM or start.
    """
    return [_track(board, path, name) for name in board.tracks]


def _track(board: Board, path: Path, name: str) -> Track:
    layers = _layers(path, f"track {name}", board.tracks[name], [])
    config = _config(layers, path, f"track {name}")
    plain = {key: _default(key) for key in ELSEWHERE if key in TrainConfig.model_fields}
    task = resolve_task(config.model_copy(update=plain)).at_first_start()
    methods = {
        method: _method_config(board, path, method, layers, task)
        for method in board.methods
        if name in board.tracks_of(method)
    }
    return Track(name, config.description, task, methods)


def _default(key: str) -> Any:
    return TrainConfig.model_fields[key].get_default(call_default_factory=True)


def _method_config(
    board: Board, path: Path, method: str, track: list[ConfigLayer], rules: Task
) -> TrainConfig:
    """Return the config that the runs of a method share, with the board's budget."""
    label = f"method {method}"
    own = ConfigLayer(f"{path}, {label}", run_settings(board))
    config = _config([*_layers(path, label, board.methods[method], track), own], path, label)
    for key in ("rom", "game"):
        ours, theirs = getattr(config, key), getattr(rules.config, key)
        if ours != theirs:
            raise ConfigError(f"{path}, {label}: {key} {ours} is not the track's, which is {theirs}")
    resolve_task(config, rules.game)  # the start and the goal
    return config


def run_settings(board: Board) -> dict[str, int | None]:
    """Return the settings of every run: its budget, and checkpoints to evaluate along the way."""
    return {
        "score_to_win": None,  # it would end a run before its budget
        "save_frequency": None,
        "total_steps": board.budget,
        "save_interval": math.ceil(board.budget / board.points),
        "keep_checkpoints": 2 * board.points + 10,  # stops and resumptions save more than the planned ones
    }


def _layers(
    path: Path, label: str, entry: Mapping[str, Any] | str, below: list[ConfigLayer]
) -> list[ConfigLayer]:
    """Return the layers of a track or method; one that extends no file lies on top of those ``below``."""
    if isinstance(entry, str):
        file = path.parent / expanded(entry, f"{path}, {label}")
        layers = read_with_extends(file)
        base = file if "extends" in read_object(file) else None
    else:
        values = {key: value for key, value in entry.items() if key not in ("extends", TRACKS)}
        base = _base(path, label, entry)
        layers = read_with_extends(base) if base is not None else []
        # A file's name with something after it: paths in the entry are relative to the file's folder.
        layers.append(ConfigLayer(f"{path}, {label}", values))
    _refuse_own(layers[-1])
    return layers if base is not None else [*below, *layers]


def _base(path: Path, label: str, entry: Mapping[str, Any]) -> Path | None:
    base = entry.get("extends")
    if base is not None and (not isinstance(base, str) or not base):
        raise ConfigError(f"{path}, {label}: extends {base!r} must be the path of a JSON or YAML file")
    return path.parent / expanded(base, f"{path}, {label}: extends") if base is not None else None


def _refuse_own(layer: ConfigLayer) -> None:
    given = next((key for key in OWN if key in layer.values), None)
    if given is not None:
        raise ConfigError(f"{layer.label}: {given} is set by the board for all runs; leave it out")


def _config(layers: list[ConfigLayer], path: Path, label: str) -> TrainConfig:
    try:
        return config_of(layers)
    except ConfigError as error:
        line = str(error)
        raise ConfigError(line if label in line else f"{path}, {label}: {line}") from None


def trials(name: str, tracks: Sequence[Track], seeds: Sequence[int]) -> list[Trial]:
    """Return a trial for every seed, track and method, seed by seed, so that a part of them is comparable."""
    return [
        trial_of(name, track, method, seed) for seed in seeds for track in tracks for method in track.methods
    ]


def trial_of(name: str, track: Track, method: str, seed: int) -> Trial:
    """Return the run of a method on a track with a seed, of the board called ``name``."""
    variant = f"{track.name}.{method}"
    config = track.methods[method].model_copy(update={"seed": seed, "sweep": name})
    return Trial(variant, seed, f"{name}.{variant}.s{seed}", config)
