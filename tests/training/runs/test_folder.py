"""Folders of runs: what happens where none can be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.paths import CONFIGS
from training import board, curriculum, run_sweep
from training.runs.folder import RUNS_VARIABLE, RunError


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
