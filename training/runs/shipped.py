"""Policies that ship with the project: folders in policies/, which programs take as the run "pretrained".

The folder is laid out as a run's and is never written to: evaluations of it go to ``results_folder``.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from envs.errors import UserError
from envs.files import read_plain
from envs.installation import shipped
from envs.paths import expanded
from training.runs.folder import NAME, PRETRAINED, RunError, made_folder, runs_root

PROVENANCE = "provenance.json"
POLICIES_VARIABLE = "POKERED_POLICIES"
MAX_BYTES = 500_000_000


def policies_root() -> Path:
    """Return the folder of the policies that ship: $POKERED_POLICIES, or that of the installation."""
    chosen = os.environ.get(POLICIES_VARIABLE)
    return expanded(chosen, POLICIES_VARIABLE) if chosen else shipped("policies")


def is_shipped(name: str) -> bool:
    """Whether ``name`` stands for a policy that ships: "pretrained" or "pretrained:NAME"."""
    return name.partition(":")[0] == PRETRAINED


def shipped_policy(name: str) -> Path:
    """Return the verified folder that "pretrained" or "pretrained:NAME" stands for.

    Raises RunError if no policy or more than one ships, or if a file is not the one that was shipped.
    """
    root = policies_root()
    found = sorted(path.parent.name for path in root.glob(f"[!.]*/{PROVENANCE}"))
    wanted = name.partition(":")[2] or (found[0] if len(found) == 1 else "")
    if not found:
        raise RunError(f"{name}: no policy ships with this version ({root} holds none)")
    if wanted not in found:
        problem = f"there is no policy {wanted}" if wanted else "several policies ship"
        raise RunError(f"{name}: {problem}; known: {', '.join(f'{PRETRAINED}:{one}' for one in found)}")
    return verified(root / wanted)


def verified(folder: Path) -> Path:
    """Return ``folder`` if each of its files has the hash in its provenance. Raises RunError otherwise."""
    hashes = _hashes(folder)
    for name, digest in hashes.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise RunError(f"policy {folder}: {PROVENANCE} names a file outside of it ({name!a})")
        try:
            data = read_plain(folder / name, MAX_BYTES)
        except OSError as error:
            raise RunError(f"policy {folder}: {name} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise RunError(f"policy {folder}: {name} is damaged (its SHA-256 is not the one in {PROVENANCE})")
    return folder


def _hashes(folder: Path) -> dict[str, str]:
    try:
        hashes = json.loads(read_plain(folder / PROVENANCE, MAX_BYTES))["sha256"]
        if isinstance(hashes, dict) and hashes:
            return {str(name): str(digest) for name, digest in hashes.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise RunError(f"policy {folder}: {PROVENANCE} is missing or damaged")


def refuse_taken(root: Path, name: str) -> Path:
    """Return the folder for a new policy. Raises UserError if its name is invalid or exists."""
    if not NAME.fullmatch(name) or "." in name:
        raise UserError(f"policy name {name!r} must be letters, digits, '_' or '-', 100 at most")
    if (root / name).exists():
        raise UserError(f"policy {name} exists already ({root / name}); choose another name or remove it")
    return root / name


def results_folder(run: Path) -> Path:
    """Return where evaluations of ``run`` are kept.

    That is its folder, or for a policy that ships runs/pretrained/NAME, which is made. Raises RunError if it
    cannot be made.
    """
    if not (run / PROVENANCE).is_file():
        return run
    return made_folder(runs_root() / PRETRAINED / run.name)
