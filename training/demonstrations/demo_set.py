"""A set of demonstrations: a folder of recorded episodes, with a manifest of where they come from.

``demonstrations.json`` is the manifest. Episodes and their start states are stored as in a run's folder, see
``envs.episodes.file_format``. A set is only data: nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from envs.episodes.file_format import (
    MAX_STEPS,
    SUFFIX,
    Hex40,
    Hex64,
    RecordedEpisode,
    Text,
    Whole,
    decode,
    read_start,
    start_path,
)
from envs.errors import UserError
from envs.files import read_plain, write_json
from envs.start_states.state_files import StartState

MANIFEST = "demonstrations.json"
MAX_MANIFEST = 50_000_000  # bytes; 30 episodes to the first badge with noise take about 0.05 million
MAX_EPISODE = 100_000_000  # bytes
MAX_EPISODES = 10_000
Step = Annotated[int, Field(ge=0, lt=MAX_STEPS)]
FileName = Annotated[str, Field(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}\{SUFFIX}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DemonstrationFile(_Part):
    """An episode of a set: its file, the SHA-256 of that file, and the actions that are not to be imitated.

    ``noise`` holds their indices, from 0: actions that were drawn at random instead of the player's, and in
    games of a person those without a key.
    """

    file: FileName
    sha256: Hex64
    noise: Annotated[list[Step], Field(max_length=MAX_STEPS)] = []


class Manifest(_Part):
    """The manifest of a set.

    ``player`` is who played. ``source`` tells more, for example the settings of the scripted player or the
    name of the run.
    """

    format: Literal[1] = 1
    game: Text
    rom_sha1: Hex40
    player: Literal["script", "run", "human"]
    source: Annotated[dict[Text, Text | bool | int | float | None], Field(max_length=100)]
    made_on: Text
    steps: Whole
    episodes: Annotated[list[DemonstrationFile], Field(min_length=1, max_length=MAX_EPISODES)]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An episode of a set with its start state. ``noise``: indices of the actions not to be imitated."""

    name: str
    episode: RecordedEpisode
    start: StartState
    noise: frozenset[int]


@dataclass(frozen=True, slots=True)
class DemonstrationSet:
    """A set that was read from ``folder``."""

    folder: Path
    manifest: Manifest
    sha256: str
    """Hash of the manifest, which holds the hashes of all episodes: it identifies the set."""

    def read(self, number: int) -> Demonstration:
        """Read episode ``number``, counted from 0. Raises UserError if a file is missing or damaged."""
        entry = self.manifest.episodes[number]
        path = self.folder / entry.file
        try:
            data = read_plain(path, MAX_EPISODE)
        except OSError as error:
            raise UserError(f"demonstration {path}: cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise UserError(f"demonstration {path}: its SHA-256 is not the set's; it was changed or damaged")
        episode = decode(data, path)
        self._check(episode, entry, path)
        digest = episode.header.start_sha256
        state = StartState(read_start(self.folder, digest), episode.header.start, {"sha256": digest})
        return Demonstration(entry.file, episode, state, frozenset(entry.noise))

    def _check(self, episode: RecordedEpisode, entry: DemonstrationFile, path: Path) -> None:
        if episode.header.rom_sha1 != self.manifest.rom_sha1:
            raise UserError(
                f"demonstration {path}: played on a ROM with SHA-1 {episode.header.rom_sha1}, but the set's"
                f" is {self.manifest.rom_sha1}"
            )
        if entry.noise and max(entry.noise) >= episode.header.steps:
            raise UserError(
                f"demonstration {path}: noise at step {max(entry.noise)}, but it has {episode.header.steps}"
            )

    def __iter__(self) -> Iterator[Demonstration]:
        return (self.read(number) for number in range(len(self)))

    def __len__(self) -> int:
        return len(self.manifest.episodes)


def read_set(folder: Path) -> DemonstrationSet:
    """Read the manifest of the set in ``folder``. Raises UserError unless it is a sound one."""
    path = folder / MANIFEST
    try:
        data = read_plain(path, MAX_MANIFEST)
    except OSError as error:
        raise UserError(
            f"demonstrations {folder}: not a set of demonstrations ({MANIFEST}: {error.strerror});"
            " demonstrate.py makes one"
        ) from error
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ascii(".".join(map(str, first["loc"])) or "JSON")[1:80].strip("'")
        raise UserError(f"demonstrations {path}: wrong ({place}: {first['msg']})") from None
    return DemonstrationSet(folder, manifest, hashlib.sha256(data).hexdigest())


@contextmanager
def new_set(out: Path) -> Iterator[Path]:
    """Make the folder ``out`` as a whole: the context gives another, which is renamed at its end.

    Nothing is left if an exception is raised. Raises UserError if ``out`` exists or cannot be written.
    """
    refuse_existing(out)
    fresh = out.with_name(f".{out.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        fresh.rename(out)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def refuse_existing(out: Path) -> None:
    """Raise UserError if ``out`` exists, or cannot be the name of a folder."""
    try:
        taken = out.exists() or out.is_symlink()
    except (OSError, ValueError) as error:
        raise UserError(f"--out {str(out)!r}: {error}") from error
    if taken or not out.name:
        raise UserError(f"--out {out}: exists already; choose another name or remove it")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of the set in ``folder``. Raises OSError."""
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def described(path: Path, noise: list[int] | None = None) -> DemonstrationFile:
    """Return the manifest's entry for the episode in the file ``path``. Raises OSError."""
    digest = hashlib.sha256(read_plain(path, MAX_EPISODE)).hexdigest()
    return DemonstrationFile(file=path.name, sha256=digest, noise=noise or [])


def size_of(folder: Path) -> int:
    """Return the bytes of all files of a set."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def start_file(folder: Path, demonstration: Demonstration) -> Path:
    """Return the path of a demonstration's start state."""
    return start_path(folder, demonstration.episode.header.start_sha256)
