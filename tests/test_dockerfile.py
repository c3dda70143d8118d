"""The Dockerfile fits the checkout. It is not built here: that needs a daemon and the net."""

from __future__ import annotations

import re

from envs.installation import ROOT as INSTALLATION
from tests.paths import ROOT

TEXT = (ROOT / "Dockerfile").read_text("utf-8")
IGNORED = set((ROOT / ".dockerignore").read_text("utf-8").split())


def copied() -> set[str]:
    """What is copied from the checkout into the image."""
    lines = re.findall(r"^COPY (.*)$", TEXT, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert copied() & IGNORED == set()


def test_all_that_the_wheel_holds_is_copied() -> None:
    assert INSTALLATION == ROOT
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert copied() >= packages | {
        "configs",
        "policies",
        "pyproject.toml",
        "setup.py",
        "MANIFEST.in",
        "LICENSE",
    }


def test_only_the_last_pin_is_the_project() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").split("\n")
    assert [line for line in lines if line.startswith("-")] == ["-e ."]
    assert "'^-e'" in TEXT
