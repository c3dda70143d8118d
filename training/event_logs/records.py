"""The records of TensorBoard's event files: how one begins and ends, and the one loop that reads them.

A file is a sequence of records: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the
data, all little-endian (the TFRecord format, https://www.tensorflow.org/tutorials/load_data/tfrecord). The
data is an Event in protocol buffers. The last record of a run that still writes, or was killed, may be cut.
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
Record = tuple[int, bytes]  # where it begins in the file, in bytes, and its data


def read_records(
    file: IO[bytes], note: Callable[[str], None], largest: int | None = None, checked: bool = True
) -> Iterator[Record]:
    """The records of an open file, one at a time, until it ends or its order is lost.

    Lengths are always checked, data only where ``checked``: in Python that takes ten times as long as all
    else. Records of more than ``largest`` bytes are passed over. ``note`` receives what could not be used.
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
                note(f"damaged at byte {begin}, one record passed over")
            else:
                yield begin, data[:length]
        begin = end


@lru_cache(maxsize=4096)  # files have few different lengths, and a checksum takes as long as an event
def _length(header: bytes) -> int | None:
    """The length of the data; None where the header's checksum differs. A header that is cut stands for a
    record that no file is long enough for."""
    if len(header) < HEADER.size:
        return 1 << 64
    length, checksum = HEADER.unpack(header)
    return int(length) if masked_crc32c(header[: -CHECKSUM.size]) == checksum else None


def _is_sound(data: bytes) -> bool:
    (checksum,) = CHECKSUM.unpack_from(data, len(data) - CHECKSUM.size)
    return bool(checksum == masked_crc32c(data[: -CHECKSUM.size]))


def parse_event(data: bytes) -> Event | None:
    """The event in a record's data; None where there is none."""
    try:
        return Event.FromString(data)
    except DecodeError:
        return None


def files_in(folder: Path, pattern: str = PREFIX + "*") -> list[Path]:
    """The event files right in ``folder``, the oldest first; empty when there is no such folder."""
    return sorted((path for path in folder.glob(pattern) if path.is_file()), key=_age)


def _age(file: Path) -> tuple[int, str]:
    return (time_of(file), file.name)


def time_of(file: Path) -> int:
    """The time in an event file's name, in Unix seconds; 0 without one."""
    match = re.search(r"tfevents\.(\d{1,15})", file.name, re.ASCII)
    return int(match.group(1)) if match else 0
