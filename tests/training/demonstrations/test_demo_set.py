"""Sets of demonstrations as folders: what is refused, and that nothing is left half-written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from training.demonstrations.demo_set import MANIFEST, DemonstrationSet, new_set, read_set


@pytest.fixture
def copy(short_set: DemonstrationSet, tmp_path: Path) -> Path:
    """A copy of a set, to damage."""
    return Path(shutil.copytree(short_set.folder, tmp_path / "copy"))


def change(folder: Path, **entries: Any) -> None:
    """Change entries of the manifest."""
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_set_holds_what_was_played(short_set: DemonstrationSet) -> None:
    for number, demonstration in enumerate(short_set):
        header = demonstration.episode.header
        assert demonstration == short_set.read(number)
        assert header.milestones[-1] == (header.steps, "second town")
        assert header.start == demonstration.start.name == "starter"
        assert demonstration.noise and max(demonstration.noise) < header.steps
    assert short_set.manifest.steps == sum(one.episode.header.steps for one in short_set)
    assert short_set.manifest.source["noise"] == 0.2


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ({"format": 2}, r"wrong \(format: Input should be 1"),
        ({"episodes": []}, r"wrong \(episodes: List should have at least 1 item"),
        ({"player": "nobody"}, r"wrong \(player: Input should be 'script', 'run' or 'human'"),
        ({"more": 1}, r"wrong \(more: Extra inputs are not permitted"),
        ({"episodes": [{"file": "../a.episode", "sha256": "0" * 64}]}, r"wrong \(episodes\.0\.file: "),
        ({"episodes": [{"file": "a.episode", "sha256": "0" * 64}]}, r"a\.episode: cannot be read"),
        ({"rom_sha1": "0" * 40}, "played on a ROM with SHA-1 f3e3b395"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(copy: Path, entries: dict[str, Any], line: str) -> None:
    change(copy, **entries)
    with pytest.raises(UserError, match=line):
        read_set(copy).read(0)


def test_a_changed_episode_is_refused(copy: Path) -> None:
    episode = next(iter(sorted(copy.glob("*.episode"))))
    data = bytearray(episode.read_bytes())
    data[-40] ^= 1
    episode.write_bytes(data)
    with pytest.raises(UserError, match=r"its SHA-256 is not the set's"):
        read_set(copy).read(0)


def test_noise_beyond_the_end_is_refused(copy: Path) -> None:
    first, *rest = json.loads((copy / MANIFEST).read_text())["episodes"]
    change(copy, episodes=[{**first, "noise": [1000]}, *rest])
    with pytest.raises(UserError, match=r"noise at step 1000, but it has \d+"):
        read_set(copy).read(0)


def test_a_folder_without_a_manifest_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a set of demonstrations"):
        read_set(tmp_path)


def test_nothing_is_left_of_a_set_that_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="halfway"), new_set(tmp_path / "set") as folder:
        (folder / "a.episode").write_bytes(b"something")
        raise RuntimeError("halfway")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_kept(short_set: DemonstrationSet) -> None:
    with pytest.raises(UserError, match="exists already"), new_set(short_set.folder):
        raise AssertionError("not reached")
    assert len(read_set(short_set.folder)) == 3
