"""Runs the contenders of the benchmark, each in its own process, in turns.

A disturbance of the machine then affects all of them alike, and their ratios stay valid.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.config.presets import largest_divisor

ROOT = Path(__file__).resolve().parents[2]
CLOSING_SECONDS = 20.0
SETTLING_STEPS = 30_000
"""Steps after which a run has allocated its memory."""
N_STEPS, BATCH_SIZE = 128, 512
"""Short rollouts, so that whole updates fit into a turn, and the default batch size."""
OTHER = ", other PyBoy"
"""Suffix of the names of contenders that use another version of the emulator."""
Say = Callable[[str], None]


class ContenderFailed(RuntimeError):
    """A contender ended early. Its own message went to stderr."""


@dataclass(frozen=True, slots=True)
class MemorySample:
    """The cost of one turn: CPU seconds and resident bytes of the contender and of its workers."""

    actions: int
    seconds: float
    cpu: float
    workers_cpu: float
    rss: int
    workers_rss: int
    workers: int
    emulator: float = 0.0
    looking: float = 0.0

    @property
    def rate(self) -> float:
        """Actions per second."""
        return self.actions / self.seconds


@dataclass(slots=True)
class SpeedSeries:
    """One contender's turns, and the seconds until it was ready."""

    ready: float
    samples: list[MemorySample] = field(default_factory=list)


GROWING = ("cpu", "workers_cpu", "emulator", "looking")
"""Values of a contender's answer that are sums since its start."""


class ContenderProcess:
    """A process of ``contenders.py`` with ``settings`` of a config, ready once constructed.

    ``other``: the folder with the PyBoy for a name that ends with OTHER.
    """

    def __init__(self, name: str, cores: int, settings: Mapping[str, Any], other: Path | None = None) -> None:
        self.name = name
        kind = name.removesuffix(OTHER)
        command = [
            sys.executable,
            "-m",
            "training.benchmarks.contenders",
            kind,
            str(cores),
            json.dumps(settings),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=program_environment(packages=other if name.endswith(OTHER) else None),
        )
        self._last = self._answer()
        self.series = SpeedSeries(ready=self._last["ready"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise ContenderFailed(f"contender {self.name} ended with exit status {status}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, seconds: float, keep: bool = True) -> None:
        """Run one turn of about ``seconds``. ``keep``: whether to store its sample."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        before, now = self._last, self._answer()
        self._last = now
        spent = {name: now.get(name, 0.0) - before.get(name, 0.0) for name in GROWING}
        if keep:
            self.series.samples.append(MemorySample(**{**now, **spent}))

    def close(self) -> None:
        """End the process, and kill it if it does not exit by itself."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def sizes(num_envs: int) -> dict[str, int]:
    """Settings of a config for ``num_envs`` environments."""
    batch_size = largest_divisor(N_STEPS * num_envs, BATCH_SIZE)
    return {"num_envs": num_envs, "n_steps": N_STEPS, "batch_size": batch_size}


def program_environment(packages: Path | None = None, **more: str) -> dict[str, str]:
    """Environment variables with which a program finds this repository's packages from any folder.

    Packages in the folder ``packages`` take precedence.
    """
    first = (str(packages.absolute()),) if packages else ()
    path = os.pathsep.join(filter(None, (*first, str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}


@dataclass(frozen=True, slots=True)
class Turns:
    """How contenders take turns: rounds, seconds of each turn, and ``say``, which prints progress."""

    rounds: int
    seconds: float
    say: Say


def interleaved(
    names: Sequence[str], cores: int, settings: Mapping[str, Any], turns: Turns, other: Path | None = None
) -> dict[str, SpeedSeries]:
    """Run the contenders in turns: one turn each to warm up, then rounds, each begun by the next contender.

    ``other``: see ContenderProcess. Raises ContenderFailed.
    """
    with ExitStack() as stack:
        contenders: list[ContenderProcess] = []
        for name in names:
            turns.say(f"  {name} with {settings['num_envs']} environments: starting")
            contenders.append(ContenderProcess(name, cores, settings, other))
            stack.callback(contenders[-1].close)
        for contender in contenders:
            contender.run(turns.seconds, keep=False)
        for number in range(turns.rounds):
            began = time.perf_counter()
            first = number % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                contender.run(turns.seconds)
            turns.say(f"  round {number + 1} of {turns.rounds}: {time.perf_counter() - began:.0f} s")
        return {contender.name: contender.series for contender in contenders}


def start_ups(name: str, cores: int, settings: Mapping[str, Any], times: int) -> list[float]:
    """Return the seconds until a contender was ready, each time in a new process."""
    seconds = []
    for _ in range(times):
        contender = ContenderProcess(name, cores, settings)
        seconds.append(contender.series.ready)
        contender.close()
    return seconds


def memory_over_steps(settings: Mapping[str, Any], steps: int) -> list[tuple[int, float]]:
    """Return (steps, MB) at every update of a real training run of SETTLING_STEPS + ``steps`` steps.

    The run is written to a temporary folder that is deleted afterwards. Raises ContenderFailed.
    """
    from training.event_logs.curves import read_curve

    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        config = Path(folder) / "growth.json"
        # Short episodes, so that what the first end of an episode allocates is not counted as growth.
        length = {"max_steps": 512, "total_steps": SETTLING_STEPS + steps}
        config.write_text(json.dumps({**settings, **length}), "utf-8")
        program = ROOT / "training" / "train_ppo.py"
        command = [sys.executable, str(program), "--config", str(config), "--run-name", "growth"]
        environment = program_environment(POKERED_RUNS=folder)
        done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False)
        if done.returncode:
            raise ContenderFailed(f"the training run ended with exit status {done.returncode}")
        curve = read_curve(Path(folder) / "growth", "perf/rss_mb")
        return [(int(step), float(value)) for step, value in zip(*curve, strict=True)]
