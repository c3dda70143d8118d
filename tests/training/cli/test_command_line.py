"""The command line in real processes: exit statuses, and one line for each mistake."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.errors import UserError
from tests.paths import ROOT
from tests.training.conftest import Program
from training.cli.parsing import parse
from training.history import HistoryFlags

DESIGNED = """--config --run-name --num-envs --total-multiplier --preset --total-steps --n-steps --batch-size
--n-epochs --gamma --gae-lambda --ent-coef --learning-rate --clip-range --vf-coef --max-grad-norm --rom
--start --resume --device --seed --torch-deterministic --save-interval --eval-every-steps --stop-after
--init-from --accept-changes --workers --use-graphics"""


def test_help_is_quick_and_names_every_flag(program: Program) -> None:
    started = time.monotonic()
    result = program("train_ppo", "--help", fresh=True)
    seconds = time.monotonic() - started
    assert result.returncode == 0
    assert [flag for flag in DESIGNED.split() if flag not in result.stdout] == []
    assert "(default: 0.997)" in result.stdout
    assert seconds < 5, "importing torch for --help takes longer"


@pytest.mark.slow
def test_every_program_starts_as_a_file_from_any_folder(program: Program, tmp_path: Path) -> None:
    programs = [
        path.stem for path in (ROOT / "training").glob("*.py") if "run_program(main" in path.read_text()
    ]
    assert {"train_ppo", "evaluate", "replay", "diagnose", "export_sb3"} < set(programs)
    for name in sorted(set(programs) - {"contenders"}):  # the benchmark reports that one
        result = program(name, "--help", cwd=tmp_path, fresh=True)
        assert (result.returncode, result.stderr) == (0, ""), name
        assert f"usage: {name}.py" in result.stdout


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--gama", "1"], "--gama is not a flag of train_ppo.py; did you mean --gamma?"),
        (["--gamma", "high"], "--gamma high must be a number"),
        (["--num-envs", "2.5"], "--num-envs 2.5 must be a whole number"),
        (["--gamma"], "--gamma needs a value; see --help"),
        (["--preset", "huge"], "--preset huge must be one of large, medium, small"),
        (["--gamma", "1.5"], "--gamma 1.5 is out of range: must be at most 1"),
        (["--config", "configs/smok.json"], "no such file; did you mean configs/smoke.json?"),
        (["--batch-size", "500"], "batch_size 500 does not divide n_steps x num_envs = 512 x 16 = 8192"),
        (["--run-name", "../x"], "run name '../x' must be letters, digits"),
        (["--resume", "nothing"], "run nothing does not exist"),
        (["--resume", "a", "--run-name", "b"], "--resume and --run-name cannot be given together"),
        (["--accept-changes"], "--accept-changes needs --resume NAME"),
        (["--stop-after", "0"], "--stop-after 0 is out of range: must be at least 1"),
    ],
)
def test_mistakes_give_one_line_and_status_2(
    refused: Callable[..., str], flags: list[str], line: str
) -> None:
    assert line in refused("train_ppo", *flags)


def test_mistakes_found_later_leave_no_run_folder(
    refused: Callable[..., str], tiny: Path, tmp_path: Path
) -> None:
    bad_rom = tmp_path / "bad.gb"
    bad_rom.write_bytes(b"not a cartridge")
    new_run = ("train_ppo", "--config", tiny, "--run-name", "later")
    assert str(bad_rom) in refused(*new_run, "--rom", bad_rom)
    assert "no CUDA device" in refused(*new_run, "--device", "cuda") or _has_cuda()
    assert 'start "bedrom"' in refused(*new_run, "--start", "bedrom")
    assert "run nobody does not exist" in refused(*new_run, "--init-from", "nobody")


def _has_cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


@pytest.mark.parametrize(
    ("name", "flags", "line"),
    [
        ("evaluate", [], "RUN must be given"),
        ("evaluate", ["nothing"], "run nothing does not exist"),
        ("evaluate", ["nothing", "--episodes", "0"], "--episodes 0 is out of range: must be at least 1"),
        ("replay", ["nothing"], "run nothing does not exist"),
        ("replay", ["nothing", "--out", "x.png"], "--out x.png must end in .mp4 or .gif"),
        ("replay", ["nothing", "--out", "nowhere/x.gif"], "--out nowhere/x.gif: there is no folder nowhere"),
        ("replay", ["nothing", "--speed", "0"], "--speed 0.0 is out of range"),
        ("replay", ["nothing", "--all"], "--all goes with --verify-only"),
        ("replay", ["nothing", "--best", "--list"], "--best and --list cannot be given together"),
        ("replay", ["nothing", "--greedy"], "--greedy goes with --play"),
        ("replay", ["README.md", "--best"], "--best goes with a run, and README.md is a file"),
        ("replay", ["README.md"], "episode README.md: not a recorded episode"),
    ],
)
def test_other_programs_refuse_the_same_way(
    refused: Callable[..., str], name: str, flags: list[str], line: str
) -> None:
    assert re.search(re.escape(line), refused(name, *flags), re.IGNORECASE)


def test_home_is_expanded_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse(HistoryFlags, ["--db=~/h.sqlite"], "history.py").db == tmp_path / "h.sqlite"
    assert parse(HistoryFlags, ["--db", "h.sqlite"], "history.py").db == Path("h.sqlite")
    with pytest.raises(UserError, match="--db ~nosuchuser/h: nobody's home folder; write the path out"):
        parse(HistoryFlags, ["--db", "~nosuchuser/h"], "history.py")


def test_a_name_that_is_not_utf_8_gets_one_line(refused: Callable[..., str]) -> None:
    for flag in ("--config", "--rom", "--start", "--init-from"):
        line = refused("train_ppo", flag, os.fsdecode(b"caf\xe9.gb"))
        assert line == r"caf\xe9.gb is not valid UTF-8; rename the file"


@pytest.mark.slow
def test_a_path_that_the_terminal_cannot_show_does_not_end_a_program(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = program("history", "--rebuild", "--db", tmp_path / "grün.sqlite", fresh=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert rf"{tmp_path}/gr\xfcn.sqlite: " in done.stdout
