"""Records of TensorBoard's event files: their format, and the loop that reads them.

A file is a sequence of records: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the
data, all little-endian (the TFRecord format, https://www.tensorflow.org/tutorials/load_data/tfrecord). The
data is an Event protocol buffer. The last record of a running or killed run may be truncated.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

PREFIX = "events.out.tfevents."
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
Record = tuple[int, bytes]  # offset in the file in bytes, and data


def read_records(
    file: IO[bytes], note: Callable[[str], None], largest: int | None = None, checked: bool = True
) -> Iterator[Record]:
    """Yield the records of an open file until its end, or until a damaged length.

    Lengths are always checked, data only if ``checked``: in Python that takes ten times as long as everything
    else. Records of more than ``largest`` bytes are skipped. ``note`` receives a message for anything that
    could not be used.
    """
    begin = size = 0
    while header := file.read(HEADER.size):
        length = _length(header)
        if length is None:
            note(f"damaged at byte {begin}, nothing after it can be read")
            return
        end = begin + HEADER.size + length + CHECKSUM.size
        if end > size:
            size = os.fstat(file.fileno()).st_size  # a run may be writing
        if end > size:
            note("the last record is cut off")
            return
        if largest is not None and length > largest:
            file.seek(end)
        else:
            data = file.read(length + CHECKSUM.size)
            if checked and not _is_sound(data):
                note(f"damaged at byte {begin}, one record skipped")
            else:
                yield begin, data[:length]
        begin = end


@lru_cache(maxsize=4096)  # lengths repeat, and a checksum takes as long as parsing an event
def _length(header: bytes) -> int | None:
    """Return the length of the data; None if the header's checksum differs. A truncated header gives a length
    beyond the end of any file."""
    if len(header) < HEADER.size:
        return 1 << 64
    length, checksum = HEADER.unpack(header)
    return int(length) if masked_crc32c(header[: -CHECKSUM.size]) == checksum else None


def _is_sound(data: bytes) -> bool:
    (checksum,) = CHECKSUM.unpack_from(data, len(data) - CHECKSUM.size)
    return bool(checksum == masked_crc32c(data[: -CHECKSUM.size]))


def parse_event(data: bytes) -> Event | None:
    """Parse the event in a record's data; None if it is not an event."""
    try:
        return Event.FromString(data)
    except DecodeError:
        return None


def files_in(folder: Path, pattern: str = PREFIX + "*") -> list[Path]:
    """Return the event files directly in ``folder``, oldest first; empty if there is no such folder."""
    found = (
        path for path in folder.glob(pattern) if not path.name.startswith(".")
    )  # hidden files are half-written
    return sorted((path for path in found if path.is_file()), key=_age)


def _age(file: Path) -> tuple[int, str]:
    return (time_of(file), file.name)


def time_of(file: Path) -> int:
    """Return the time in an event file's name, in Unix seconds; 0 without one."""
    match = re.search(r"tfevents\.(\d{1,15})", file.name, re.ASCII)
    return int(match.group(1)) if match else 0
