"""Rules of an evaluation, and whether two evaluations used the same rules."""

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
    """Return ``rules`` with the observations and network of ``other``."""
    return rules.with_settings(**{key: getattr(other, key) for key in TrainConfig.keys_with(*POLICY)})


def first_of(task: Task) -> str:
    """Return the name of the start from which evaluations of ``task`` begin; says if it is one of several."""
    several = len(task.starts)
    return task.start.name + (f", the first of {several} starts" if several > 1 else "")


def refuse_other_configs(runs: Sequence[Path]) -> None:
    """Raise UserError unless ``runs`` are different runs of one config."""
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("a run is named twice; give different runs")
    may_differ = TrainConfig.keys_with(*SAME_CONFIG)
    first = load_config(runs[0] / "config.json")
    for run in runs[1:]:
        lines = load_config(run / "config.json").differences(first)
        matter = [line for line in lines if line.split(":")[0].split(".")[0] not in may_differ]
        if matter:
            raise UserError(
                f"run {run.name} has a different config than {runs[0].name} ({', '.join(matter)});"
                " compare two configs with --against"
            )


@dataclass(frozen=True)
class Rules:
    """Everything except the player that determines the episodes of an evaluation.

    ``digest`` is equal for two evaluations only if the same player would play the same episodes: same
    cartridge, start, game settings, rewards, seeds, number of environments and code. None if the code has
    uncommitted changes or no known commit.
    """

    record: Mapping[str, Any]  # as in a row of eval.jsonl
    digest: str | None

    @staticmethod
    def of(task: Task, episodes: int, seeds: int, num_envs: int) -> Rules:
        """Return the rules of ``task`` for ``episodes`` episodes on each of ``seeds`` seeds."""
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
    """Return the episodes of an earlier evaluation with the same rules from the run's eval.jsonl, or None."""
    path = run / "eval.jsonl"
    if rules.digest is None or not path.is_file():
        return None
    for line in reversed(path.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            row = json.loads(line)
            if row["policy"] == policy and row.get("digest") == rules.digest:
                return from_columns(row["values"])
        except (ValueError, KeyError, TypeError, IndexError):
            continue  # a truncated line, or a row of another kind
    return None
