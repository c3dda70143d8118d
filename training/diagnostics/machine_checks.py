"""The doctor's checks of the machine: Python, packages, torch, CPU, GPU, memory, disk, display.

Uses only the standard library until a package is checked, so that it runs without packages.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envs.installation import INSTALLED, ROOT
from envs.workers.limits import LimitReached, missing_files, missing_tasks, share
from training.diagnostics.check_result import FAILURE, OK, WARNING, CheckResult
from training.diagnostics.report_facts import PROJECT, limit_facts, system_facts
from training.resources.chunk_sizes import samples_at_once
from training.resources.memory_estimate import (
    OBSERVATION_BYTES,
    SHARED_OBSERVATIONS,
    MemoryEstimate,
    available_memory,
)

OLDEST_PYTHON = (3, 11)
GIB = 1 << 30
LEAST_MEMORY = 1.5 * GIB  # bytes: torch and one game
USUAL_BATCH = 512  # samples: TrainConfig's default, which cannot be loaded without packages
LEAST_DISK = GIB // 4  # bytes: some checkpoints and curves
SMALL_DISK = 4 * GIB
IMPORTED_AS = {
    "stable-baselines3": "stable_baselines3",
    "pydantic-core": "pydantic_core",
    "pillow": "PIL",
    "protobuf": "google.protobuf",
    "pysdl2": "sdl2",
    "pyyaml": "yaml",
}


def install_line(name: str, wanted: str) -> str:
    """Return the command that installs a package, of which a wheel has no pinned version."""
    return f'pip install "{name}>={wanted}"' if INSTALLED else "pip install -r requirements.txt"


def check_python() -> Iterator[CheckResult]:
    """Check the version of Python."""
    here, facts = f"{platform.python_version()} on {platform.platform()}", _system()
    if sys.version_info < OLDEST_PYTHON:
        yield CheckResult(
            "python", FAILURE, here, "install Python 3.11 or later and make .venv with it", facts
        )
    else:
        yield CheckResult("python", OK, here, facts=facts)


def _system() -> dict[str, Any]:
    try:
        required = required_packages()
    except (ImportError, OSError):  # an old Python, or an installation without the repository
        required = {}
    return system_facts(required)


def required_packages() -> dict[str, str]:
    """Return the required packages: name -> minimum version and exclusions ("2.7" or "2.7,!=2.7.1").

    They are those of pyproject.toml, or of the wheel that was installed.
    """
    pairs = (re.fullmatch(r"([A-Za-z0-9_.-]+)([<>=!0-9.,]+)", entry) for entry in _requirements())
    return {pair[1]: _least_first(pair[2]) for pair in pairs if pair is not None}


def _requirements() -> list[str]:
    if INSTALLED:
        return importlib.metadata.requires(PROJECT) or []
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [str(entry) for entry in project["dependencies"]]


def _least_first(limits: str) -> str:
    """Return ">=2.7,!=2.7.1", whose parts a wheel has in any order, as "2.7,!=2.7.1"."""
    least, *never = sorted(limits.split(","), key=lambda limit: not limit.startswith(">="))
    return ",".join((least.removeprefix(">="), *never))


def _version(text: str) -> tuple[int, ...]:
    """Parse 2.13.0+cpu as (2, 13, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("+")[0])[:3])


def check_packages(required: Mapping[str, str] | None = None) -> Iterator[CheckResult]:
    """Check that every package except torch is installed, recent enough, and can be imported."""
    required = required if required is not None else required_packages()
    wrong = False
    for name, wanted in required.items():
        for finding in () if name == "torch" else _package(name, wanted):
            wrong = True
            yield finding
    if not wrong:
        yield CheckResult("packages", OK, f"{len(required)} packages are installed")


def _package(name: str, wanted: str) -> Iterator[CheckResult]:
    try:
        problem = version_problem(name, wanted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of libraries on import are irrelevant here
            if problem is None:
                importlib.import_module(IMPORTED_AS.get(name, name))
    except (ImportError, OSError) as error:
        problem = f"{name} cannot be imported ({' '.join(str(error).split())})"
    if problem is not None:
        yield CheckResult("packages", FAILURE, problem, install_line(name, wanted))


def version_problem(name: str, wanted: str) -> str | None:
    """Return what is wrong with the installed version of a package, or None. Imports nothing."""
    least, *never = wanted.split(",!=")
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"{name} is not installed"
    if _version(installed) < _version(least):
        return f"{name} {installed} is older than {least}"
    return f"{name} {installed} is an excluded release" if installed in never else None


def version_problems(required: Mapping[str, str] | None = None) -> list[str]:
    """Return what is wrong with the installed packages, a line each, by their versions alone."""
    required = required if required is not None else required_packages()
    found = ((version_problem(name, wanted), name, wanted) for name, wanted in required.items())
    return [
        f"{problem}; {install_line(name, wanted)}" for problem, name, wanted in found if problem is not None
    ]


def graphics_cards() -> list[str]:
    """Return NVIDIA cards with memory as named by the driver; empty without a card or driver."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    query = [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if answer.returncode:
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def check_torch(device: str) -> Iterator[CheckResult]:
    """Check that torch is installed, recent enough, and built for this machine and ``device``."""
    least = required_packages()["torch"]
    install = install_line("torch", least)
    try:
        installed = importlib.metadata.version("torch")
        torch = importlib.import_module("torch")
    except importlib.metadata.PackageNotFoundError:
        yield CheckResult("torch", FAILURE, "torch is not installed", install)
        return
    except (ImportError, OSError) as error:
        yield CheckResult("torch", FAILURE, f"cannot be imported ({' '.join(str(error).split())})", install)
        return
    version = str(getattr(torch, "__version__", installed))
    if _version(version) < _version(least):
        yield CheckResult("torch", FAILURE, f"wrong build: {version} is older than {least}", install)
        return
    cards = graphics_cards()
    yield from _torch_build(torch, version, cards, device)
    yield CheckResult("gpu", OK, "; ".join(cards) if cards else "none: training runs on the CPU")


def _torch_build(torch: object, version: str, cards: list[str], device: str) -> Iterator[CheckResult]:
    cuda = torch.version.cuda  # type: ignore[attr-defined]
    usable = bool(torch.cuda.is_available())  # type: ignore[attr-defined]
    wanted = device.startswith("cuda") or (device == "auto" and cards)
    instead = "or train on the CPU with --device cpu"
    if wanted and cuda is None:
        card = cards[0] if cards else "a CUDA device"
        advice = f"install torch's CUDA build of the same version (pytorch.org), {instead}"
        yield CheckResult("torch", FAILURE, f"wrong build: {version} cannot use {card}", advice)
    elif wanted and not usable:
        advice = f"update the driver, or install a build for an older CUDA, {instead}"
        text = f"wrong build: {version} for CUDA {cuda} finds no usable card"
        yield CheckResult("torch", FAILURE, text, advice)
    elif usable and device != "cpu" and (old := unsupported_card(torch)):
        advice = f"install another build (pytorch.org), {instead}"
        yield CheckResult("torch", FAILURE, f"wrong build: {version} has no code for {old}", advice)
    else:
        yield CheckResult("torch", OK, f"{version}, {'CUDA ' + str(cuda) if usable else 'CPU only'}")


def unsupported_card(torch: object) -> str:
    """Return the card that this build of torch does not support, or an empty text."""
    cuda = torch.cuda  # type: ignore[attr-defined]
    # "sm_86" is code for 8.6 and above within 8; "compute_90" is compiled for anything from 9.0 on.
    names = re.findall(r"(sm|compute)_(\d+)", str(cuda.get_arch_list()))
    built = [(kind, int(digits)) for kind, digits in names]
    for index in range(cuda.device_count()):
        major, minor = cuda.get_device_capability(index)
        here = 10 * major + minor
        if built and not any(b <= here and (kind == "compute" or b // 10 == major) for kind, b in built):
            return f"{cuda.get_device_name(index)} (capability {major}.{minor})"
    return ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_cpu() -> Iterator[CheckResult]:
    """Check the usable cores and the load on them."""
    cores = _cores()
    threads = os.environ.get("OMP_NUM_THREADS")
    text = f"{cores} cores" + (f", OMP_NUM_THREADS={threads}" if threads else "")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cores:
        advice = "other programs are busy: training will be slower"
        yield CheckResult("cpu", WARNING, f"{text}, load {load:.1f}", advice, limit_facts())
    else:
        yield CheckResult("cpu", OK, text, facts=limit_facts())


def check_memory(num_envs: int, n_steps: int) -> Iterator[CheckResult]:
    """Check that a run of ``num_envs`` games and ``n_steps`` steps per rollout fits into memory."""
    cores = _cores()
    run = MemoryEstimate(num_envs, n_steps, min(num_envs, cores), samples=samples_at_once(USUAL_BATCH, cores))
    free, needed = available_memory(), run.total
    text = f"{free / GIB:.1f} GiB free, {num_envs} games of {n_steps} steps need about {needed / GIB:.1f} GiB"
    fitting = run.most_envs(free)
    advice = f"use --num-envs {fitting} or fewer" if fitting else "close other programs"
    if free < max(needed, LEAST_MEMORY):
        yield CheckResult("memory", FAILURE, f"too little: {text}", advice)
    elif free < 1.5 * needed:
        yield CheckResult("memory", WARNING, f"just enough: {text}", advice)
    else:
        yield CheckResult("memory", OK, text)


def check_limits(num_envs: int) -> Iterator[CheckResult]:
    """Check that the system allows the processes, open files and shared memory of ``num_envs`` games."""
    workers = min(num_envs, _cores())
    for problem in (missing_tasks(workers), missing_files(workers)):
        if problem is not None:
            yield CheckResult("limits", FAILURE, problem, "see ulimit -a, or the settings of the container")
            return
    try:
        share(num_envs * SHARED_OBSERVATIONS * OBSERVATION_BYTES)
    except LimitReached as error:
        yield CheckResult("limits", FAILURE, str(error), "see df /dev/shm")
        return
    text = f"processes, open files and shared memory for {workers} workers"
    yield CheckResult("limits", OK, text)


def check_folder(name: str, folder: Path, variable: str) -> Iterator[CheckResult]:
    """Check that ``folder`` is writable and has space; ``variable`` is the setting that changes it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        room = shutil.disk_usage(folder).free
    except OSError as error:
        advice = f"set {variable} to a writable folder"
        yield CheckResult(name, FAILURE, f"{folder.absolute()}: not writable ({error.strerror})", advice)
        return
    text = f"{folder.absolute()} is writable, {room / GIB:.1f} GiB free"
    if room < LEAST_DISK:
        yield CheckResult(
            name, FAILURE, f"{text}: too little", f"free some space, or set {variable} to another disk"
        )
    elif room < SMALL_DISK:
        yield CheckResult(name, WARNING, text, "checkpoints, states and videos of long runs take some GiB")
    else:
        yield CheckResult(name, OK, text)


def check_display() -> Iterator[CheckResult]:
    """Check whether a window can be opened."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    found = next((f"{name}={os.environ[name]}" for name in names if os.environ.get(name)), None)
    if found or sys.platform in ("win32", "darwin"):
        yield CheckResult("display", OK, found or "the system's own")
    else:
        advice = "training does not need one; play.py, --use-graphics and evaluate.py --watch do"
        yield CheckResult("display", WARNING, "no display", advice)
