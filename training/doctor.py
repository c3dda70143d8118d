"""Check the installation: ``python training/doctor.py --rom red.gb``. Include its output in bug reports.

Prints one line per check: ok, warning or failure, and what to do. Takes under a minute. Exit status 1 when a
check failed. Imports packages only after checking that they are installed.
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

from envs.installation import program
from envs.paths import expanded
from training.cli.output import exit_with
from training.diagnostics.check_result import FAILURE, WARNING, CheckResult, attempt
from training.diagnostics.machine_checks import (
    LEAST_MEMORY,
    check_cpu,
    check_display,
    check_folder,
    check_limits,
    check_memory,
    check_packages,
    check_python,
    check_torch,
)
from training.diagnostics.name_clashes import check_names
from training.resources.memory_estimate import available_memory


class _Parser(argparse.ArgumentParser):
    """Parser that reports wrong input in one line with status 2, as all programs here do."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog=program("doctor.py"), description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rom", type=Path, help="cartridge (default: POKEMON_RED_ROM, or the embedded one)")
    parser.add_argument("--game", choices=("red", "blue", "clover"), help="game of an unknown ROM")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument(
        "--num-envs", type=int, default=16, help="environments of the run (default: %(default)s)"
    )
    parser.add_argument("--n-steps", type=int, default=512, help="steps per rollout (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of lines")
    flags = parser.parse_args(arguments)
    for name in ("num_envs", "n_steps"):
        if getattr(flags, name) < 1:
            parser.error(f"--{name.replace('_', '-')} {getattr(flags, name)} must be at least 1")
    return flags


def machine(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """Yield results for the machine; checks that import packages come last, and need enough memory."""
    yield from attempt("python", check_python)
    yield from attempt("cpu", check_cpu)
    yield from attempt("display", check_display)
    memory = list(attempt("memory", partial(check_memory, flags.num_envs, flags.n_steps)))
    yield from memory
    yield from attempt("limits", partial(check_limits, flags.num_envs))
    yield from attempt("runs", _check_runs)
    if memory[-1].level == FAILURE and available_memory() < LEAST_MEMORY:
        yield CheckResult("packages", FAILURE, "not checked: too little memory to import torch")
        return
    yield from attempt("packages", check_packages)
    yield from attempt("names", check_names)
    yield from attempt("torch", partial(check_torch, flags.device))


def _check_runs() -> Iterator[CheckResult]:
    import os

    # As in training/runs/folder.py, which cannot be imported without packages.
    folder = expanded(os.environ.get("POKERED_RUNS") or "runs", "POKERED_RUNS")
    yield from check_folder("runs", folder, "POKERED_RUNS")


def game(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """Yield results for the ROM and the game; a check is skipped if an earlier one it depends on failed."""
    from envs.game_boy.emulator import Emulator
    from envs.start_states.cache import CACHE_VARIABLE, cache_folder
    from training.diagnostics import game_checks as checks

    cache = list(attempt("cache", partial(check_folder, "cache", cache_folder(), CACHE_VARIABLE)))
    yield from cache
    found, finding = checks.find_game(flags.rom, flags.game)
    yield finding
    if found is None:
        yield CheckResult("game", WARNING, "not checked: there is no ROM to play")
        return
    with Emulator(found.rom) as emulator:
        boot = list(attempt("boot", partial(checks.check_boot, found, emulator)))
        yield from boot
        if any(finding.level == FAILURE for finding in boot):
            yield CheckResult("game", WARNING, "not checked: the boot failed")
            return
        yield from attempt("state", partial(checks.check_state, emulator))
        yield from attempt("walk", partial(checks.check_walk, emulator))
        yield from attempt("speed", partial(checks.check_speed, found, emulator))
    if cache[-1].level == FAILURE:
        yield CheckResult("update", WARNING, "not checked: the cache cannot be written")
        return
    yield from attempt("update", partial(checks.check_update, flags.device, found, found.rom))


def findings(flags: argparse.Namespace) -> Iterator[CheckResult]:
    """Yield all results as they come."""
    broken = False
    for finding in machine(flags):
        broken |= finding.level == FAILURE and finding.check in ("python", "packages", "torch")
        yield finding
    if broken:
        yield CheckResult("game", WARNING, "not checked: first fix the failures above")
        return
    yield from attempt("game", partial(game, flags))


def main(arguments: Sequence[str]) -> int:
    """Run all checks and print the results. Returns 1 when a check failed, else 0."""
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
    exit_with(partial(main, sys.argv[1:]))
