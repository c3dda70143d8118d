"""By what rules episodes of an evaluation are played, and when two evaluations were played by the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import UserError
from training.config.loading import load_config
from training.config.roles import POLICY, SAME_CONFIG
from training.config.schema import TrainConfig, episode_settings
from training.environments.task import Task
from training.evaluation.episode_statistics import from_columns
from training.evaluation.playing import PlayedEpisode
from training.runs.folder import git_commit


def with_policy_of(rules: Task, other: TrainConfig) -> Task:
    """``rules`` for a policy that was made for ``other``'s observations and network."""
    return rules.with_settings(**{key: getattr(other, key) for key in TrainConfig.keys_with(*POLICY)})


def refuse_other_configs(runs: Sequence[Path]) -> None:
    """Raise UserError when ``runs`` are not runs of one config with seeds of their own."""
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("a run is named twice; runs that are put together must be different ones")
    may_differ = TrainConfig.keys_with(*SAME_CONFIG)
    first = load_config(runs[0] / "config.json")
    for run in runs[1:]:
        lines = load_config(run / "config.json").differences(first)
        matter = [line for line in lines if line.split(":")[0].split(".")[0] not in may_differ]
        if matter:
            raise UserError(
                f"run {run.name} is of another config than {runs[0].name} ({', '.join(matter)});"
                " compare two configs with --against"
            )


@dataclass(frozen=True)
class Rules:
    """All that decides how the episodes of an evaluation go but their player.

    ``digest`` is equal for two evaluations only where the same player would play the same episodes: same
    cartridge, start, settings of the game, rewards, seeds, games side by side, and code; None where the code
    is not what a commit has, so that nothing can be said.
    """

    record: Mapping[str, Any]  # what a row of eval.jsonl keeps of them
    digest: str | None

    @staticmethod
    def of(task: Task, episodes: int, seeds: int, num_envs: int) -> Rules:
        """The rules of ``task`` for so many episodes of each seed."""
        commit = git_commit()
        record: dict[str, Any] = {
            "game": task.game.name,
            "rom_sha1": task.game.sha1,
            "start": task.start.name,
            "start_sha256": hashlib.sha256(task.start.data).hexdigest(),
            "episodes_per_seed": episodes,
            "seeds": seeds,
            "num_envs": num_envs,
            "code": commit,
            "settings": episode_settings(task.config),
        }
        known = commit is not None and not commit.endswith("-dirty")
        digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
        return Rules(record, digest if known else None)


def known_play(run: Path, policy: str, rules: Rules) -> list[PlayedEpisode] | None:
    """The episodes of an earlier evaluation in the run's eval.jsonl by the same rules, or None."""
    path = run / "eval.jsonl"
    if rules.digest is None or not path.is_file():
        return None
    for line in reversed(path.read_text(encoding="utf-8").splitlines()):
        try:
            row = json.loads(line)
            if row["policy"] == policy and row.get("digest") == rules.digest:
                return from_columns(row["values"])
        except (ValueError, KeyError, TypeError, IndexError):
            continue  # a line that was cut off, or a row of another kind
    return None
