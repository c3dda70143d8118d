"""Faults around a run: disks, folders, processes. Real files, processes and signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.training.conftest import TINY
from tests.training.forked import Child, Forker, wait_for
from tests.training.session.test_resume import curves
from training.checkpoints.writing import numbered_checkpoints, read_checkpoint
from training.resources.memory_estimate import DEFAULT_PARAMETERS

pytestmark = pytest.mark.slow

ENDLESS = {**TINY, "total_steps": 1_000_000, "step_timeout": 120, "keep_checkpoints": 3}


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that trains until it is stopped."""
    path = tmp_path_factory.mktemp("faults") / "endless.json"
    path.write_text(json.dumps(ENDLESS))
    return path


def newest(run: Path) -> int:
    return max((int(path.name) for path in numbered_checkpoints(run / "checkpoints")), default=0)


def wait_for_steps(child: Child, run: Path, steps: int) -> None:
    wait_for(lambda: newest(run) >= steps or child.ended)
    assert newest(run) >= steps, child.errors


def test_a_full_disk_ends_the_run_with_an_error_and_keeps_checkpoints(
    forker: Forker, endless: Path, runs: Path
) -> None:
    """Files above 1 MB cannot be written, as on a full disk: the weights have 1.4 MB."""
    forker.run("--config", endless, "--run-name", "full", "--stop-after", 64)
    before = (runs / "full" / "checkpoints" / "64" / "policy.safetensors").read_bytes()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))"
    child = forker.start("--resume", "full", "--stop-after", 192, before=limit)
    assert child.wait() == 1
    assert "checkpoints/128: cannot be written: File too large" in child.errors
    assert "error: run full: its last checkpoint could not be written" in child.errors
    assert "Traceback" not in child.errors
    assert sorted(path.name for path in (runs / "full" / "checkpoints").iterdir()) == ["0", "64"]
    assert (runs / "full" / "checkpoints" / "64" / "policy.safetensors").read_bytes() == before
    forker.run("--resume", "full", "--stop-after", 128)
    steps = [step for step, _ in curves(runs / "full")["train/approx_kl"]]
    assert steps == [64, 128], "what the full disk's session logged was cut off"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_really_full_disk(forker: Forker, endless: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # Room for the first checkpoint, one with the optimizer's two moments, and half of the next.
    room = int((1 + 3 + 1.5) * 4 * DEFAULT_PARAMETERS)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        there = f"import os; os.environ['POKERED_RUNS'] = {str(disk)!r}"
        child = forker.start("--config", endless, "--run-name", "x", "--stop-after", 256, before=there)
        assert child.wait() == 1
        assert "cannot be written: No space left on device" in child.errors
        assert "error: run x: its last checkpoint could not be written" in child.errors
        assert "Traceback" not in child.errors
        saved = numbered_checkpoints(disk / "x" / "checkpoints")
        assert [read_checkpoint(path).steps for path in saved] == [64, 0]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_written(forker: Forker, endless: Path, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    there = f"import os; os.environ['POKERED_RUNS'] = {str(tmp_path / 'file')!r}"
    child = forker.start("--config", endless, "--run-name", "x", before=there)
    assert child.wait() == 2
    assert "cannot be made: Not a directory" in child.errors
    # And one that is replaced by something else during the run.
    child = forker.start("--config", endless, "--run-name", "unwritable", "--stop-after", 400)
    wait_for_steps(child, runs / "unwritable", 64)
    shutil.rmtree(runs / "unwritable" / "checkpoints", ignore_errors=True)
    (runs / "unwritable" / "checkpoints").touch()
    assert child.wait() == 1
    assert "cannot be written" in child.errors
    assert "Traceback" not in child.errors


def test_tensorboards_folder_is_removed(forker: Forker, endless: Path, runs: Path) -> None:
    run = runs / "removed"
    child = forker.start("--config", endless, "--run-name", "removed", "--stop-after", 640)
    wait_for_steps(child, run, 128)
    shutil.rmtree(run / "tensorboard")
    assert child.wait() == 0, child.errors
    assert "is gone and its points are lost; new points go to a new file" in child.errors
    steps = [step for step, _ in curves(run)["train/approx_kl"]]
    assert steps[-1] == 640
    assert steps == list(range(steps[0], 641, 64))


def test_a_damaged_checkpoint_falls_back_and_says_so(forker: Forker, endless: Path, runs: Path) -> None:
    forker.run("--config", endless, "--run-name", "damaged", "--stop-after", 128)
    for name, data in (("environments.json", b"{}"), ("environments.safetensors", b"cut")):
        folder = runs / "damaged" / "checkpoints" / "128"
        whole = (folder / "environments.safetensors").read_bytes()
        (folder / name).write_bytes(data)
        child = forker.run("--resume", "damaged", "--stop-after", 128)
        assert f"{name}: damaged" in child.errors
        assert "going back to the one before" in child.errors
        assert "from step 64:" in child.shown
        again = (folder / "environments.safetensors").read_bytes()
        assert again == whole, "the run is the same when it comes here again"


def test_a_second_process_is_refused(forker: Forker, endless: Path, runs: Path) -> None:
    child = forker.start("--config", endless, "--run-name", "twice")
    wait_for_steps(child, runs / "twice", 64)
    before = (runs / "twice" / "manifest.json").read_bytes()
    for flags, line in (
        (["--resume", "twice"], "run twice is being trained by another process"),
        (["--config", endless, "--run-name", "twice"], "run twice exists already"),
    ):
        second = forker.start(*flags)
        assert second.wait() == 2
        assert line in second.errors
    assert (runs / "twice" / "manifest.json").read_bytes() == before
    child.kill(signal.SIGTERM)
    assert child.wait() == 0, child.errors


def test_broken_weights_end_the_run_with_status_1(forker: Forker, endless: Path, runs: Path) -> None:
    """Weights are broken by hand after the third update, because no setting reliably breaks them."""
    poison = """
from training.ppo.chunked_ppo import ChunkedPPO
learn = ChunkedPPO.train
def train(self):
    learn(self)
    if self._n_updates == 3:
        self.policy.action_net.weight.data.fill_(float("nan"))
ChunkedPPO.train = train
"""
    child = forker.start("--config", endless, "--run-name", "diverged", before=poison)
    assert child.wait() == 1
    assert "error: training diverged" in child.errors
    assert "Traceback" not in child.errors
    assert newest(runs / "diverged") == 128, "the checkpoint before is kept, and no broken one"
    assert json.loads((runs / "diverged" / "health.json").read_text())["verdict"] == "unhealthy"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory has no folder here")
def test_a_killed_parent_leaves_nothing(forker: Forker, endless: Path, runs: Path) -> None:
    child = forker.start("--config", endless, "--run-name", "orphans", "--workers", 2)
    wait_for_steps(child, runs / "orphans", 64)
    family = psutil.Process(child.pid).children(recursive=True)
    assert len(family) >= 3, "two workers and their forkserver"
    maps = Path(f"/proc/{child.pid}/maps").read_text()
    child.kill(signal.SIGKILL)
    child.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    names = {line.split()[5] for line in maps.splitlines() if "/dev/shm/" in line}
    assert [name for name in names if Path(name).exists()] == []
