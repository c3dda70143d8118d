"""Benchmark of speed and memory: ``python training/benchmark.py --json figures.json --plot figures.png``.

It compares bare emulators, this project's environments and stable-baselines3's, and rollouts and training
with each, all in one run and in turns. The exit status is 0 whether or not the targets are reached.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training.cli.parsing import File, Switch, UsageError, parse, run_program
from training.environments.task import resolve_task

if TYPE_CHECKING:
    from training.benchmarks.results import BenchmarkResults

ENVIRONMENTS = ("bare", "emulators", "subproc", "dummy", "halves")
LEARNING = ("bare", "rollouts", "training", "stock-subproc", "stock-dummy")
SCALING = ("bare", "emulators", "rollouts")
PICTURES = (".png", ".svg", ".pdf")
START_UPS = 3


@dataclass(frozen=True)
class BenchmarkFlags:
    """Measure speed, memory and start-up time against bare emulators and stable-baselines3.

    Takes about twenty minutes on two cores. Run no other programs meanwhile.
    """

    rounds: int = 5
    """Turns of every contender; figures are medians over them."""
    seconds: float = 3.0
    """Length of a turn (turns with updates end with a whole update)."""
    envs: int = 16
    """Environments without a network."""
    learning_envs: int = 32
    """Environments with a network, and in training."""
    scaling: tuple[int, ...] = (2, 4, 8, 16, 32)
    """Numbers of environments to compare."""
    growth_steps: int = 300_000
    """Steps of a training run whose memory is measured (0: none)."""
    without_stock: Switch = False
    """Leave out training with stable-baselines3 alone (its 32 processes take 8 GB)."""
    other_pyboy: File = None
    """Folder with another PyBoy (`pip install --no-deps --target FOLDER pyboy==VERSION`), whose bare
    emulators and training are measured as well."""
    rom: File = None
    """Cartridge to play (default: POKEMON_RED_ROM, or the embedded cartridge)."""
    json: File = None
    """Write all samples and figures to this file."""
    plot: File = None
    """Plot the figures to this file (.png, .svg or .pdf)."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write. Returns 1 if a contender failed. Raises UserError for wrong input."""
    flags = parse(BenchmarkFlags, arguments, "benchmark.py")
    _check(flags)
    from training.benchmarks.results import as_json, table
    from training.benchmarks.runner import ContenderFailed

    print(_machine_line(), flush=True)
    try:
        measured = measure(flags)
    except ContenderFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(measured))
    if flags.json is not None:
        machine = {**_machine(), "other pyboy": _other_version(flags.other_pyboy)}
        flags.json.write_text(json.dumps({"machine": machine, **as_json(measured)}, indent=1), "utf-8")
    if flags.plot is not None:
        from training.benchmarks.plot import draw

        draw(measured, flags.plot)
    return 0


def _check(flags: BenchmarkFlags) -> None:
    """Refuse wrong flags before anything starts, and make the start state that all contenders share."""
    for name in ("rounds", "envs", "learning_envs"):
        if getattr(flags, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(flags, name)} must be at least 1")
    if not 0 < flags.seconds <= 3600:
        raise UsageError(f"--seconds {flags.seconds:g} must be above 0 and at most 3600")
    if any(number < 1 for number in flags.scaling):
        raise UsageError(f"--scaling {min(flags.scaling)}: numbers of environments must be at least 1")
    if flags.growth_steps < 0:
        raise UsageError(f"--growth-steps {flags.growth_steps} must be at least 0")
    for flag, path in (("--json", flags.json), ("--plot", flags.plot)):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{flag} {path}: there is no folder {path.absolute().parent}")
    if flags.other_pyboy is not None and not (flags.other_pyboy / "pyboy").is_dir():
        raise UsageError(
            f"--other-pyboy {flags.other_pyboy}: there is no folder {flags.other_pyboy / 'pyboy'}"
        )
    if flags.plot is not None and flags.plot.suffix not in PICTURES:
        raise UsageError(f"--plot {flags.plot}: must end in one of {', '.join(PICTURES)}")
    from training.config.loading import load_config

    resolve_task(load_config(None, _common(flags)))


def _common(flags: BenchmarkFlags) -> dict[str, Any]:
    """Config settings that all contenders share."""
    return {"device": "cpu", **({"rom": str(flags.rom)} if flags.rom is not None else {})}


def measure(flags: BenchmarkFlags) -> BenchmarkResults:
    """Measure everything that the flags ask for. Raises ContenderFailed."""
    from envs.workers.cpu_affinity import available_cores
    from training.benchmarks.results import BenchmarkResults
    from training.benchmarks.runner import (
        OTHER,
        ContenderFailed,
        Turns,
        interleaved,
        memory_over_steps,
        sizes,
        start_ups,
    )

    cores, common = available_cores(), _common(flags)
    few, many = sizes(flags.envs) | common, sizes(flags.learning_envs) | common
    learning: tuple[str, ...] = LEARNING[:3] if flags.without_stock else LEARNING
    if flags.other_pyboy is not None:
        learning += (f"bare{OTHER}", f"training{OTHER}")
    turns = Turns(flags.rounds, flags.seconds, _say)
    measured = BenchmarkResults(
        envs=flags.envs,
        learning_envs=flags.learning_envs,
        cores=cores,
        start_ups=start_ups("emulators", cores, few, min(START_UPS, flags.rounds)),
        environments=interleaved(ENVIRONMENTS, cores, few, turns),
        learning=interleaved(learning, cores, many, turns, flags.other_pyboy),
    )
    shorter = Turns(flags.rounds, flags.seconds / 2, _say)
    for number in flags.scaling:
        found = interleaved(SCALING, cores, sizes(number) | common, shorter)
        measured.scaling[number] = found
    if flags.growth_steps:
        _say(f"  memory of a training run over {flags.growth_steps:,} steps")
        try:
            measured.memory = memory_over_steps(many, flags.growth_steps)
        except ContenderFailed as error:  # still print what was measured before
            _say(f"  {error}")
    return measured


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _machine() -> dict[str, Any]:
    import importlib.metadata

    from envs.workers.cpu_affinity import available_cores

    names = ("pyboy", "torch", "stable-baselines3", "numpy")
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": available_cores(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _other_version(folder: Path | None) -> str | None:
    """Version of the PyBoy in ``folder``; None without a folder or if pip did not install it there."""
    if folder is None:
        return None
    import importlib.metadata

    found = importlib.metadata.distributions(name="pyboy", path=[str(folder)])
    return next((one.version for one in found), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown")


def _machine_line() -> str:
    machine = _machine()
    text = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"
    load = machine["load"]
    busy = load is not None and load > 0.25 * machine["cores"]
    return text + (f"; the machine is busy (load {load:.1f}), so figures will differ" if busy else "")


if __name__ == "__main__":
    run_program(main)
