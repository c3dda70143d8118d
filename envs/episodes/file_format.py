"""File format of a recorded episode, which holds all that is needed to replay it on the same cartridge.

Eight magic bytes, the length of the header (uint32, little-endian), the header as JSON, one byte per action,
hashes of the memory at intervals, and a digest of everything before it. A file is only data: nothing in it is
executed, and every length is checked.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from envs.errors import UserError
from envs.files import read_plain
from envs.game_boy.emulator import BUTTONS
from envs.game_boy.memory import Memory

MAGIC = b"EPISODE\x01"
SUFFIX = ".episode"
STARTS = "starts"
"""Folder beside the episodes with their start states, named by hash."""
HASH_BYTES = 8
DIGEST_BYTES = 16
MAX_HEADER = 1_000_000  # bytes; most have about 1,200
MAX_CHANGES = 5_000
MAX_STEPS = 10_000_000
MAX_FILE = len(MAGIC) + 4 + MAX_HEADER + MAX_STEPS * (1 + HASH_BYTES) + DIGEST_BYTES
MAX_STATE = 10_000_000  # bytes; a state has about 180,000
_LENGTH = struct.Struct("<I")

Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Hex40 = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=0, le=10**12)]


class Header(BaseModel):
    """Header of an episode file.

    ``settings`` holds the run's settings that the episode depends on. ``stats`` is ``info["episode_stats"]``
    without the entries that have fields here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    game: Text
    rom_sha1: Hex40
    emulator: Text
    settings: Annotated[dict[Text, JsonValue], Field(max_length=100)]
    environment: Whole
    number: Whole  # of this episode among the environment's finished ones, from 0
    start: Text
    start_sha256: Hex64
    wait_frames: Annotated[int, Field(ge=0, le=3600)]
    seed: Whole | None  # passed to reset() for this episode; None: the generator was not reseeded
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    hash_every: Annotated[int, Field(ge=1, le=MAX_STEPS)]  # steps
    end: Literal["terminated", "truncated"]
    episode_return: float
    reward_components: Annotated[dict[Text, float], Field(max_length=100)]
    milestones: Annotated[list[tuple[Whole, Text]], Field(max_length=1000)]  # step and name
    stats: Annotated[dict[Text, JsonValue], Field(max_length=100)]
    layer_weights: Annotated[list[tuple[Whole, dict[Text, float]]], Field(max_length=MAX_CHANGES)]
    # number of steps before each change, and the weights of the reward layers from then on

    @property
    def hashes(self) -> int:
        """Number of hashes in the file: one every ``hash_every`` steps, and one for the last step."""
        return -(-self.steps // self.hash_every)


@dataclass(frozen=True, slots=True)
class RecordedEpisode:
    """The contents of a file; ``actions[n]`` is an index of ``envs.game_boy.emulator.BUTTONS``."""

    header: Header
    actions: bytes
    hashes: tuple[bytes, ...]


def file_name(environment: int, number: int) -> str:
    """Return the file name of an environment's episode ``number``; replayed, it gets the same name."""
    return f"{environment:04d}-{number:06d}{SUFFIX}"


def numbered_files(folder: Path, environment: int) -> dict[int, Path]:
    """Return the files in ``folder`` of an environment's episodes, by number."""
    numbered = {}
    for path in folder.glob(f"{environment:04d}-*{SUFFIX}"):
        with suppress(ValueError):
            numbered[int(path.stem.split("-")[1])] = path
    return numbered


def memory_hash(memory: Memory, last: bool = False) -> bytes:
    """Return an eight-byte hash of the memory: work RAM, sprites and high RAM.

    At the ``last`` step of an episode it includes video RAM and cartridge RAM, which take 20 times as long to
    read. Address ranges are those of every Game Boy (Pan Docs, "Memory Map").
    """
    digest = hashlib.blake2b(bytes(memory[0xC000:0xE000]), digest_size=HASH_BYTES)
    digest.update(bytes(memory[0xFE00:0xFEA0]))
    digest.update(bytes(memory[0xFF80:0x10000]))
    if last:
        digest.update(bytes(memory[0x8000:0xC000]))
    return digest.digest()


def encode(header: Mapping[str, Any], actions: bytes, hashes: bytes) -> bytes:
    """Return the file's bytes; ``header`` has the fields of Header, ``hashes`` are concatenated."""
    text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join((MAGIC, _LENGTH.pack(len(text)), text, actions, hashes))
    return body + _digest(body)


def decode(data: bytes, name: str | Path) -> RecordedEpisode:
    """Decode the episode in ``data``; ``name`` is used in messages.

    Raises UserError, with one line, unless ``data`` is a complete and undamaged file.
    """
    header, begin = _header(data, name)
    middle, end = begin + header.steps, begin + header.steps + header.hashes * HASH_BYTES
    if len(data) != end + DIGEST_BYTES:
        raise UserError(
            f"episode {name}: {len(data)} bytes, but {end + DIGEST_BYTES} by its header; the file is damaged"
        )
    if data[end:] != _digest(data[:end]):
        raise UserError(f"episode {name}: its bytes do not match its digest; the file is damaged")
    actions = data[begin:middle]
    if max(actions) >= len(BUTTONS):
        raise UserError(f"episode {name}: action {max(actions)}: must be 0 to {len(BUTTONS) - 1}")
    hashes = tuple(data[at : at + HASH_BYTES] for at in range(middle, end, HASH_BYTES))
    return RecordedEpisode(header, actions, hashes)


def read_episode(path: Path) -> RecordedEpisode:
    """Read the episode in the file ``path``. Raises UserError."""
    return decode(_read(path, MAX_FILE, "episode"), path)


def read_header(path: Path) -> Header:
    """Read only the header of the file ``path``. Raises UserError."""
    begin = _read(path, MAX_FILE, "episode", len(MAGIC) + _LENGTH.size)
    return _header(_read(path, MAX_FILE, "episode", len(begin) + _header_length(begin, path)), path)[0]


def start_path(folder: Path, sha256: str) -> Path:
    """Return the path of the start state with that hash; ``folder`` holds the episodes."""
    return folder / STARTS / f"{sha256[:16]}.state"


def read_start(folder: Path, sha256: str) -> bytes:
    """Read the start state of an episode in ``folder``. Raises UserError if it is missing or damaged."""
    path = start_path(folder, sha256)
    data = _read(path, MAX_STATE, "start state")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"start state {path}: its SHA-256 is not the episode's ({sha256}); it is damaged")
    return data


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()


def _read(path: Path, most: int, kind: str, only: int | None = None) -> bytes:
    try:
        return read_plain(path, most, only)
    except OSError as error:
        raise UserError(f"{kind} {path}: cannot be read ({error.strerror})") from error


def _header_length(data: bytes, name: str | Path) -> int:
    begin = len(MAGIC) + _LENGTH.size
    if data[:7] != MAGIC[:7] or len(data) < begin:
        raise UserError(
            f"episode {name}: not a recorded episode (it does not begin with {MAGIC[:7].decode()})"
        )
    if data[7] != MAGIC[7]:
        raise UserError(f"episode {name}: format version {data[7]}; only version {MAGIC[7]} can be read")
    length: int = _LENGTH.unpack(data[len(MAGIC) : begin])[0]
    if length > MAX_HEADER:
        raise UserError(
            f"episode {name}: a header of {length} bytes, at most {MAX_HEADER} are allowed;"
            " the file is damaged"
        )
    return length


def _header(data: bytes, name: str | Path) -> tuple[Header, int]:
    """Return the header, and the offset of the actions."""
    begin, length = len(MAGIC) + _LENGTH.size, _header_length(data, name)
    if begin + length > len(data):
        raise UserError(f"episode {name}: it ends within its header; the file is damaged")
    try:
        return Header.model_validate_json(data[begin : begin + length]), begin + length
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ascii(".".join(map(str, first["loc"])) or "JSON")[1:80].strip("'")
        raise UserError(f"episode {name}: its header is wrong ({where}: {first['msg']})") from None
