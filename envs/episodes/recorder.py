"""Recorder of episodes: collects what a replay needs and writes it to a file when the episode ends."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.episodes.file_format import (
    HASH_BYTES,
    MAX_CHANGES,
    MAX_STATE,
    MAX_STEPS,
    encode,
    file_name,
    memory_hash,
    numbered_files,
    start_path,
)
from envs.files import inflate, write_atomically
from envs.game_boy.emulator import VERSION
from envs.game_boy.memory import Memory
from envs.start_states.state_files import StartState

log = logging.getLogger(__name__)
HASH_EVERY = 64  # steps: a replay locates the first difference to within this many


class EpisodeRecorder:
    """The recorder of one environment, number ``environment`` of its run.

    One file for every ``every``-th episode is written to ``folder``, which is created when the first episode
    ends. ``about`` is the part of the header common to all episodes: game, rom_sha1, settings. If the disk
    refuses a file, it is dropped with a warning and the run continues.
    """

    _warned = False  # once per process

    def __init__(self, folder: Path, environment: int, about: Mapping[str, Any], every: int = 1) -> None:
        self.folder = folder
        self.environment = environment
        self.number: int | None = None
        """Number of the environment's current episode; None before the first."""
        self._about = dict(about)
        self._every = every
        self._hashed: tuple[StartState, str] | None = None
        self._recording = False
        self._weights: dict[str, float] | None = None
        self._clear()

    def _clear(self) -> None:
        self._actions, self._hashes = bytearray(), bytearray()
        self._milestones: list[tuple[int, str]] = []
        self._changes: list[tuple[int, dict[str, float]]] = []

    def begin(self, start: StartState, wait_frames: int, seed: int | None) -> None:
        """Begin an episode; one under way is dropped and its number reused."""
        if self.number is None:
            self.number = self._first_free()
        self._recording = self.number % self._every == 0
        self._start, self._wait, self._seed = start, wait_frames, seed
        self._clear()
        if self._weights is not None:
            self._changes = [(0, self._weights)]

    def step(self, action: int, memory: Memory, milestones: Sequence[str]) -> None:
        """Record a step: its action, a hash of the memory after it if due, and the milestones reached."""
        if not self._recording:
            return
        self._actions.append(action)
        length = len(self._actions)
        if milestones:
            self._milestones += [(length, name) for name in milestones]
        if length % HASH_EVERY == 0:
            self._hashes += memory_hash(memory)

    def set_layer_weights(self, weights: Mapping[str, float]) -> None:
        """Record the weights of the reward layers from the next step on."""
        if weights == self._weights:
            return
        self._weights = dict(weights)
        if self._recording and len(self._changes) < MAX_CHANGES:
            self._changes.append((len(self._actions), self._weights))

    def end(self, memory: Memory, stats: Mapping[str, Any], terminated: bool) -> bytes | None:
        """End the episode and write its file; ``stats`` is its ``info["episode_stats"]``.

        Returns the file's bytes if they are to be written elsewhere, else None.
        """
        if self.number is None:
            return None
        sent = None
        if self._recording and 0 < len(self._actions) <= MAX_STEPS:
            # The last step's hash covers more than the others, and replaces a regular one for the same step.
            before = (len(self._actions) - 1) // HASH_EVERY * HASH_BYTES
            hashes = bytes(self._hashes[:before]) + memory_hash(memory, last=True)
            sent = self._write(self._header(stats, terminated), hashes)
        self.number += 1
        self._recording = False
        return sent

    def _header(self, stats: Mapping[str, Any], terminated: bool) -> dict[str, Any]:
        rest = {name: value for name, value in stats.items() if name != "start"}
        return {
            **self._about,
            "emulator": VERSION,
            "environment": self.environment,
            "number": self.number,
            "start": _printable(self._start.name),
            "start_sha256": self._sha256(self._start),
            "wait_frames": self._wait,
            "seed": self._seed,
            "steps": len(self._actions),
            "hash_every": HASH_EVERY,
            "end": "terminated" if terminated else "truncated",
            "episode_return": rest.pop("return"),
            "reward_components": rest.pop("reward_components"),
            "milestones": self._milestones,
            "stats": rest,
            "layer_weights": self._changes,
        }

    def _write(self, header: dict[str, Any], hashes: bytes) -> bytes | None:
        start = start_path(self.folder, header["start_sha256"])
        path = self.folder / file_name(self.environment, header["number"])
        try:
            if not start.exists():
                write_atomically(start, self._start.data, synced=False)
            # Not synced to disk, which could take as long as 50 steps: the digest reveals damaged files.
            write_atomically(path, encode(header, bytes(self._actions), hashes), synced=False)
        except OSError as error:
            if not self._warned:
                log.warning("episode %s: cannot be recorded (%s); training continues", path, error.strerror)
            EpisodeRecorder._warned = True
        return None

    def _sha256(self, start: StartState) -> str:
        """Cached by identity: most episodes begin with the same state, and hashing it takes a step's time."""
        if self._hashed is None or self._hashed[0] is not start:
            self._hashed = start, hashlib.sha256(start.data).hexdigest()
        return self._hashed[1]

    def _files(self) -> dict[int, Path]:
        return numbered_files(self.folder, self.environment)

    def _first_free(self) -> int:
        """The number after the last file: this recorder may replace one whose worker was killed."""
        return max(self._files(), default=-1) + 1

    def snapshot(self) -> dict[str, Any]:
        """Return the episode under way, including its start state, as plain values and bytes."""
        always = {"number": self.number, "layer_weights": self._weights and dict(self._weights)}
        if self.number is None or not self._recording:
            return always
        return {
            **always,
            "start": self._start.name,
            "start_state": zlib.compress(self._start.data, 1),
            "wait_frames": self._wait,
            "seed": self._seed,
            "actions": bytes(self._actions),
            "hashes": bytes(self._hashes),
            "milestones": [list(reached) for reached in self._milestones],
            "changes": [list(change) for change in self._changes],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue the episode of a ``snapshot``; files of later episodes, played again, are removed.

        Raises ValueError, TypeError or KeyError for an invalid snapshot.
        """
        number = snapshot["number"]
        if number is not None and (not isinstance(number, int) or number < 0):
            raise ValueError(f"episode number {number!r}: must be a whole number of 0 or above")
        self.number, self._weights = number, snapshot["layer_weights"]
        self._recording = "actions" in snapshot
        self._clear()
        if self._recording:
            data = inflate(bytes(snapshot["start_state"]), MAX_STATE)
            self._start = StartState(data, str(snapshot["start"]), {})
            self._wait, self._seed = int(snapshot["wait_frames"]), snapshot["seed"]
            self._actions, self._hashes = bytearray(snapshot["actions"]), bytearray(snapshot["hashes"])
            self._milestones = [(int(step), str(name)) for step, name in snapshot["milestones"]]
            self._changes = [(int(step), dict(weights)) for step, weights in snapshot["changes"]]
        for later, path in self._files().items():
            if number is None or later >= number:
                path.unlink(missing_ok=True)


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)[-300:]
