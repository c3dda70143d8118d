"""The doctor names other projects that have the same top-level names."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.diagnostics.check_result import OK, WARNING
from training.diagnostics.name_clashes import check_names


def test_nothing_else_has_our_names() -> None:
    assert [finding.level for finding in check_names()] == [OK]


def test_another_installed_project_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "gridworlds-1.0.dist-info"  # as pip leaves it
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: gridworlds\nVersion: 1.0\n")
    (facts / "top_level.txt").write_text("envs\ngridworlds\n")
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = check_names()
    assert (found.level, found.message) == (
        WARNING,
        "the installed project gridworlds also has a package envs",
    )
    assert "environment of its own" in str(found.line())


def test_another_folder_of_the_path_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rewards").mkdir()
    (tmp_path / "rewards" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert [finding.message for finding in check_names()] == [
        f"the folder {tmp_path.resolve()} also has a package rewards"
    ]
