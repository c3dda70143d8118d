"""The folder of a run's recorded episodes, which can be listed and pruned to a limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from envs.episodes.file_format import STARTS, SUFFIX, read_header, start_path
from envs.errors import UserError, known
from envs.files import remove_unfinished

FOLDER = "episodes"
CELL = "archive_cell"
"""Statistic of an episode that began in the start archive: the key of its cell."""
MB = 1_000_000  # bytes
BLOCK = 4096  # bytes that a small file occupies on disk


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the folder with the parts of its header that decide whether it is kept."""

    path: Path
    time: int  # of writing, ns
    bytes: int
    episode_return: float | None  # None: the file is damaged
    milestones: tuple[tuple[int, str], ...]  # (action, name)
    start_sha256: str
    archived: bool = False  # began in the start archive


class EpisodeFolder:
    """The contents of ``folder`` at the last ``refresh``. Each file's header is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self._spare_starts: set[Path] = set()

    def refresh(self) -> None:
        """Read the folder again. Files that vanish meanwhile are left out."""
        seen: dict[str, Entry] = {}
        for path, status in _files(self.folder, SUFFIX):
            old = self.entries.get(path.name)
            if old is not None and (old.time, old.bytes) == (status.st_mtime_ns, _on_disk(status)):
                seen[path.name] = old
            else:
                seen[path.name] = _entry(path, status)
        self.entries = seen

    @property
    def in_order(self) -> list[Entry]:
        """All files, oldest first."""
        return sorted(self.entries.values(), key=lambda entry: (entry.time, entry.path.name))

    @property
    def bytes(self) -> int:
        """Disk space of the episodes and their start states."""
        starts = sum(_on_disk(status) for _, status in _files(self.folder / STARTS, ".state"))
        return starts + sum(entry.bytes for entry in self.entries.values())

    def best(self) -> Entry | None:
        """Return the first episode with the highest return."""
        whole = [(entry.episode_return, entry) for entry in self.in_order if entry.episode_return is not None]
        return max(whole, key=lambda pair: pair[0], default=(0.0, None))[1]

    def quickest(self) -> dict[str, Entry]:
        """Return the first episode that reached each milestone in the fewest actions, by milestone.

        Milestones are in the order in which they were first reached. An episode that began in the start
        archive, perhaps just before the milestone, counts only if no other reached it.
        """
        found: dict[str, tuple[tuple[bool, int], Entry]] = {}
        for entry in self.in_order:
            for step, name in entry.milestones:
                if name not in found or (entry.archived, step) < found[name][0]:
                    found[name] = (entry.archived, step), entry
        return {name: entry for name, (_, entry) in found.items()}

    def quickest_to(self, milestone: str) -> Entry:
        """Return the episode that reached a milestone (spelt with or without spaces) in the fewest actions.

        Raises UserError if no episode reached it.
        """
        quickest = self.quickest()
        entry = next((entry for name, entry in quickest.items() if _plain(name) == _plain(milestone)), None)
        if entry is None:
            reached = known(milestone, quickest) if quickest else "no milestone was reached"
            raise UserError(
                f'milestone "{milestone}": not reached in any episode of {self.folder}; {reached}'
            )
        return entry

    def prune(self, limit: int) -> None:
        """Remove the oldest episodes until the folder takes at most ``limit`` bytes, and unused start states.

        The best episode and the quickest to each milestone are kept.
        """
        total = self.bytes
        if total > limit:
            kept = {id(self.best()), *(id(entry) for entry in self.quickest().values())}
            for entry in self.in_order:
                if total <= limit:
                    break
                if id(entry) not in kept:
                    entry.path.unlink(missing_ok=True)
                    del self.entries[entry.path.name]
                    total -= entry.bytes
        self._prune_starts()

    def _prune_starts(self) -> None:
        """Remove start states unused at two prunings, as an episode may be about to be written with one."""
        used = {start_path(self.folder, entry.start_sha256).name for entry in self.entries.values()}
        unused = {path for path, _ in _files(self.folder / STARTS, ".state") if path.name not in used}
        for path in unused & self._spare_starts:
            path.unlink(missing_ok=True)
        self._spare_starts = unused

    def sweep(self) -> None:
        """Remove files that killed processes left unfinished. No process may be writing meanwhile."""
        for folder in (self.folder, self.folder / STARTS):
            remove_unfinished(folder)

    def __str__(self) -> str:
        """``12 episodes, 0.3 MB``."""
        count = len(self.entries)
        return f"{count:,} episode{'' if count == 1 else 's'}, {self.bytes / MB:.1f} MB"


def _files(folder: Path, suffix: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files of ``folder`` with ``suffix``; none if the folder does not exist."""
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for item in found:
            with suppress(FileNotFoundError):
                if item.name.endswith(suffix) and item.is_file(follow_symlinks=False):
                    yield Path(item.path), item.stat(follow_symlinks=False)


def _on_disk(status: os.stat_result) -> int:
    return -(-status.st_size // BLOCK) * BLOCK


def _entry(path: Path, status: os.stat_result) -> Entry:
    time, size = status.st_mtime_ns, _on_disk(status)
    try:
        header = read_header(path)
    except UserError:
        return Entry(path, time, size, None, (), "")
    milestones = tuple((step, name) for step, name in header.milestones)
    archived = CELL in header.stats
    return Entry(path, time, size, header.episode_return, milestones, header.start_sha256, archived)


def _plain(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")
