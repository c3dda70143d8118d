"""The implementation of a soak: faults injected into one run, and checks at its end."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from training.checkpoints.writing import CheckpointError, numbered_checkpoints, read_checkpoint
from training.cli.table import table
from training.fault_injection.invariants import Checks, run_checks
from training.fault_injection.training_process import CONFIG, STUCK_S, TrainingProcess

NAME = "soak"


class Soak:
    """The faults of a soak, and how often each was injected."""

    def __init__(self, trainee: TrainingProcess) -> None:
        self.trainee = trainee
        self.injected: Counter[str] = Counter()
        self.lost: list[str] = []
        """Descriptions of faults from which the run did not recover correctly."""
        self.faults: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._worker(signal.SIGKILL),
            "worker stopped": lambda: self._worker(signal.SIGSTOP),
            "SIGTERM, resumed": lambda: self._stop(signal.SIGTERM),
            "SIGINT, resumed": lambda: self._stop(signal.SIGINT),
            "SIGKILL, resumed": self._kill,
            "newest checkpoint damaged, resumed": self._damage,
            "TensorBoard's folder removed": self._remove_curves,
        }
        if hasattr(psutil, "RLIMIT_FSIZE"):  # not on all systems
            self.faults["disk full for a while"] = self._fill

    def inject(self, name: str) -> None:
        """Inject one fault and wait until training continues."""
        self.injected[name] += 1
        self.faults[name]()
        self.trainee.wait_for_checkpoint(STUCK_S)

    def _worker(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.trainee.a_worker().send_signal(number)

    def _stop(self, number: signal.Signals) -> None:
        status = self.trainee.end(number)
        if status != 0:
            self.lost.append(f"{number.name} ended the run with status {status}")
        self._resume()

    def _kill(self) -> None:
        self.trainee.end(signal.SIGKILL)
        self._resume()

    def _damage(self) -> None:
        self.trainee.end(signal.SIGKILL)
        newest = numbered_checkpoints(self.trainee.checkpoints)[0]
        victim = newest / "policy.safetensors"
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 0xFF
        victim.write_bytes(data)
        self._resume()
        if "going back to the one before" not in self.trainee.errors():
            self.lost.append(f"the damaged checkpoint {newest.name} was not reported")

    def _remove_curves(self) -> None:
        shutil.rmtree(self.trainee.run / "tensorboard")

    def _fill(self) -> None:
        """Refuse files above 100 kB as a full disk would. Weights have 1.4 MB."""
        self.trainee.refuse_files_above(100_000)
        self.trainee.wait_for_words("cannot be written", STUCK_S)
        self.trainee.refuse_files_above(None)

    def _resume(self) -> None:
        expected = newest_sound(self.trainee.checkpoints)
        began = self.trainee.start("--resume", NAME)
        if began != expected:
            self.lost.append(f"continued from step {began}, not from its newest sound checkpoint {expected}")


def newest_sound(checkpoints: Path) -> int:
    """Steps of the newest readable checkpoint, or 0."""
    for folder in numbered_checkpoints(checkpoints):
        with contextlib.suppress(CheckpointError):
            return read_checkpoint(folder).steps
    return 0


def _order(names: list[str], seed: int) -> Iterator[str]:
    """Yield all faults in random order, again and again, so that each occurs about equally often."""
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    while True:
        yield from generator.sample(names, len(names))


def soak(seconds: float, every: float, seed: int, keep: Path | None) -> tuple[str, bool]:
    """Soak for ``seconds``. Returns a table of faults and checks, and whether all checks hold."""
    root = keep or Path(tempfile.mkdtemp(prefix="soak-"))
    root.mkdir(parents=True, exist_ok=True)
    (root / "soak.json").write_text(json.dumps({**CONFIG, "seed": seed}))
    trainee = TrainingProcess(root, NAME)
    under_way = Soak(trainee)
    try:
        trainee.start("--config", root / "soak.json", "--run-name", NAME)
        trainee.wait_for_checkpoint(STUCK_S)
        end = time.monotonic() + seconds
        for name in _order(list(under_way.faults), seed):
            if time.monotonic() + every > end:
                break
            time.sleep(every)
            under_way.inject(name)
        checks = _finish(under_way)
    finally:
        trainee.clean_up()
        if keep is None:
            shutil.rmtree(root, ignore_errors=True)
    rows = [("fault", "times"), *((name, str(n)) for name, n in sorted(under_way.injected.items()))]
    lines = [table(rows), "", *(f"  {'ok  ' if ok else 'FAIL'} {text}" for text, ok in checks)]
    return "\n".join(lines), all(ok for _, ok in checks)


def _finish(under_way: Soak) -> Checks:
    """Stop, continue to an exact number of steps, and run the checks."""
    trainee = under_way.trainee
    under_way._stop(signal.SIGTERM)
    trainee.end(signal.SIGTERM)
    wanted = newest_sound(trainee.checkpoints) + 4 * trainee.rollout_steps
    trainee.start("--resume", NAME, "--stop-after", wanted)
    status = trainee.wait()
    return run_checks(trainee, status, wanted, under_way.lost)
