"""Where a policy comes from: what the folder of its run, or of the policy that ships, tells about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.files import read_plain
from training.checkpoints.writing import Checkpoint
from training.runs.manifest import ManifestError, read_manifest
from training.runs.shipped import MAX_BYTES, PROVENANCE


def origin(run: str, manifest: Mapping[str, Any], found: Checkpoint) -> dict[str, Any]:
    """Return the facts about the checkpoint ``found`` of ``run`` as JSON values; what is not known is None.

    Paths are those of this machine, see ``training.shipping.portable``.
    """
    sessions = manifest.get("sessions") or [{}]
    return {
        "run": run,
        "checkpoint": found.folder.name,
        "steps": found.steps,
        "updates": found.trainer["updates"],
        "seed": manifest.get("seed"),
        "commands": [session.get("command") for session in sessions],
        "commits": sorted({str(session.get("git_commit")) for session in sessions}),
        "versions": sessions[-1].get("versions"),
        "init_from": manifest.get("init_from"),
        "demonstrations": manifest.get("demonstrations"),
        "game": manifest.get("game"),
        "game_known_by": manifest.get("game_known_by"),
        "rom_sha1": manifest.get("rom_sha1"),
        "starts": manifest.get("starts") or [manifest.get("start")],
        "interventions": {
            "enabled": manifest.get("interventions"),
            "in training": found.trainer["extra"].get("interventions"),
        },
    }


def known_origin(run: Path, found: Checkpoint) -> dict[str, Any]:
    """Return the ``origin`` of a run's checkpoint, or of the policy that ships in the folder ``run``.

    Without a readable manifest only the checkpoint's own facts are known.
    """
    shipped = run / PROVENANCE
    if shipped.is_file():  # verified by find_run
        return dict(json.loads(read_plain(shipped, MAX_BYTES)))
    try:
        manifest = read_manifest(run)
    except ManifestError:
        manifest = {}
    return origin(run.name, manifest, found)
