"""Is everything as it must be? ``python training/doctor.py --rom red.gb``: what a bug report starts with.

One line for each check: ok, warning or failure, and what to do. Under a minute. Exit status 1 when something
failed. Imports no package before it has looked whether it is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training.diagnostics.check_result import FAILURE, WARNING, CheckResult, attempt
from training.diagnostics.machine_checks import (
    LEAST_MEMORY,
    check_cpu,
    check_display,
    check_folder,
    check_memory,
    check_packages,
    check_python,
    check_torch,
)
from training.resources.memory_estimate import available_memory


class _Parser(argparse.ArgumentParser):
    """Wrong input is one line and status 2, as everywhere."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="doctor.py", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rom", type=Path, help="cartridge; else POKEMON_RED_ROM, or the embedded one")
    parser.add_argument("--game", choices=("red", "blue", "clover"), help="which game an unknown ROM is")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--num-envs", type=int, default=16, help="games of the run (default: %(default)s)")
    parser.add_argument("--n-steps", type=int, default=512, help="steps to a rollout (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines")
    flags = parser.parse_args(arguments)
    for name in ("num_envs", "n_steps"):
        if getattr(flags, name) < 1:
            parser.error(f"--{name.replace('_', '-')} {getattr(flags, name)} must be at least 1")
    return flags


def machine(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """Findings about the machine; those that import packages come last, and only where there is room."""
    yield from attempt("python", check_python)
    yield from attempt("cpu", check_cpu)
    yield from attempt("display", check_display)
    memory = list(attempt("memory", partial(check_memory, flags.num_envs, flags.n_steps)))
    yield from memory
    yield from attempt("runs", _check_runs)
    if memory[-1].level == FAILURE and available_memory() < LEAST_MEMORY:
        yield CheckResult("packages", FAILURE, "not looked at: too little memory to import torch")
        return
    yield from attempt("packages", check_packages)
    yield from attempt("torch", partial(check_torch, flags.device))


def _check_runs() -> Iterator[CheckResult]:
    import os

    # As training/runs/folder.py has it, which needs packages to be imported.
    yield from check_folder("runs", Path(os.environ.get("POKERED_RUNS") or "runs"), "POKERED_RUNS")


def game(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """Findings about the ROM and the game on it, each only where the one before left something to look at."""
    from envs.game_boy.emulator import Emulator
    from envs.start_states.cache import CACHE_VARIABLE, cache_folder
    from training.diagnostics import game_checks as look

    cache = list(attempt("cache", partial(check_folder, "cache", cache_folder(), CACHE_VARIABLE)))
    yield from cache
    found, finding = look.find_game(flags.rom, flags.game)
    yield finding
    if found is None:
        yield CheckResult("game", WARNING, "not looked at: there is no ROM to play")
        return
    with Emulator(found.rom) as emulator:
        boot = list(attempt("boot", partial(look.check_boot, found, emulator)))
        yield from boot
        if any(finding.level == FAILURE for finding in boot):
            yield CheckResult("game", WARNING, "not looked at: the boot did not get there")
            return
        yield from attempt("state", partial(look.check_state, emulator))
        yield from attempt("walk", partial(look.check_walk, emulator))
        yield from attempt("speed", partial(look.check_speed, found, emulator))
    if cache[-1].level == FAILURE:
        yield CheckResult("update", WARNING, "not tried: the cache cannot be written")
        return
    yield from attempt("update", partial(look.check_update, flags.device, found, found.rom))


def findings(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """All findings, in order, as they come."""
    broken = False
    for finding in machine(flags):
        broken |= finding.level == FAILURE and finding.check in ("python", "packages", "torch")
        yield finding
    if broken:
        yield CheckResult("game", WARNING, "not looked at: first put right what failed above")
        return
    yield from attempt("game", partial(game, flags))


def main(arguments: Sequence[str]) -> int:
    """Look at everything and tell. Returns 1 when something failed, else 0."""
    flags = _arguments(arguments)
    found: list[CheckResult] = []
    for finding in findings(flags):
        found.append(finding)
        if not flags.json:
            print(finding.line(), flush=True)
    if flags.json:
        print(json.dumps([finding.as_json() for finding in found], indent=1))
    return int(any(finding.level == FAILURE for finding in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
