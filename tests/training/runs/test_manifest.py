"""A run's manifest: read, extended, and refused in one line when it is missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.runs.manifest import (
    MANIFEST,
    ManifestError,
    add_session,
    demonstrations_behind,
    demonstrations_of,
    read_manifest,
)
from training.runs.shipped import PROVENANCE

WHOLE: dict[str, Any] = {"rom_sha1": "ab", "sessions": [{"from_steps": 0}], "training_steps": 64}
DAMAGES = {
    "missing": None,
    "half written": '{"rom_sha1',
    "not UTF-8": "\udce9",
    "a list": "[]",
    "nested": "[" * 100_000,
    "without the ROM": json.dumps({"sessions": []}),
    "without sessions": json.dumps({"rom_sha1": "ab"}),
    "sessions of another kind": json.dumps({**WHOLE, "sessions": 3}),
    "a session of another kind": json.dumps({**WHOLE, "sessions": [1]}),
}
"""What a damaged manifest.json holds."""


def damage(folder: Path, text: str | None) -> None:
    """Replace the manifest of the run in ``folder``, or remove it."""
    path = folder / MANIFEST
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")


@pytest.mark.parametrize("text", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_manifest_gets_one_line_and_is_left_as_it_is(tmp_path: Path, text: str | None) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    damage(folder, text)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for use in (read_manifest, lambda found: add_session(found, {}, 64)):
        with pytest.raises(ManifestError) as refusal:
            use(folder)
        line = str(refusal.value)
        assert line.startswith(f"run run: {folder / MANIFEST} ")
        assert "--init-from run" in line
        assert "\n" not in line
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_session_is_added_with_the_steps_that_it_trains_to(tmp_path: Path) -> None:
    damage(tmp_path, json.dumps(WHOLE))
    add_session(tmp_path, {"from_steps": 64}, 128)
    assert read_manifest(tmp_path) == {
        **WHOLE, "training_steps": 128, "sessions": [{"from_steps": 0}, {"from_steps": 64}]
    }  # fmt: skip


def test_demonstrations_behind_a_policy(tmp_path: Path) -> None:
    run, facts = tmp_path / "run", {"episodes": 30, "sha256": "ab"}
    checkpoint = run / "checkpoints" / "final"
    checkpoint.mkdir(parents=True)
    assert (demonstrations_of(run), demonstrations_behind(checkpoint)) == ({}, None), "no manifest"
    damage(run, json.dumps(WHOLE))
    assert (demonstrations_of(run), demonstrations_behind(checkpoint)) == ({}, None), "no demonstrations"
    damage(run, json.dumps({**WHOLE, "demonstrations": facts}))
    assert (demonstrations_of(run), demonstrations_behind(checkpoint)) == ({"demonstrations": 30}, facts)
    (run / "manifest.json").unlink()
    (run / PROVENANCE).write_text(json.dumps({"demonstrations": facts}))
    assert (demonstrations_of(run), demonstrations_behind(checkpoint)) == ({"demonstrations": 30}, facts)
    (run / PROVENANCE).write_text("[]")
    assert (demonstrations_of(run), demonstrations_behind(checkpoint)) == ({}, None), "damaged"
