"""Held-out episodes of a board's players by the rules of their track, stored so that none is played twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.files import write_json
from envs.start_states.cache import scripts_digest
from training.boards.board_file import RANDOM, SCRIPTED
from training.boards.entries import Track
from training.checkpoints.writing import POLICY, Checkpoint
from training.config.loading import load_config
from training.evaluation.episode_statistics import as_columns, from_columns
from training.evaluation.players import HeldOut, play_held_out
from training.evaluation.playing import SIDE_BY_SIDE, PlayedEpisode
from training.evaluation.protocol import Rules, with_policy_of
from training.evaluation.scripted_player import play_scripted

CODE = "code"
"""The commit of an evaluation. A later commit does not replay it: the page names the commits."""


@dataclass(frozen=True)
class Evaluation:
    """The episodes of a player, and the steps that its policy had learned (None: no policy)."""

    steps: int | None
    episodes: list[PlayedEpisode]
    code: str | None


class Evaluations:
    """The evaluations in ``folder``, one JSON file each; ``say`` gets a line for each that is made."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say

    def of_checkpoint(self, track: Track, run: Path, checkpoint: Checkpoint, episodes: int) -> Evaluation:
        """Return the episodes of a run's policy at ``checkpoint``. Raises UserError if it does not fit.

        It plays by the track's rules with its own observations and network.
        """
        config = load_config(run / "config.json")
        task = with_policy_of(track.task, config)
        about = {"policy_sha256": checkpoint.trainer["sha256"][POLICY], "steps": checkpoint.steps}
        how = HeldOut(episodes, 1, min(episodes, SIDE_BY_SIDE))
        acting = config.model_copy(update={"device": track.task.config.device})
        name = f"{run.name}.{checkpoint.steps}.{episodes}"
        return self._stored(name, track, how, about, lambda: play_held_out(task, how, checkpoint, acting))

    def of_random(self, track: Track, episodes: int) -> Evaluation:
        """Return the episodes of random buttons."""
        how = HeldOut(episodes, 1, min(episodes, SIDE_BY_SIDE))
        return self._stored(
            f"{track.name}.{RANDOM}", track, how, {}, lambda: play_held_out(track.task, how, None)
        )

    def of_scripted(self, track: Track, episodes: int) -> Evaluation:
        """Return the episodes of the scripted player."""
        how, about = HeldOut(episodes, 1, 1), {"scripts": scripts_digest()}
        return self._stored(
            f"{track.name}.{SCRIPTED}", track, how, about, lambda: play_scripted(track.task, episodes)
        )

    def _stored(
        self,
        name: str,
        track: Track,
        how: HeldOut,
        about: Mapping[str, Any],
        play: Callable[[], list[PlayedEpisode]],
    ) -> Evaluation:
        """Return the evaluation ``name`` if it was made by the same rules, or make and store it."""
        record = {**Rules.of(track.task, how.episodes, how.seeds, how.side_by_side).record, **about}
        path = self._folder / f"{name}.json"
        known = _read(path, record)
        if known is not None:
            return known
        self._say(f"evaluating {name}: {how.episodes} episodes")
        episodes = play()
        write_json(path, {**record, "digest": _digest(record), "values": as_columns(episodes)})
        return Evaluation(record.get("steps"), episodes, record[CODE])


def _digest(record: Mapping[str, Any]) -> str:
    rules = {key: value for key, value in record.items() if key != CODE}
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def _read(path: Path, record: Mapping[str, Any]) -> Evaluation | None:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        if row["digest"] != _digest(record):
            return None
        return Evaluation(row.get("steps"), from_columns(row["values"]), row[CODE])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # not made yet, or damaged: it is made again
