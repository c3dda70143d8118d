"""Flags of train_ppo.py: session options, and the settings that the schema marks with a Flag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from training.cli.parsing import Count, File, Name, Switch, UsageError, flag
from training.config.roles import Flag
from training.config.schema import TrainConfig

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

FlagsT = TypeVar("FlagsT")
AUTO = "auto"
RAY = "ray"
WORDS = {
    "num_envs": (AUTO, "choose by a short measurement"),
    "workers": (RAY, "run on the machines of a Ray cluster"),
}
"""Flags that take a word instead of a number, and its meaning."""
METAVARS = {int: "N", float: "X"}


def _marks() -> dict[str, Flag]:
    metadata = {key: field.metadata for key, field in TrainConfig.model_fields.items()}
    return {key: mark for key, marks in metadata.items() for mark in marks if isinstance(mark, Flag)}


MARKS = _marks()
"""The settings that have flags."""


def with_settings(flags: type[FlagsT]) -> type[FlagsT]:
    """Add a field for every setting in MARKS to the class. Its default is None, or a switch's own."""
    for key, mark in MARKS.items():
        field = TrainConfig.model_fields[key]
        kind, metavar, text = _plain(field.annotation), mark.metavar, field.description or ""
        if key in WORDS:
            word, meaning = WORDS[key]
            kind, metavar, text = str, f"N|{word}", f"{text.removesuffix('.')}; {word}: {meaning}."
        setattr(flags, key, field.default if kind is bool else None)
        aliases = (mark.alias,) if mark.alias else ()
        flags.__annotations__[key] = _annotation(kind, metavar, text, field, aliases)
    return flags


def _annotation(kind: Any, metavar: str, text: str, field: FieldInfo, aliases: tuple[str, ...]) -> Any:
    if kind is bool:
        return Annotated[Switch, flag(help=f"Turn off: {text}" if field.default else text, aliases=aliases)]
    default = "" if field.default is None else str(field.default)
    choices = ",".join(map(str, get_args(kind)))
    return Annotated[
        kind | None, flag(metavar or METAVARS.get(kind) or f"{{{choices}}}", text, default, aliases)
    ]


def _plain(annotation: Any) -> Any:
    """Return the bool, int, float, str or Literal in a setting's annotation (float for a schedule)."""
    return next(k for k in _kinds(annotation) if k in (bool, int, float, str) or get_origin(k) is Literal)


def _kinds(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    elif annotation is not NoneType:
        yield annotation


@dataclass(frozen=True)
@with_settings
class TrainFlags:
    """Train PPO on the game.

    Precedence, highest first: flags, the config file, the files it extends, the preset, the defaults.
    """

    config: File = None
    """JSON or YAML file with settings (see configs/)."""
    run_name: Name = None
    """Name of the run's folder under runs/; made from the config's name and the time when left out."""
    resume: Name = None
    """Continue the run of this name, or in this folder, from its last checkpoint."""
    accept_changes: Switch = False
    """Resume even if settings differ from the run's own."""
    init_from: Name = None
    """Start from the weights of this run or checkpoint folder, counting steps from 0."""
    stop_after: Count = None
    """Save and stop once this many steps are reached; --resume continues."""
    ignore_memory: Switch = False
    """Start even if the run is estimated to need more memory than is free."""
    ignore_implausible: Switch = False
    """Start even if the memory of an unknown ROM does not look like that of the game it is said to be."""
    export_sb3: File = None
    """At the end, export the policy to this .zip for plain stable-baselines3 (see also export_sb3.py)."""
    use_graphics: Switch = False
    """Show the first environment's game in a window."""
    seeds: Count = None
    """Train this many runs, NAME.s1, NAME.s2 and so on, with the seeds 1, 2 and so on; the same command with
    --run-name NAME continues where it stopped."""
    jobs: Count = None
    """With --seeds: runs in parallel (default: 1)."""
    if TYPE_CHECKING:  # settings added by with_settings that are accessed by name
        num_envs: str | None = None
        workers: str | None = None
        ray_address: str | None = None

    def overrides(self) -> dict[str, Any]:
        """Return the settings that were given as flags, by their config keys."""
        given = {key: getattr(self, key) for key in MARKS}
        for key, (word, _) in WORDS.items():
            given[key] = _whole("--" + key.replace("_", "-"), given[key], word)
        values = {key: value for key, value in given.items() if _was_given(key, value)}
        if "workers" in values:  # processes on this machine, even if the config names a cluster
            values["ray_address"] = None
        return values

    @property
    def measure_num_envs(self) -> bool:
        """Whether to choose the number of environments by measurement."""
        return self.num_envs == AUTO

    @property
    def on_cluster(self) -> bool:
        """Whether the environments run on a Ray cluster."""
        return self.workers == RAY


def _was_given(key: str, value: Any) -> bool:
    """Return whether the value of a flag was given; that of a switch was if it is not the default."""
    if isinstance(value, bool):
        return value is not TrainConfig.model_fields[key].default
    return value is not None


def _whole(flag: str, text: str | None, word: str) -> int | None:
    """Return the flag's number, or None when it was not given or is ``word``."""
    if text is None or text == word:
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{flag} {text} must be a whole number or {word}") from None
