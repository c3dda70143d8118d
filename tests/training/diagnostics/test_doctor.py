"""The doctor finds and names problems; each failure is real."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from envs.game import boot
from envs.game.catalog import EMBEDDED_ROM
from envs.game.plausibility import CHECKS
from envs.game_boy.emulator import Emulator
from envs.ram import GameState
from envs.start_states.cache import CACHE_VARIABLE
from tests.envs.game.test_catalog import unknown_cartridge
from tests.envs.workers.limited import run, with_processes, with_read_only_shared_memory
from tests.paths import ROOT
from training import doctor
from training.diagnostics import game_checks as doctor_game
from training.diagnostics.check_result import FAILURE, OK, CheckResult, attempt
from training.diagnostics.machine_checks import (
    LEAST_MEMORY,
    check_folder,
    check_memory,
    check_packages,
    check_torch,
    required_packages,
    unsupported_card,
)
from training.resources.memory_estimate import available_memory

Diagnosis = dict[str, dict[str, Any]]
Diagnose = Callable[..., Diagnosis]
MACHINE = ["python", "cpu", "display", "memory", "limits", "runs", "packages", "names", "torch", "gpu"]
GAME = ["cache", "rom", "boot", "state", "walk", "speed", "update"]


@pytest.fixture
def diagnose(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diagnose:
    """Return diagnose(*flags, failed=): the doctor's results by check, from its JSON; status 1 if failed."""
    monkeypatch.setenv("POKERED_RUNS", str(runs))
    monkeypatch.setattr(doctor_game, "MEASURED_SECONDS", 0.3)

    def run(*flags: object, failed: bool = True) -> Diagnosis:
        assert doctor.main([*map(str, flags), "--json"]) == int(failed)
        return {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}

    return run


def levels(found: Diagnosis, level: str) -> list[str]:
    return [name for name, finding in found.items() if finding["level"] == level]


def test_all_checks_pass_with_an_unknown_cartridge(diagnose: Diagnose, unknown_rom: Path) -> None:
    found = diagnose("--rom", unknown_rom, "--game", "red", "--device", "cpu", "--num-envs", 2, failed=False)
    assert list(found) == MACHINE + GAME
    assert "treated as red" in found["rom"]["advice"]
    control = re.fullmatch(
        r"control in the bedroom \(\d, \d\) at frame (\d+), after [\d.]+ s", found["boot"]["message"]
    )
    assert control
    assert 1000 < int(control[1]) < 1500
    assert f"{len(CHECKS)} fields plausible" in found["state"]["message"]
    assert "coordinates agree" in found["walk"]["message"]
    assert "actions/s" in found["speed"]["message"]
    assert "one PPO update" in found["update"]["message"]
    data = unknown_rom.read_bytes()
    facts = {name: finding["facts"] for name, finding in found.items()}
    packages = facts["python"].pop("packages")
    assert packages["torch"] == importlib.metadata.version("torch")
    assert set(packages) == set(required_packages())
    assert all(isinstance(facts["python"][name], str) for name in ("python", "os", "machine", "project"))
    assert len(facts["cpu"]["NOFILE"]) == 2
    assert facts["rom"]["game_known_by"] == "--game"
    assert facts["rom"]["sha1"] == hashlib.sha1(data, usedforsecurity=False).hexdigest()
    assert (facts["rom"]["bytes"], facts["rom"]["rom_size"]) == (len(data), data[0x148])
    assert facts["boot"]["frame"] == int(control[1])
    assert (facts["state"]["map_id"], facts["state"]["party"]) == (38, [])
    assert facts["state"].keys() == set(GameState._fields)
    assert bytes.fromhex(facts["state"]["event_bytes"])[:1] == b"\0"


def test_each_check_has_a_line_with_advice(
    diagnose: Diagnose, unknown_rom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--rom", str(unknown_rom)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.split()[0] in ("ok", "warning", "failure") for line in lines)
    (rom,) = (line for line in lines if line.startswith("failure  rom"))
    assert "is not a known game" in rom
    assert "-> give the ROM with --rom" in rom


def test_a_failed_boot_saves_a_strip_of_the_last_pictures(
    diagnose: Diagnose, unknown_rom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(boot, "MAX_FRAMES", 300)
    found = diagnose("--rom", unknown_rom, "--game", "red")
    assert levels(found, FAILURE) == ["boot"]
    strip = tmp_path / "cache" / "doctor-strip.png"
    assert f"are {strip}" in found["boot"]["message"]
    assert str(strip.with_name("doctor.png")) in found["boot"]["message"]
    with Image.open(strip) as picture:
        assert picture.size == (160 * boot.STRIP_PICTURES, 144)
    assert "not checked" in found["game"]["message"]


def test_a_wrong_rom_is_found(diagnose: Diagnose, tmp_path: Path) -> None:
    found = diagnose("--rom", unknown_cartridge(tmp_path / "yellow.gb", b"POKEMON YELLOW"))
    assert levels(found, FAILURE) == ["rom"]
    assert "Pokémon Yellow" in found["rom"]["message"]
    assert found["rom"]["facts"]["title"] == "POKEMON YELLOW"
    assert "not checked" in found["game"]["message"]


def test_a_truncated_rom_is_found(diagnose: Diagnose, tmp_path: Path) -> None:
    path = tmp_path / "short.gb"
    path.write_bytes(EMBEDDED_ROM.read_bytes()[:-0x4000])
    found = diagnose("--rom", path)
    assert levels(found, FAILURE) == ["rom"]
    assert "the file is incomplete" in found["rom"]["message"]


def test_unwritable_folders_are_found(
    diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unknown_rom: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("POKERED_RUNS", str(blocked / "runs"))
    monkeypatch.setenv(CACHE_VARIABLE, str(blocked / "cache"))
    found = diagnose("--rom", unknown_rom, "--game", "red")
    assert levels(found, FAILURE) == ["runs", "cache"]
    assert "not writable" in found["runs"]["message"]
    assert CACHE_VARIABLE in found["cache"]["advice"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (finding,) = check_folder("runs", tmp_path, "POKERED_RUNS")
    assert (finding.level, "Permission denied" in finding.message) == (FAILURE, True)


def test_a_game_that_is_not_what_the_user_says_is_found(emulator: Emulator) -> None:
    emulator.tick(30)  # the title screen, without a player
    (walk,) = doctor_game.check_walk(emulator)
    for offset, value in enumerate(np.random.default_rng(0).integers(0, 256, 0x1000).tolist()):
        emulator.write(0xD000 + offset, value, "another layout")
    (state,) = doctor_game.check_state(emulator)
    assert (walk.level, state.level) == (FAILURE, FAILURE)
    assert f"of {len(CHECKS)} fields not plausible: " in state.message
    assert "badges = " in state.message


def as_process(*flags: str, limit: int | None = None, **variables: str) -> list[CheckResult]:
    """Run the doctor in a process with ``limit`` bytes of address space; return its results."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        [sys.executable, str(ROOT / "training" / "doctor.py"), "--json", *flags],
        env={**os.environ, **variables}, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=limited,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return [CheckResult(**finding) for finding in json.loads(done.stdout)]


def test_a_missing_package_and_an_old_torch_are_found(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text('__version__ = "1.13.1+cu117"\n')
    (tmp_path / "torch-1.13.1.dist-info").mkdir()
    (tmp_path / "torch-1.13.1.dist-info" / "METADATA").write_text("Name: torch\nVersion: 1.13.1\n")
    (tmp_path / "tyro.py").write_text('raise ImportError("No module named tyro")\n')
    found = [finding for finding in as_process(PYTHONPATH=str(tmp_path)) if finding.level == FAILURE]
    advice = {finding.message: finding.advice for finding in found}
    assert "pip install" in advice["tyro cannot be imported (No module named tyro)"]
    assert "pip install" in advice["wrong build: 1.13.1+cu117 is older than 2.13"]


def test_missing_and_outdated_packages_are_found() -> None:
    found = list(check_packages({"no-such-package-at-all": "1.0", "numpy": "99.0", "psutil": "1.0"}))
    assert [finding.level for finding in found] == [FAILURE, FAILURE]
    assert found[0].message == "no-such-package-at-all is not installed"
    assert found[1].message.endswith("is older than 99.0")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = required_packages()
    assert [entry.split(">=")[0] for entry in project["dependencies"]] == list(required), "none is left out"
    assert required["pyboy"] == "2.7,!=2.7.1,!=2.8.0"


def test_an_excluded_release_is_found() -> None:
    installed = importlib.metadata.version("numpy")
    (found,) = check_packages({"numpy": f"1.0,!=1.1,!={installed}"})
    assert (found.level, found.message) == (FAILURE, f"numpy {installed} is an excluded release")
    assert [finding.level for finding in check_packages({"numpy": "1.0,!=1.1"})] == [OK]


def test_a_torch_that_cannot_use_the_card_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this torch can use its card")
    command = tmp_path / "nvidia-smi"
    command.write_text('#!/bin/sh\necho "NVIDIA Test, 8192 MiB, 570.10"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    build, card = check_torch("auto")
    assert (build.level, build.message.split(":")[0]) == (FAILURE, "wrong build")
    assert "--device cpu" in build.advice
    assert (card.level, card.message) == (OK, "NVIDIA Test, 8192 MiB, 570.10")
    assert next(check_torch("cpu")).level == OK


@pytest.mark.parametrize(
    ("built", "card", "fits"),
    [
        (["sm_80", "sm_90a"], (9, 0), True),
        (["sm_80"], (8, 9), True),
        (["sm_80"], (9, 0), False),
        (["sm_80", "compute_80"], (12, 0), True),
        (["sm_75", "sm_120"], (7, 0), False),
        (["sm_120"], (12, 0), True),
    ],
)
def test_a_build_that_does_not_support_the_card_is_found(
    built: list[str], card: tuple[int, int], fits: bool
) -> None:
    cuda = SimpleNamespace(
        get_arch_list=lambda: built, device_count=lambda: 1,
        get_device_capability=lambda _: card, get_device_name=lambda _: "Card",
    )  # fmt: skip
    assert (unsupported_card(SimpleNamespace(cuda=cuda)) == "") is fits


def test_too_little_memory_for_the_run_is_found() -> None:
    (finding,) = check_memory(100_000, 2048)
    assert finding.level == FAILURE
    assert finding.message.startswith("too little: ")
    assert finding.advice.startswith("use --num-envs ")


def test_too_little_memory_for_the_process_is_found() -> None:
    found = {finding.check: finding for finding in as_process(limit=1 << 30)}
    assert found["memory"].message.startswith("too little: 1.0 GiB free")
    assert "too little memory" in found["packages"].message
    assert "boot" not in found
    assert available_memory() > LEAST_MEMORY


LIMITS = """
from training.diagnostics.machine_checks import check_limits
for finding in check_limits(64):
    print(finding.line())
"""


def test_limits_that_workers_run_into_are_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert run([], LIMITS, tmp_path).stdout.startswith("ok       limits    processes, open files and shared")
    few = run(["prlimit", "--nofile=40"], LIMITS, tmp_path).stdout
    assert few.startswith("failure  limits    open files: ")
    assert "the limit is 40 (ulimit -n)" in few
    few = run(with_processes(8), LIMITS, tmp_path).stdout
    assert few.startswith("failure  limits    processes: ")
    assert "ulimit -u " in few


def test_shared_memory_that_is_read_only_is_found(tmp_path: Path) -> None:
    said = run(with_read_only_shared_memory(), LIMITS, tmp_path).stdout
    assert said.startswith("failure  limits    shared memory: ")
    assert "/dev/shm: Read-only file system" in said


def test_an_exception_in_a_check_is_a_failure_in_one_line() -> None:
    def broken() -> list[CheckResult]:
        raise RuntimeError("two\nlines")

    (finding,) = attempt("speed", broken)  # type: ignore[arg-type]
    assert finding.line() == "failure  speed     RuntimeError: two lines"


@pytest.mark.parametrize(
    ("flags", "line"), [(["--num-envs", "0"], "must be at least 1"), (["--gama"], "unrecognized arguments")]
)
def test_wrong_flags_are_one_line(flags: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        doctor.main(flags)
    error = capsys.readouterr().err
    assert leaving.value.code == 2
    assert error.startswith("error: ")
    assert line in error
    assert error.count("\n") == 1
