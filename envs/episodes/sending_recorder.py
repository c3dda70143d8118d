"""Recorder for a run whose folder is on another machine: the last step's info carries the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.episodes.file_format import encode
from envs.episodes.recorder import EpisodeRecorder


class SendingRecorder(EpisodeRecorder):
    """An EpisodeRecorder that returns files instead of writing them; the first has number ``first``."""

    def __init__(self, environment: int, about: Mapping[str, Any], every: int, first: int) -> None:
        super().__init__(Path(), environment, about, every)
        self._first = first

    def _write(self, header: dict[str, Any], hashes: bytes) -> bytes | None:
        return encode(header, bytes(self._actions), hashes)

    def _first_free(self) -> int:
        return self._first

    def _files(self) -> dict[int, Path]:
        return {}
