"""Receiver of episodes recorded on other machines: checks their bytes and writes them to a folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from envs.episodes.file_format import decode, file_name, numbered_files, start_path
from envs.errors import UserError
from envs.files import write_atomically
from envs.start_states.state_files import StartState

log = logging.getLogger(__name__)


class EpisodeReceiver:
    """Writes the episodes of ``count`` environments to ``folder``.

    Each of them begins at one of ``starts`` on the cartridge with hash ``rom_sha1``. If the disk refuses a
    file, or a file is invalid, it is dropped with a warning.
    """

    def __init__(self, folder: Path, starts: Sequence[StartState], rom_sha1: str, count: int) -> None:
        self._folder, self._rom_sha1 = folder, rom_sha1
        self._starts = {hashlib.sha256(start.data).hexdigest(): start for start in starts}
        self._numbers = [max(numbered_files(folder, index), default=-1) + 1 for index in range(count)]
        self._warned = False

    def next_numbers(self, indices: Sequence[int]) -> list[int]:
        """Return the numbers of the episodes that those environments play or are about to begin."""
        return [self._numbers[index] for index in indices]

    def ended(self, index: int, data: bytes | None) -> None:
        """Count an ended episode of environment ``index``; ``data`` is its file if it was recorded."""
        number = self._numbers[index]
        self._numbers[index] += 1
        if data is None:
            return
        path = self._folder / file_name(index, number)
        try:
            sha256 = self._checked_start(data, path.name, index, number)
            start = start_path(self._folder, sha256)
            if not start.exists():
                write_atomically(start, self._starts[sha256].data, synced=False)
            write_atomically(path, data, synced=False)
        except (UserError, OSError) as error:
            if not self._warned:
                log.warning("episode %s: cannot be kept (%s); training continues", path, error)
            self._warned = True

    def _checked_start(self, data: bytes, name: str, index: int, number: int) -> str:
        """Return the hash of the episode's start state. Raises UserError if the episode is not expected."""
        header = decode(data, name).header
        found = (header.environment, header.number, header.rom_sha1)
        if found != (index, number, self._rom_sha1) or header.start_sha256 not in self._starts:
            raise UserError(f"episode {name}: its header does not match the episode expected")
        return header.start_sha256

    def cut(self, index: int, number: int | None) -> None:
        """Remove the files of environment ``index`` from episode ``number`` on (None: all)."""
        self._numbers[index] = number or 0
        for later, path in numbered_files(self._folder, index).items():
            if later >= self._numbers[index]:
                path.unlink(missing_ok=True)
