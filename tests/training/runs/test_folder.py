"""Folders of runs: what happens where none can be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.paths import CONFIGS
from training import board, curriculum, run_sweep
from training.runs.folder import RUNS_VARIABLE, RunError, run_name


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (run_sweep.main, (CONFIGS / "sweeps" / "ppo_agent_sweep_lr_high.json",)),
        (run_sweep.main, ("--search", CONFIGS / "sweeps" / "space.json")),
        (curriculum.main, (CONFIGS / "curriculum.json", "--name", "course")),
        (board.main, (CONFIGS / "board.json",)),
    ],
    ids=["sweep", "search", "curriculum", "board"],
)
def test_a_program_that_can_make_no_folder_says_so_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[[Sequence[str]], int],
    arguments: tuple[object, ...],
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv(RUNS_VARIABLE, str(file / "runs"))
    with pytest.raises(RunError, match=rf"^{file}/runs/\S+: cannot be made: Not a directory$"):
        main([str(argument) for argument in arguments])


def test_a_run_is_named_by_its_name_or_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "first").mkdir(parents=True)
    for given in ("first", "first/", "runs/first", "runs/first/", "./runs/first", f"{tmp_path}/runs/first/"):
        assert run_name(given) == "first"
    with pytest.raises(RunError, match=rf"^run old/first is not in runs/; POKERED_RUNS={tmp_path}/old looks"):
        run_name("old/first")
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "old"))
    assert run_name("old/first/") == "first"


@pytest.mark.parametrize("given", ["", ".", ".."])
def test_what_is_no_name_is_left_for_the_check_of_names(given: str) -> None:
    assert run_name(given) == given
