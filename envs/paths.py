"""Paths that users give: ``~`` is expanded, and a relative path counts from where it is written."""

from __future__ import annotations

import os
from pathlib import Path

from envs.errors import UserError


def expanded(path: Path | str, what: str = "path") -> Path:
    """Return ``path`` with ``~`` or ``~user`` expanded.

    Raises UserError, which begins with ``what``, if there is no such user or the path is not valid UTF-8:
    configs and records of runs are.
    """
    try:
        found = Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{what} {path}: nobody's home folder; write the path out") from error
    try:
        str(found).encode()
    except UnicodeEncodeError:
        raise UserError(f"{what} {shown(found)}: the name is not valid UTF-8; rename it") from None
    return found


def full_path(path: Path | str, folder: Path | None = None, what: str = "path") -> Path:
    """Return ``path`` as an absolute path without links, with ``~`` expanded.

    A relative path counts from ``folder`` (default: the working directory). Raises UserError as ``expanded``
    does, and for a path that no file can have.
    """
    whole = (folder or Path()) / expanded(path, what)
    try:
        return expanded(whole.resolve(), what)
    except UserError:
        raise
    except (ValueError, RuntimeError, OSError) as error:  # a zero byte, links in a circle
        raise UserError(f"{what} {str(path)!r}: {error}") from error


def shown(path: Path | str) -> str:
    r"""Return ``path`` as text that can be printed: bytes that are not UTF-8 as ``\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file; False for a path that no file can have, such as one that is too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def looks_like_path(text: str) -> bool:
    """Whether ``text`` can only be a path, not a name: it has a folder, ``~`` or a suffix."""
    return text.startswith("~") or Path(text).name != text or bool(Path(text).suffix)
