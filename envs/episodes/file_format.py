"""One recorded episode as a file: all that is needed to play it again on the same cartridge.

Eight bytes of magic, the length of the header (uint32, little-endian), the header as JSON, one byte per
action, hashes of the memory on the way, and a digest of all that. A file is data: nothing in it is run, and
every length in it is checked.
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
"""Folder beside the episodes: the states that they begin with, by hash."""
HASH_BYTES = 8
DIGEST_BYTES = 16
MAX_HEADER = 1_000_000  # bytes; most have some 1,200
MAX_CHANGES = 5_000
MAX_STEPS = 10_000_000
MAX_FILE = len(MAGIC) + 4 + MAX_HEADER + MAX_STEPS * (1 + HASH_BYTES) + DIGEST_BYTES
MAX_STATE = 10_000_000  # bytes; a state has some 180,000
_LENGTH = struct.Struct("<I")

Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Hex40 = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=0, le=10**12)]


class Header(BaseModel):
    """What a file says of its episode. ``settings`` are those of the run that an episode depends on;
    ``stats`` is ``info["episode_stats"]`` but for what has a place of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    game: Text
    rom_sha1: Hex40
    emulator: Text
    settings: Annotated[dict[Text, JsonValue], Field(max_length=100)]
    environment: Whole
    number: Whole  # of the environment's finished episodes
    start: Text
    start_sha256: Hex64
    wait_frames: Annotated[int, Field(ge=0, le=3600)]
    seed: Whole | None  # what the environment was seeded with for this episode; None: it went on
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    hash_every: Annotated[int, Field(ge=1, le=MAX_STEPS)]  # steps
    end: Literal["terminated", "truncated"]
    episode_return: float
    reward_components: Annotated[dict[Text, float], Field(max_length=100)]
    milestones: Annotated[list[tuple[Whole, Text]], Field(max_length=1000)]  # the step, and what fell
    stats: Annotated[dict[Text, JsonValue], Field(max_length=100)]
    layer_weights: Annotated[list[tuple[Whole, dict[Text, float]]], Field(max_length=MAX_CHANGES)]
    # steps that were done when layers of the reward came to count so much

    @property
    def hashes(self) -> int:
        """How many hashes the file has: one every ``hash_every`` steps, and one for the last step."""
        return -(-self.steps // self.hash_every)


@dataclass(frozen=True, slots=True)
class RecordedEpisode:
    """A whole file: action n is ``actions[n]``, an index of ``envs.game_boy.emulator.BUTTONS``."""

    header: Header
    actions: bytes
    hashes: tuple[bytes, ...]


def file_name(environment: int, number: int) -> str:
    """The name of the file of an environment's ``number``-th episode: redone, it takes the same name."""
    return f"{environment:04d}-{number:06d}{SUFFIX}"


def numbered_files(folder: Path, environment: int) -> dict[int, Path]:
    """The files in ``folder`` of an environment's episodes, by number."""
    numbered = {}
    for path in folder.glob(f"{environment:04d}-*{SUFFIX}"):
        with suppress(ValueError):
            numbered[int(path.stem.split("-")[1])] = path
    return numbered


def memory_hash(memory: Memory, last: bool = False) -> bytes:
    """Eight bytes that stand for what the game remembers: work RAM, sprites, high RAM; at the ``last`` step
    of an episode video RAM and the cartridge's RAM too, which take 20 times as long to read.

    Ranges as every Game Boy has them (Pan Docs, "Memory Map").
    """
    digest = hashlib.blake2b(bytes(memory[0xC000:0xE000]), digest_size=HASH_BYTES)
    digest.update(bytes(memory[0xFE00:0xFEA0]))
    digest.update(bytes(memory[0xFF80:0x10000]))
    if last:
        digest.update(bytes(memory[0x8000:0xC000]))
    return digest.digest()


def encode(header: Mapping[str, Any], actions: bytes, hashes: bytes) -> bytes:
    """The file's bytes; ``header`` as Header has it, ``hashes`` one after the other."""
    text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join((MAGIC, _LENGTH.pack(len(text)), text, actions, hashes))
    return body + _digest(body)


def decode(data: bytes, name: str | Path) -> RecordedEpisode:
    """The episode in ``data``; ``name`` is for the message. Raises UserError with one line for anything that
    is not such a file, whole and unchanged."""
    header, begin = _header(data, name)
    middle, end = begin + header.steps, begin + header.steps + header.hashes * HASH_BYTES
    if len(data) != end + DIGEST_BYTES:
        raise UserError(
            f"episode {name}: {len(data)} bytes, {end + DIGEST_BYTES} by its header; the file is damaged"
        )
    if data[end:] != _digest(data[:end]):
        raise UserError(f"episode {name}: its bytes do not fit its digest; the file is damaged")
    actions = data[begin:middle]
    if max(actions) >= len(BUTTONS):
        raise UserError(f"episode {name}: action {max(actions)} is none; there are {len(BUTTONS)}")
    hashes = tuple(data[at : at + HASH_BYTES] for at in range(middle, end, HASH_BYTES))
    return RecordedEpisode(header, actions, hashes)


def read_episode(path: Path) -> RecordedEpisode:
    """The episode in the file ``path``. Raises UserError."""
    return decode(_read(path, MAX_FILE, "episode"), path)


def read_header(path: Path) -> Header:
    """The header alone, without reading what follows it. Raises UserError."""
    begin = _read(path, MAX_FILE, "episode", len(MAGIC) + _LENGTH.size)
    return _header(_read(path, MAX_FILE, "episode", len(begin) + _header_length(begin, path)), path)[0]


def start_path(folder: Path, sha256: str) -> Path:
    """Where the start state of that hash lies; ``folder`` holds the episodes."""
    return folder / STARTS / f"{sha256[:16]}.state"


def read_start(folder: Path, sha256: str) -> bytes:
    """The start state of an episode in ``folder``. Raises UserError when it is missing or another."""
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
        raise UserError(f"episode {name}: no recorded episode (it does not begin with {MAGIC[:7].decode()})")
    if data[7] != MAGIC[7]:
        raise UserError(f"episode {name}: of version {data[7]}, and only {MAGIC[7]} can be read here")
    length: int = _LENGTH.unpack(data[len(MAGIC) : begin])[0]
    if length > MAX_HEADER:
        raise UserError(f"episode {name}: a header of {length} bytes is none; the file is damaged")
    return length


def _header(data: bytes, name: str | Path) -> tuple[Header, int]:
    """The header, and where the actions begin."""
    begin, length = len(MAGIC) + _LENGTH.size, _header_length(data, name)
    if begin + length > len(data):
        raise UserError(f"episode {name}: it ends within its header; the file is damaged")
    try:
        return Header.model_validate_json(data[begin : begin + length]), begin + length
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ascii(".".join(map(str, first["loc"])) or "JSON")[1:80].strip("'")
        raise UserError(f"episode {name}: its header is wrong ({where}: {first['msg']})") from None
