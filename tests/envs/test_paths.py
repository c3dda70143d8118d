"""Paths that users give: ``~``, relative ones, and names that are not UTF-8."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.paths import expanded, full_path, is_file, looks_like_path, shown

LATIN = os.fsdecode(b"caf\xe9.gb")


def test_a_relative_path_counts_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert full_path("a/../b.gb") == tmp_path / "b.gb"
    assert full_path("b.gb", Path("deep")) == tmp_path / "deep" / "b.gb"
    assert full_path(tmp_path / "b.gb", Path("deep")) == tmp_path / "b.gb"


def test_home_is_expanded_before_the_folder_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert full_path("~/b c.gb", Path("deep")) == tmp_path / "b c.gb"
    assert expanded("~/r") == tmp_path / "r"
    assert expanded("r") == Path("r")
    assert expanded("a~/r") == Path("a~/r")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("~nosuchuser/c.gb", "ROM ~nosuchuser/c.gb: nobody's home folder; write the path out"),
        (LATIN, r"caf\xe9.gb: the name is not valid UTF-8; rename it"),
        ("a\0b.gb", r"ROM 'a\x00b.gb': embedded null byte"),
    ],
)
def test_paths_that_cannot_be_used_get_one_line(path: str, line: str) -> None:
    with pytest.raises(UserError) as refusal:
        full_path(path, what="ROM")
    assert line in str(refusal.value)
    assert str(refusal.value).encode(), "the line itself can be printed and stored"


def test_links_in_a_circle_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(UserError, match=r"start '.*one': .*loop"):
        full_path(tmp_path / "one", what="start")


def test_a_folder_that_is_not_utf_8_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9")
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=r"\\xe9/c\.gb: the name is not valid UTF-8"):
        full_path("c.gb")


def test_a_path_differs_from_a_name() -> None:
    assert all(map(looks_like_path, ("s/x", "x.state", "~", "~/x", "./x", "/x")))
    assert not any(map(looks_like_path, ("route1", "power on", "gym1")))
    assert shown(Path(LATIN)) == r"caf\xe9.gb"


def test_a_name_that_no_file_can_have_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert is_file(tmp_path / "x")
    assert not is_file(tmp_path / ("x" * 300))
    assert not is_file(tmp_path / "x\0")
