"""Run folders: runs/NAME/ with config.json, manifest.json and everything that a run writes.

Runs are in ``runs`` under the working directory, or in the folder that POKERED_RUNS names.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from envs.errors import UserError, nearest
from envs.files import write_json
from envs.installation import INSTALLED, ROOT
from envs.paths import expanded, full_path
from training.config.schema import TrainConfig
from training.runs.locks import take_lock

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PRETRAINED = "pretrained"
"""The name that stands for the policy that ships, see training.runs.shipped; no run can have it."""
TENSORBOARD, EVALUATIONS, LOCK = "tensorboard", "eval.jsonl", ".lock"
RUNS_VARIABLE = "POKERED_RUNS"
PACKAGES = ("torch", "stable-baselines3", "gymnasium", "pyboy", "numpy", "pydantic", "safetensors")


class RunError(UserError):
    """A run's name is invalid, taken or unknown, or its folder cannot be used. The message is one line."""


def runs_root() -> Path:
    """Return the folder of all runs."""
    return expanded(os.environ.get(RUNS_VARIABLE) or "runs", RUNS_VARIABLE)


def run_folder(name: str) -> Path:
    """Return the folder of the run ``name``, which need not exist. Raises RunError for an invalid name."""
    if name == PRETRAINED:
        raise RunError(
            f"run name {name!r} stands for the policy that ships, which is no run; use another name"
        )
    if not NAME.fullmatch(name):
        raise RunError(f"run name {name!r} must be letters, digits, '.', '_' or '-', 100 at most")
    return runs_root() / name


def run_name(text: str) -> str:
    """Return the name of a run that is given as its name or as the path of its folder, such as runs/first/.

    Raises RunError if the folder is not among the runs, and UserError if no folder can have the path.
    """
    path = Path(text)
    if path.name == str(path) or text in ("", "."):
        return str(path) if text else text
    folder = full_path(text, what="run")
    if folder.parent != runs_root().resolve():
        raise RunError(f"run {text} is not in {runs_root()}/; {RUNS_VARIABLE}={folder.parent} looks there")
    return folder.name


def new_run_name(config: Path | None) -> str:
    """Return an unused run name from the config's name and the time."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", config.stem if config else "default").lstrip("._-") or "run"
    base = f"{stem[:60]}-{time.strftime('%Y%m%d-%H%M%S')}"
    taken = (f"{base}-{number}" if number else base for number in range(1000))
    return next(name for name in taken if not (runs_root() / name).exists())


def refuse_existing(name: str, advice: str | None = None) -> Path:
    """Return the folder for a new run. Raises RunError, with ``advice``, if the name is taken."""
    folder = run_folder(name)
    if folder.exists():
        advice = advice or f"continue it with --resume {name}, or choose another name"
        raise RunError(f"run {name} exists already ({folder}); {advice}")
    return folder


def existing_run(name: str) -> Path:
    """Return the folder of an existing run. Raises RunError with the nearest name if there is none."""
    folder = run_folder(name)
    if not (folder / "config.json").is_file():
        root = runs_root()
        names = [path.parent.name for path in root.glob("*/config.json")] if root.is_dir() else []
        near = nearest(name, names)
        raise RunError(f"run {name} does not exist in {root}/" + (f"; did you mean {near}?" if near else ""))
    return folder


def create_run(folder: Path, config: TrainConfig, manifest: Mapping[str, Any]) -> None:
    """Make the folder with config.json (resolved) and manifest.json, or leave nothing behind.

    Raises:
        RunError: the folder exists or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RunError(f"run {folder.name} exists already; continue it with --resume {folder.name}") from None
    except OSError as error:
        raise RunError(f"run folder {folder}: cannot be made: {error.strerror}") from error
    try:
        write_json(folder / "config.json", config.model_dump(mode="json"))
        write_json(folder / "manifest.json", manifest)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RunError(f"run folder {folder}: cannot be written: {error.strerror}") from error


def made_folder(folder: Path) -> Path:
    """Make ``folder`` unless it exists, and return it. Raises RunError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


def lock_run(folder: Path) -> IO[bytes]:
    """Lock the run for this process until the file is closed or the process ends in any way.

    Raises:
        RunError: another process is training this run, or the folder cannot be written.
    """
    try:
        file = take_lock(folder / LOCK)
    except OSError as error:
        raise RunError(f"run folder {folder}: cannot be written: {error.strerror}") from error
    if file is None:
        raise RunError(f"run {folder.name} is being trained by another process")
    return file


def git_commit() -> str | None:
    """Return the commit of this checkout, with "-dirty" if files differ; None outside a checkout."""
    if INSTALLED:  # perhaps within a checkout of another project
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"],
            cwd=ROOT, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None


def session_record(steps: int) -> dict[str, Any]:
    """Describe one start of a run: time, command, first step, versions and machine."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [sys.executable, *sys.argv],
        "from_steps": steps,
        "git_commit": git_commit(),
        "versions": {
            "python": platform.python_version(),
            **{p: importlib.metadata.version(p) for p in PACKAGES},
        },
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }
