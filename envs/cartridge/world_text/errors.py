"""Errors in the world's texts."""

from __future__ import annotations

from pathlib import Path

from envs.errors import UserError


class WorldError(UserError):
    """An error in a world text; the message is ``file:line: what is wrong``."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        name = path if isinstance(path, str) else "/".join(path.parts[-2:])
        super().__init__(f"{name}:{line}: {message}")
