"""The figures of a checkpoint on held-out seeds, from the eval.jsonl of its run, for its model card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoints.reading import POLICY, Checkpoint
from training.evaluation.comparison import RANDOM
from training.evaluation.episode_statistics import MEANS, Summary
from training.evaluation.table import mean_text, reach_text, success_text, warnings_of
from training.runs.folder import EVALUATIONS

RULES = ("rom_sha1", "start_sha256", "episodes_per_seed", "seeds", "num_envs", "settings")
"""What two rows of eval.jsonl share if they were played by the same rules."""


@dataclass(frozen=True)
class HeldOutFigures:
    """An evaluation by evaluate.py: its ``row`` of eval.jsonl, and the ``table`` of this policy and, if it is
    known, of random buttons. ``table`` begins with the names of the columns."""

    row: Mapping[str, Any]
    table: list[list[str]]
    warnings: list[str]


def held_out_figures(folder: Path, found: Checkpoint) -> HeldOutFigures | None:
    """Return the last evaluation of exactly the weights of ``found`` in the folder's eval.jsonl, or None.

    Evaluations during training are left out, since "best" is chosen by them.
    """
    rows = list(_rows(folder / EVALUATIONS))
    own = [row for row in rows if row.get("policy_sha256") == found.trainer["sha256"][POLICY]]
    for row in reversed(own):
        alike = [one for one in rows if one.get("policy") == RANDOM and _same_rules(one, row)]
        with suppress(KeyError, TypeError, ValueError):  # a row that was changed by hand
            return _figures(row, alike[-1:])
    return None


def _rows(path: Path) -> Iterator[Summary]:
    """Yield the rows of eval.jsonl; none without the file. Damaged lines are left out."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict):
                yield row


def _same_rules(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in RULES)


def _figures(row: Summary, random: list[Summary]) -> HeldOutFigures:
    columns = dict(zip(("this policy", "random buttons"), (row, *random), strict=False))
    table = [["", *columns]]
    table += [[name.replace("_", " "), *(mean_text(one, name) for one in columns.values())] for name in MEANS]
    table.append(["success", *(success_text(one) for one in columns.values())])
    for name, one in row["milestones"].items():
        if one["reached"]:
            table.append([name, *(reach_text(column["milestones"][name]) for column in columns.values())])
    return HeldOutFigures(row, table, [line.strip() for line in warnings_of(columns)])
