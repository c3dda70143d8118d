"""The name "pretrained": what it stands for, and that every file is the one that was shipped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from training.runs.folder import RunError, refuse_existing, run_folder
from training.runs.lookup import find_run
from training.runs.shipped import POLICIES_VARIABLE, PROVENANCE, policies_root, results_folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(POLICIES_VARIABLE, str(tmp_path / "policies"))
    monkeypatch.setenv("POKERED_RUNS", str(tmp_path / "runs"))
    return tmp_path / "policies"


def policy(root: Path, name: str) -> Path:
    folder = root / name
    (folder / "checkpoints").mkdir(parents=True)
    files = {"config.json": b"{}", "checkpoints/weights": b"1234"}
    for path, data in files.items():
        (folder / path).write_bytes(data)
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    (folder / PROVENANCE).write_text(json.dumps({"sha256": hashes}))
    return folder


def test_the_word_stands_for_the_only_policy(root: Path) -> None:
    with pytest.raises(RunError, match="pretrained: no policy ships with this version"):
        find_run("pretrained")
    folder = policy(root, "first")
    assert find_run("pretrained") == find_run("pretrained:first") == find_run(str(folder)) == folder
    (root / ".second.new").mkdir()
    assert find_run("pretrained") == folder, "one that is being made does not count"


def test_several_policies_are_told_apart(root: Path) -> None:
    first, second = policy(root, "first"), policy(root, "second")
    assert (find_run("pretrained:first"), find_run("pretrained:second")) == (first, second)
    known = "known: pretrained:first, pretrained:second"
    with pytest.raises(RunError, match=f"pretrained: several policies ship; {known}"):
        find_run("pretrained")
    with pytest.raises(RunError, match=f"pretrained:third: there is no policy third; {known}"):
        find_run("pretrained:third")


@pytest.mark.parametrize("by", ["pretrained", "path"])
def test_a_changed_file_is_refused_by_name(root: Path, by: str) -> None:
    folder = policy(root, "first")
    name = by if by == "pretrained" else str(folder)
    weights = folder / "checkpoints" / "weights"
    weights.write_bytes(b"1235")
    with pytest.raises(RunError, match=r"checkpoints/weights is damaged \(its SHA-256 is not the one"):
        find_run(name)
    weights.unlink()
    with pytest.raises(RunError, match="checkpoints/weights cannot be read: No such file"):
        find_run(name)
    (folder / PROVENANCE).write_text('{"sha256": {"../../x": ""}}')
    with pytest.raises(RunError, match="names a file outside of it"):
        find_run(name)
    for damaged in ("", "[]", '{"sha256": {}}', '{"sha256": 3}'):
        (folder / PROVENANCE).write_text(damaged)
        with pytest.raises(RunError, match=r"provenance\.json is missing or damaged"):
            find_run(name)


def test_no_run_takes_the_name_and_an_old_one_is_found_by_its_path(root: Path, tmp_path: Path) -> None:
    folder = policy(root, "first")
    for taken in (run_folder, refuse_existing):
        with pytest.raises(RunError, match="'pretrained' stands for the policy that ships"):
            taken("pretrained")
    old = tmp_path / "runs" / "pretrained"
    old.mkdir(parents=True)
    (old / "config.json").write_text("{}")
    assert find_run("pretrained") == folder
    assert find_run(str(old)) == old


def test_evaluations_of_a_shipped_policy_go_elsewhere(root: Path, tmp_path: Path) -> None:
    assert results_folder(policy(root, "first")) == tmp_path / "runs" / "pretrained" / "first"
    assert (tmp_path / "runs" / "pretrained" / "first").is_dir()
    own = tmp_path / "runs" / "mine"
    assert results_folder(own) == own


def test_policies_are_beside_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POLICIES_VARIABLE, raising=False)
    assert (policies_root() / "README.md").is_file()
