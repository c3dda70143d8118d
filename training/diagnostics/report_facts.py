"""Facts for bug reports, in the doctor's JSON beside its findings: plain values, and nothing of the game.

Uses only the standard library until packages are checked. A fact that cannot be found is left out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.installation import INSTALLED, ROOT

if TYPE_CHECKING:
    from envs.ram import GameState

PROJECT = "pokered-harness"
HEADER = range(0x134, 0x150)
# Fields of the cartridge's header by offset (Pan Docs, "The Cartridge Header").
HEADER_FIELDS = {
    "colour": 0x143,
    "super": 0x146,
    "type": 0x147,
    "rom_size": 0x148,
    "ram_size": 0x149,
    "destination": 0x14A,
    "version": 0x14C,
    "header_checksum": 0x14D,
}
MOST_BYTES = 16 << 20  # of a file that is hashed
LIMITS = ("AS", "DATA", "NOFILE", "NPROC", "STACK")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only its size is read
CGROUP_FILES = ("memory.max", "cpu.max", "pids.max")


def system_facts(required: Iterable[str]) -> dict[str, Any]:
    """Return versions of Python, the system, this project and the ``required`` packages."""
    return {
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "os": platform.platform(),
        "machine": platform.machine(),
        "project": package_version(PROJECT),
        "commit": commit(),
        "packages": {name: package_version(name) for name in required},
    }


def package_version(name: str) -> str | None:
    """Return the installed version of a package; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Return the commit of this checkout, with "-dirty" if files differ; None outside a checkout."""
    if INSTALLED:  # perhaps within a checkout of another project
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def limit_facts() -> dict[str, Any]:
    """Return the limits of this process and its control group, and the size of shared memory in bytes."""
    facts: dict[str, Any] = {"cores": os.cpu_count()}
    try:
        import resource
    except ImportError:  # Windows
        return facts
    for name in LIMITS:
        soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
        facts[name] = [None if value == resource.RLIM_INFINITY else value for value in (soft, hard)]
    for name in CGROUP_FILES:
        path = Path("/sys/fs/cgroup") / name
        if path.is_file():
            facts[name] = path.read_text("ascii").strip()
    if SHARED_MEMORY.is_dir():
        room = os.statvfs(SHARED_MEMORY)
        facts["shared_memory"] = room.f_blocks * room.f_frsize
    return facts


def rom_facts(path: Path) -> dict[str, Any]:
    """Return size, hashes and header fields of the file at ``path``, even if it is no cartridge."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        return {"unreadable": str(error)}
    facts: dict[str, Any] = {"bytes": path.stat().st_size}
    if len(data) >= HEADER.stop:
        facts["title"] = data[0x134:0x144].split(b"\0")[0].decode("ascii", "replace")
        facts |= {name: data[offset] for name, offset in HEADER_FIELDS.items()}
        facts["global_checksum"] = int.from_bytes(data[0x14E:0x150], "big")
    facts["sha1"] = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    return facts


def state_facts(state: GameState) -> dict[str, Any]:
    """Return every field of ``state`` as read from memory; events as hexadecimal digits."""
    return {name: _plain(getattr(state, name)) for name in state._fields}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
