"""What is wrong with a text of the world."""

from __future__ import annotations

from pathlib import Path

from envs.errors import UserError


class WorldError(UserError):
    """A wrong world text, as ``file:line: what is wrong``."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        name = path if isinstance(path, str) else "/".join(path.parts[-2:])
        super().__init__(f"{name}:{line}: {message}")
