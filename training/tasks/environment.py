"""The checkout's virtual environment, made when it is missing, with the Makefile's marks.

Uses only the standard library, since nothing is installed before.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from envs.errors import ProgramError, UserError
from envs.installation import INSTALLED, ROOT

OLDEST_PYTHON = (3, 11)
EXTRAS = ".[dev,browser,postgres,ray,minari,gpt,docs]"
SOURCES = ("requirements.txt", "pyproject.toml")


@dataclass(frozen=True)
class Environment:
    """The virtual environment in ``folder``."""

    folder: Path = ROOT / ".venv"

    def program(self, name: str) -> str:
        """Return the path of an installed program such as ruff, or of python."""
        place = "Scripts" if sys.platform == "win32" else "bin"
        return str(self.folder / place / name)

    def prepare(self, extras: bool) -> None:
        """Make the environment and install the pinned packages, with those for tests if ``extras``.

        Does nothing if that was done since the requirements changed. Raises UserError for an old Python or
        without a checkout, and ProgramError if a step fails.
        """
        if INSTALLED:
            raise UserError("tasks are those of a checkout; pokered has the programs of an installed package")
        if sys.version_info < OLDEST_PYTHON:
            raise UserError(f"Python {sys.version.split()[0]} is too old: must be 3.11 or later")
        if not Path(self.program("python")).exists() and not Path(self.program("python.exe")).exists():
            run([sys.executable, "-m", "venv", str(self.folder)])
        # torch comes first and pinned: a later, unpinned request for it would fetch another build.
        self._install(".installed", ["-r", "requirements.txt"])
        if extras:
            self._install(".dev", ["-e", EXTRAS])

    def _install(self, mark: str, what: list[str]) -> None:
        done = self.folder / mark
        if done.exists() and done.stat().st_mtime >= max((ROOT / n).stat().st_mtime for n in SOURCES):
            return
        quiet = ["--quiet", "--disable-pip-version-check"]
        run([self.program("python"), "-m", "pip", "install", *quiet, *what])
        done.touch()


def run(command: list[str]) -> None:
    """Run ``command`` in the checkout, showing what it prints. Raises ProgramError if it fails."""
    try:
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
    except OSError as error:
        raise ProgramError(f"{command[0]} cannot be started: {error.strerror}") from error
    if status:
        raise ProgramError(f"{' '.join(command)} ended with status {status}")
