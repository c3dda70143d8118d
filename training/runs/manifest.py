"""manifest.json of a run: its cartridge and start, and a record of every session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.files import read_plain, write_json
from training.runs.shipped import MAX_BYTES, PROVENANCE

MANIFEST = "manifest.json"
DEMONSTRATIONS = "demonstrations"
"""Entry about the demonstrations that a policy, or the one it began with, learned from."""


class ManifestError(UserError):
    """The manifest of a run is missing or damaged; the message is one line."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the run in ``folder``, with at least "rom_sha1" and "sessions".

    Raises ManifestError if it is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise _unusable(path, "is damaged (not JSON)") from None
    for key, kind in (("rom_sha1", str), ("sessions", list)):
        if not isinstance(manifest, dict) or not isinstance(manifest.get(key), kind):
            raise _unusable(path, f'is damaged (it has no "{key}")')
    if not all(isinstance(session, dict) for session in manifest["sessions"]):
        raise _unusable(path, "is damaged (a session is not an object)")
    return dict(manifest)


def _unusable(path: Path, why: str) -> ManifestError:
    name = path.parent.name
    return ManifestError(
        f"run {name}: {path} {why}; put it back, or start another run from its weights: --init-from {name}"
    )


def add_session(folder: Path, session: Mapping[str, Any], training_steps: int) -> None:
    """Add a session, which trains up to ``training_steps``, to the manifest. Raises ManifestError."""
    manifest = read_manifest(folder)
    sessions = [*manifest["sessions"], dict(session)]
    write_json(folder / MANIFEST, {**manifest, "training_steps": training_steps, "sessions": sessions})


def demonstrations_of(run: Path) -> dict[str, int]:
    """Return the number of demonstrations that the policy in ``run`` learned from, for the count of
    interventions: empty without any. ``run`` is the folder of a run or of a policy that ships."""
    facts = _about_demonstrations(run)
    others = [] if facts is None else facts.get("others", [])
    sets = [one for one in (facts, *others) if isinstance(one, dict)] if isinstance(others, list) else []
    episodes = [one["episodes"] for one in sets if isinstance(one.get("episodes"), int)]
    return {DEMONSTRATIONS: sum(episodes)} if episodes else {}


def demonstrations_behind(checkpoint: Path) -> dict[str, Any] | None:
    """Return what is known about the demonstrations behind a checkpoint of a run or policy, or None."""
    try:
        return _about_demonstrations(checkpoint.resolve().parents[1])
    except IndexError:
        return None


def _about_demonstrations(folder: Path) -> dict[str, Any] | None:
    shipped = folder / PROVENANCE
    try:
        known = (
            json.loads(read_plain(shipped, MAX_BYTES)) if shipped.is_file() else dict(read_manifest(folder))
        )
    except (ManifestError, OSError, ValueError, RecursionError):
        return None
    facts = known.get(DEMONSTRATIONS) if isinstance(known, dict) else None
    return facts if isinstance(facts, dict) else None
