"""Makes a policy that ships from a run: policies/NAME, laid out as a run's folder, with its provenance."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.files import write_json
from training.checkpoints.writing import Checkpoint, save_weights
from training.config.loading import load_config
from training.evaluation.comparison import RANDOM, EvaluationRequest, evaluate
from training.runs.folder import EVALUATIONS, git_commit
from training.runs.lookup import run_checkpoint
from training.runs.manifest import read_manifest
from training.runs.shipped import PROVENANCE, refuse_taken
from training.shipping.model_card import CARD, Subject, model_card
from training.shipping.origin import origin
from training.shipping.portable import portable, portable_config

SUMMARISED = ("return_mean", "return_low", "return_high", "battles_won_mean", "badges_earned_mean")


@dataclass(frozen=True)
class Shipment:
    """What to ship: the run's ``checkpoint`` (None: the newest) as the policy ``name`` in ``root``, evaluated
    on ``episodes`` held-out episodes."""

    run: Path
    name: str
    root: Path
    checkpoint: str | None = None
    episodes: int = 20


def ship(shipment: Shipment) -> tuple[Path, str]:
    """Make the policy's folder, complete or not at all. Returns it, and the table of its evaluation.

    Raises UserError if the run, the checkpoint or the name is wrong, the run needs files of this machine, or
    the folder cannot be written.
    """
    target = refuse_taken(shipment.root, shipment.name)
    config = portable_config(load_config(shipment.run / "config.json"), shipment.run.name)
    manifest = read_manifest(shipment.run)
    found = run_checkpoint(shipment.run, shipment.checkpoint)
    fresh = shipment.root / f".{shipment.name}.new" / shipment.name
    try:
        shutil.rmtree(fresh.parent, ignore_errors=True)
        fresh.mkdir(parents=True)
        write_json(fresh / "config.json", config)
        save_weights(found, fresh / "checkpoints" / "final")
        text = _evaluated(fresh, shipment.episodes)
        facts = provenance(shipment, found, manifest, fresh)
        card = Subject(fresh, shipment.name, run_checkpoint(fresh, None), facts)
        (fresh / CARD).write_text(model_card(card), encoding="utf-8", newline="\n")
        write_json(fresh / PROVENANCE, {**facts, "sha256": _hashes(fresh)})
        fresh.rename(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh.parent, ignore_errors=True)
    return target, text


def _evaluated(policy: Path, episodes: int) -> str:
    """Evaluate what ships, from its plain start; its rows go to eval.jsonl beside it. Returns the table."""
    with tempfile.TemporaryDirectory() as folder:
        text = evaluate(EvaluationRequest([policy], episodes, picture=Path(folder, "eval.png")))
    return text.rsplit("\n", 1)[0]  # without the line about the picture


def provenance(
    shipment: Shipment, found: Checkpoint, manifest: Mapping[str, Any], policy: Path
) -> dict[str, Any]:
    """Return where ``policy`` comes from, without paths of this machine."""
    facts = {
        "name": shipment.name,
        **origin(shipment.run.name, manifest, found),
        "evaluation": {"commit": git_commit(), **_figures(policy)},
    }
    return dict(portable(facts))


def _figures(policy: Path) -> dict[str, Any]:
    """Return the main figures of the evaluation in the policy's folder."""
    rows = [json.loads(line) for line in (policy / EVALUATIONS).read_text(encoding="utf-8").splitlines()]
    row = next(row for row in reversed(rows) if row["policy"] != RANDOM)
    reached = {name: one["rate"] for name, one in row["milestones"].items() if one["reached"]}
    figures = {key: row[key] for key in SUMMARISED}
    return {"episodes": row["episodes"], "start": row["start"], **figures, "milestones": reached,
            "interventions": row["interventions"]}  # fmt: skip


def _hashes(policy: Path) -> dict[str, str]:
    files = sorted(path for path in policy.rglob("*") if path.is_file())
    return {
        path.relative_to(policy).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
