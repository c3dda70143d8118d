"""Runs go on from any folder, not without their manifest, and end well when their folder is removed."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.game.catalog import EMBEDDED_ROM, identify
from envs.start_library import start_state
from tests.training.conftest import TINY, Program, environment
from tests.training.forked import Forker, wait_for
from tests.training.runs.test_manifest import DAMAGES, damage
from training.cli.parsing import parse
from training.runs.manifest import ManifestError
from training.session.flags import TrainFlags
from training.session.plan import make_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with configs/own.json, a ROM beside it and a state file in s/."""
    place = tmp_path_factory.mktemp("place")
    for folder in ("configs", "s", "elsewhere"):
        (place / folder).mkdir()
    shutil.copy(EMBEDDED_ROM, place / "configs" / "c.gb")
    (place / "s" / "x.state").write_bytes(start_state(identify(), "bedroom").data)
    own = {**TINY, "rom": "c.gb", "start": "../s/x.state", "total_steps": 64}
    (place / "configs" / "own.json").write_text(json.dumps(own))
    (place / "tiny.json").write_text(json.dumps({**TINY, "total_steps": 64}))
    return place


@pytest.fixture(scope="module")
def anywhere(place: Path, program: Program) -> str:
    """A run whose ROM and start were given by relative paths in its config."""
    done = program("train_ppo", "--config", "../configs/own.json", "--run-name", "from-afar", cwd=place / "s")
    assert done.returncode == 0, done.stderr
    assert f"plays clover (embedded), ROM {place}/configs/c.gb, from {place}/s/x.state" in done.stdout
    return "from-afar"


def test_a_run_keeps_absolute_paths_and_goes_on_from_elsewhere(
    anywhere: str, place: Path, program: Program, runs: Path
) -> None:
    kept = json.loads((runs / anywhere / "config.json").read_text())
    assert (kept["rom"], kept["start"]) == (f"{place}/configs/c.gb", f"{place}/s/x.state")
    flags = ("--total-steps", 128, "--accept-changes")
    done = program("train_ppo", "--resume", anywhere, *flags, cwd=place / "elsewhere")
    assert done.returncode == 0, done.stderr
    played = program("evaluate", anywhere, "--episodes", 2, "--device", "cpu", cwd=place / "elsewhere")
    assert played.returncode == 0, played.stderr
    assert f"from {place}/s/x.state" in played.stdout


def test_paths_on_the_command_line_count_from_the_working_directory(
    place: Path, program: Program, runs: Path
) -> None:
    flags = ("--rom", "../configs/c.gb", "--start", "x.state", "--run-name", "flags")
    done = program("train_ppo", "--config", "../tiny.json", *flags, cwd=place / "s")
    assert done.returncode == 0, done.stderr
    flags = ("--total-steps", 128, "--accept-changes")
    done = program("train_ppo", "--resume", "flags", *flags, cwd=place / "elsewhere")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((runs / "flags" / "manifest.json").read_text())
    assert manifest["start"]["name"] == f"{place}/s/x.state"
    assert (manifest["training_steps"], len(manifest["sessions"])) == (128, 2)


def test_a_run_with_a_damaged_manifest_is_refused_in_one_line_and_loses_nothing(
    anywhere: str, runs: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POKERED_RUNS", str(runs))
    shutil.copytree(runs / anywhere, runs / "torn")
    flags = ["--resume", "torn", "--total-steps", "256", "--accept-changes"]
    for text in DAMAGES.values():
        damage(runs / "torn", text)
        before = {path: path.read_bytes() for path in (runs / "torn").rglob("*") if path.is_file()}
        with pytest.raises(ManifestError, match=f"^run torn: {runs}/torn/manifest.json .*--init-from"):
            make_plan(parse(TrainFlags, flags, "train_ppo.py"))
        after = {path: path.read_bytes() for path in (runs / "torn").rglob("*") if path.is_file()}
        assert after == before
    assert "manifest.json is damaged" in refused("train_ppo", *flags)


def test_the_advice_for_a_damaged_manifest_works(
    anywhere: str, place: Path, program: Program, runs: Path
) -> None:
    shutil.copytree(runs / anywhere, runs / "advised")
    damage(runs / "advised", None)
    flags = ("--init-from", "advised", "--run-name", "from-advised", "--total-steps", 64)
    done = program("train_ppo", "--config", place / "configs" / "own.json", *flags)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((runs / "from-advised" / "manifest.json").read_text())
    assert manifest["init_from"].startswith(f"{runs}/advised/checkpoints/")


def test_a_run_whose_folder_is_removed_does_not_advise_to_resume(
    place: Path, runs: Path, forker: Forker
) -> None:
    flags = ("--config", place / "tiny.json", "--run-name", "removed", "--total-steps", 100_000)
    child = forker.start(*flags, program="train_ppo", cwd=place, environment=environment(runs))
    wait_for(lambda: (runs / "removed" / "checkpoints" / "64").is_dir() or "rror" in child.errors)
    shutil.move(runs / "removed", place / "removed")
    child.kill(signal.SIGTERM)
    child.wait()
    assert "Traceback" not in child.errors
    assert "--resume" not in child.shown
    assert f"run folder: {runs}/removed was removed while it trained" in child.shown
    assert "stopped by SIGTERM" in child.shown
