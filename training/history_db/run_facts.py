"""Facts from a run folder, as columns of the ``run`` table.

Reading is tolerant: a file may be missing, damaged, or from another version of this project, and what cannot
be read is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from training.config.roles import SAME_CONFIG
from training.config.schema import TrainConfig
from training.runs.folder import LOCK
from training.runs.locks import is_locked

RECORD = "history.json"  # the recorder's facts in the run folder, for a rebuild
TAGS = "tags.json"
MAX_JSON_BYTES = 16_000_000
MAX_TAG = 40  # characters
MOST_TAGS = 20


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``; empty if it cannot be read."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects in a JSON-lines file; other lines (such as a truncated last one) are skipped."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def text(value: object) -> str | None:
    """Return ``value`` as text if it is a string or a number, else None."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def number(value: object) -> float | None:
    """Return ``value`` if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e300:
        return None
    return float(value)


def whole(value: object) -> int | None:
    """Return ``value`` if it is an integer that SQLite can store, else None."""
    usable = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62
    return value if usable and isinstance(value, int) else None


def moment(value: object) -> datetime | None:
    """Parse an ISO 8601 text with a time zone; None for anything else."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def tags_of(folder: Path) -> list[str]:
    """Return the run's tags: those given on the page (tags.json), else the config's."""
    given = read_json(folder / TAGS).get("tags", read_json(folder / "config.json").get("tags"))
    return clean_tags(given if isinstance(given, list) else [])


def clean_tags(given: list[Any]) -> list[str]:
    """Normalise whitespace, drop duplicates and values that are not text, and sort."""
    words = (" ".join(word.split())[:MAX_TAG] for word in given if isinstance(word, str))
    return sorted({word for word in words if word})[:MOST_TAGS]


def run_facts(folder: Path) -> dict[str, Any]:
    """Return the columns of ``run`` from config.json and manifest.json."""
    config, manifest = read_json(folder / "config.json"), read_json(folder / "manifest.json")
    sessions = sessions_of(manifest)
    wanted = whole(manifest.get("training_steps")) or whole(config.get("total_steps"))
    return {
        "name": folder.name,
        "agent_id": text(config.get("agent_id")),
        "agent_name": text(config.get("name")),
        "version": text(config.get("version")),
        "sweep": text(manifest.get("sweep")),
        "sweep_variant": text(config.get("sweep_variant")),
        "seed": whole(config.get("seed")),
        "family": family(config),
        "description": text(config.get("description")) or "",
        "config_name": Path(config_file(manifest) or "defaults").stem,
        "config": config,
        "manifest": manifest,
        "started": moment(sessions[0].get("started")) if sessions else None,
        "wanted_steps": wanted or 0,
    }


def sessions_of(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the manifest's record of each session."""
    sessions = manifest.get("sessions")
    return (
        [session for session in sessions if isinstance(session, dict)] if isinstance(sessions, list) else []
    )


def config_file(manifest: Mapping[str, Any]) -> str | None:
    """Return the path of the run's config file, or None."""
    source = manifest.get("config_source")
    if isinstance(source, dict):
        return text(source.get("file"))
    for session in sessions_of(manifest)[:1]:  # for manifests without it
        command = session.get("command")
        words = [str(word) for word in command] if isinstance(command, list) else []
        return next((after for word, after in pairwise(words) if word == "--config"), None)
    return None


def family(config: Mapping[str, Any]) -> str:
    """Return a short hash that is equal for samples of one config, such as runs that differ only in the
    seed."""
    may_differ = TrainConfig.keys_with(*SAME_CONFIG)
    kept = {key: value for key, value in config.items() if key not in may_differ}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def verdict_of(folder: Path) -> str | None:
    """Return the verdict in health.json."""
    return text(read_json(folder / "health.json").get("verdict"))


def is_held(folder: Path) -> bool:
    """Whether a process is training this run, i.e. holds the lock of its folder."""
    return is_locked(folder / LOCK)


def state_of(folder: Path) -> dict[str, Any]:
    """Return the columns of ``run`` for progress and outcome, from the folder alone."""
    record = read_json(folder / RECORD)
    final = read_json(folder / "checkpoints" / "final" / "trainer.json")
    steps = whole(final.get("steps")) or whole(final.get("total_steps")) or whole(record.get("steps"))
    status = text(record.get("status"))
    if is_held(folder):
        status = "running"
    elif status not in ("finished", "stopped", "failed"):
        status = "finished" if final else "lost"
    milestones = record.get("milestones")
    return {
        "status": status,
        "reason": text(record.get("reason")),
        "ended": moment(record.get("ended")),
        "steps": steps or whole(read_json(folder / "health.json").get("total_steps")) or 0,
        "seconds": number(record.get("seconds")) or 0.0,
        "milestones": milestones if isinstance(milestones, dict) else {},
    }
