"""Tests that the committed cartridge is exactly what its sources build, in any folder."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from envs.cartridge.tools.check_rom import check_areas
from envs.errors import UserError
from tests.paths import ROOT

ENVS = ROOT / "envs"
CARTRIDGE = ENVS / "cartridge"


def copy_sources(to: Path) -> Path:
    """Copy what the Makefile needs, without build outputs; return the copy's cartridge folder."""
    (to / "envs").mkdir(parents=True)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ENVS / name, to / "envs" / name)
    ignored = shutil.ignore_patterns("build", "__pycache__", "*.gb", "*.sha1")
    shutil.copytree(CARTRIDGE, to / "envs" / "cartridge", ignore=ignored)
    return to / "envs" / "cartridge"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sdcc") is None, reason="sdcc is not installed")
def test_rebuild_in_another_folder_gives_the_committed_bytes(tmp_path: Path) -> None:
    folder = copy_sources(tmp_path / "a folder elsewhere")
    make = ["make", "-C", str(folder)]
    done = subprocess.run(make, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    built, committed = (folder / "clover.gb").read_bytes(), (CARTRIDGE / "clover.gb").read_bytes()
    differing = sum(a != b for a, b in zip(built, committed, strict=False))
    assert built == committed, f"{differing} bytes differ: run make -C envs/cartridge and commit clover.gb"


def test_the_committed_sha1_matches_the_committed_cartridge() -> None:
    digest = hashlib.sha1((CARTRIDGE / "clover.gb").read_bytes()).hexdigest()
    assert (CARTRIDGE / "clover.gb.sha1").read_text("ascii") == f"{digest}  clover.gb\n"


@pytest.mark.parametrize(
    ("name", "start", "size", "message"),
    [
        ("_CODE_4", 0x44000, 0x4001, "area _CODE_4 ends at 0x8001, 1 bytes beyond 0x8000"),
        ("_CODE", 0x200, 0x3E02, "area _CODE ends at 0x4002, 2 bytes beyond 0x4000"),
        ("_DATA", 0xC508, 0x700, "area _DATA ends at 0xcc08, 8 bytes beyond 0xcc00"),
    ],
)
def test_an_overflowing_area_stops_the_build(name: str, start: int, size: int, message: str) -> None:
    check_areas({name: (start, size - 8)})
    with pytest.raises(UserError, match=message):
        check_areas({name: (start, size)})
