"""Keeps what it takes to play an episode again, and writes it to a file when the episode ends."""

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
HASH_EVERY = 64  # steps: a replay tells to within so many where it goes another way


class EpisodeRecorder:
    """The recorder of one environment, number ``environment`` of its run.

    ``folder`` (made when the first episode ends) gets one file for every ``every``-th episode. ``about`` is
    the part of its header that is the same for all: game, rom_sha1, settings. A disk that refuses costs a
    warning and the episode's file, not the run.
    """

    _warned = False  # once a process

    def __init__(self, folder: Path, environment: int, about: Mapping[str, Any], every: int = 1) -> None:
        self.folder = folder
        self.environment = environment
        self.number: int | None = None
        """Of the environment's episode under way; None before the first."""
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
        """An episode begins; one that was under way is forgotten, and its number taken again."""
        if self.number is None:
            self.number = self._first_free()
        self._recording = self.number % self._every == 0
        self._start, self._wait, self._seed = start, wait_frames, seed
        self._clear()
        if self._weights is not None:
            self._changes = [(0, self._weights)]

    def step(self, action: int, memory: Memory, milestones: Sequence[str]) -> None:
        """One step was taken: its action, what it led to, and the milestones that fell."""
        if not self._recording:
            return
        self._actions.append(action)
        length = len(self._actions)
        if milestones:
            self._milestones += [(length, name) for name in milestones]
        if length % HASH_EVERY == 0:
            self._hashes += memory_hash(memory)

    def set_layer_weights(self, weights: Mapping[str, float]) -> None:
        """From the next step on, layers of the reward count so much."""
        if weights == self._weights:
            return
        self._weights = dict(weights)
        if self._recording and len(self._changes) < MAX_CHANGES:
            self._changes.append((len(self._actions), self._weights))

    def end(self, memory: Memory, stats: Mapping[str, Any], terminated: bool) -> bytes | None:
        """The episode is over: write its file. ``stats`` is its ``info["episode_stats"]``. Returns the file
        where it is to be written elsewhere."""
        if self.number is None:
            return None
        sent = None
        if self._recording and 0 < len(self._actions) <= MAX_STEPS:
            # The last step's hash reads more than the others, and takes the place of one that fell there.
            before = (len(self._actions) - 1) // HASH_EVERY * HASH_BYTES
            hashes = bytes(self._hashes[:before]) + memory_hash(memory, last=True)
            sent = self._write(self._header(stats, terminated), hashes)
        self.number += 1
        self._recording = False
        return sent

    def _header(self, stats: Mapping[str, Any], terminated: bool) -> dict[str, Any]:
        rest = dict(stats)
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
            # Not forced to disk, which could take as long as 50 steps: a digest tells damaged files.
            write_atomically(path, encode(header, bytes(self._actions), hashes), synced=False)
        except OSError as error:
            if not self._warned:
                log.warning("episode %s: cannot be recorded (%s); training goes on", path, error.strerror)
            EpisodeRecorder._warned = True
        return None

    def _sha256(self, start: StartState) -> str:
        """By identity: most episodes begin with the same state, and hashing it takes as long as a step."""
        if self._hashed is None or self._hashed[0] is not start:
            self._hashed = start, hashlib.sha256(start.data).hexdigest()
        return self._hashed[1]

    def _files(self) -> dict[int, Path]:
        return numbered_files(self.folder, self.environment)

    def _first_free(self) -> int:
        """After the last file: this recorder may stand in for one whose worker was killed."""
        return max(self._files(), default=-1) + 1

    def snapshot(self) -> dict[str, Any]:
        """The episode under way, start state included: plain values and bytes."""
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
            "milestones": [list(fallen) for fallen in self._milestones],
            "changes": [list(change) for change in self._changes],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on with the episode of a ``snapshot``. Files of later episodes are removed: those episodes are
        played again. Raises ValueError, TypeError or KeyError for what is no snapshot."""
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
