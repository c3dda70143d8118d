"""Boards as a program: run, killed in the middle, continued; evaluations are not played twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import TINY, Result
from tests.training.forked import Forker, wait_for
from training.boards.board_file import read_board
from training.boards.entries import resolve_tracks, trial_of
from training.boards.evaluations import Evaluations
from training.boards.kept_runs import KeptRuns
from training.evaluation.episode_statistics import as_columns

pytestmark = pytest.mark.slow
KEPT = ("max_steps", "num_envs", "workers", "n_steps", "batch_size", "device")
SMALL: dict[str, Any] = {
    "budget": TINY["total_steps"],
    "seeds": [1, 2],
    "episodes": 2,
    "points": 2,
    "point_episodes": 2,
    "page": "page.md",
    "tracks": {"sparse": {**{key: TINY[key] for key in KEPT}, "start": "starter", "layers": {"dense": 0.0}}},
    "methods": {"ppo": {}, "near": {"start": "route1", "learning_rate": 0.01}},
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    return path


SECONDS = 900
"""Until a board counts as stuck: it starts a dozen programs, one after the other."""


def run_board(forker: Forker, *flags: Any) -> Result:
    child = forker.start(*flags, program="board")
    status = child.wait(SECONDS)
    return subprocess.CompletedProcess(flags, status, child.shown, child.errors)


def test_a_killed_board_goes_on(small: Path, runs: Path, forker: Forker) -> None:
    first = forker.start(small, "--name", "k", program="board")
    evaluated = runs / "boards" / "k" / "evaluations" / "k.sparse.near.s1.256.2.json"
    done = runs / "k.sparse.ppo.s1" / "summary.json"
    begun = runs / "k.sparse.ppo.s2" / "manifest.json"
    wait_for(lambda: all(path.exists() for path in (done, evaluated, begun)) or first.ended, SECONDS)
    assert not first.ended, first.errors
    first.kill(signal.SIGKILL)
    first.wait()
    before = {path: path.stat().st_mtime_ns for path in (done, evaluated)}
    assert "**Not complete**" in small.with_name("page.md").read_text(), "the page of the first seed"

    again = run_board(forker, small, "--name", "k")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "board k: 2 runs already done, 2 to go" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "evaluating sparse.random" not in again.stdout
    for method in ("ppo", "near"):
        for seed in (1, 2):
            summary = json.loads((runs / f"k.sparse.{method}.s{seed}" / "summary.json").read_text())
            assert (summary["steps"], summary["finished"]) == (256, True)
    page = small.with_name("page.md").read_text()
    assert "| ppo | 2/2 |" in page and "| near | 2/2 |" in page and "| scripted | - |" in page
    assert "- near trained from route1 (scripted)" in page
    assert "**Not complete**" not in page and "**Fewer than 5 runs**" in page
    assert small.with_name("page_sparse.png").read_bytes().startswith(b"\x89PNG")

    rows = [json.loads(path.read_text()) for path in sorted(evaluated.parent.iterdir())]
    assert len(rows) == 2 + 2 * 2 * 3, "random and scripted; untrained, halfway and last of each run"
    assert {row["start"] for row in rows} == {"starter"}, "also of the method that trained on route 1"
    assert {row["settings"]["layers"]["dense"] for row in rows} == {0.0}

    third = run_board(forker, small, "--name", "k", "--report-only")
    assert third.returncode == 0, third.stderr
    assert "evaluating" not in third.stdout and "2/2" in third.stdout
    assert small.with_name("page.md").read_text().replace(" --report-only", "") == page


def test_a_failing_method_does_not_stop_the_others(tmp_path: Path, forker: Forker) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps({**SMALL, "seeds": [1], "methods": {"ppo": {}, "lost": {"device": "cuda:9"}}}))
    result = run_board(forker, path)
    assert result.returncode == 1
    page = path.with_name("page.md").read_text()
    assert "| ppo | 1/1 |" in page and "| lost | 0/1 |" in page
    assert "- lost, seed 1: failed, exit status 2; error: device cuda:9: " in page
    other = json.loads(path.read_text())
    path.write_text(json.dumps({**other, "budget": 512}))
    refused = run_board(forker, path)
    assert refused.returncode == 2
    assert "run f.sparse.ppo.s1 was made with different settings (" in refused.stderr
    assert "choose another --name" in refused.stderr and refused.stderr.count("\n") == 1


def test_kept_results_go_on_without_the_runs_folders(tmp_path: Path, forker: Forker) -> None:
    """As on another machine, where the board lies in another place and finds no runs."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    kept = {**SMALL, "results": "kept", "methods": {"ppo": {}, "near": "near.json"}}
    first = {**kept, "seeds": [1]}
    (here / "r.json").write_text(json.dumps(first))
    (here / "near.json").write_text(json.dumps({"learning_rate": 0.01}))
    made = run_board(forker, here / "r.json", "--methods", "ppo")
    assert made.returncode == 0, made.stdout + made.stderr
    assert sorted(path.name for path in (here / "kept").iterdir()) == ["sparse.ppo.s1.json"]

    shutil.copytree(here, there)
    elsewhere = {**forker.environment, "POKERED_RUNS": str(tmp_path / "no-runs")}
    again = forker.start(there / "r.json", program="board", environment=elsewhere)
    assert again.wait(SECONDS) == 0, again.shown + again.errors
    assert "board r: 1 runs already done, 1 to go" in again.shown
    assert not (tmp_path / "no-runs" / "r.sparse.ppo.s1").exists()
    page = (there / "page.md").read_text()
    assert "| ppo | 1/1 |" in page and "| near | 1/1 |" in page
    assert row_of("ppo", page) == row_of("ppo", (here / "page.md").read_text())

    board = read_board(there / "r.json")
    track, *_ = resolve_tracks(board, there / "r.json")
    trial = trial_of("another-name", track, "ppo", 1)
    found = KeptRuns(there / "kept", there, board)
    assert found.read(track, trial) is not None
    slower = replace(trial, config=trial.config.model_copy(update={"learning_rate": 1e-5}))
    assert found.read(track, slower) is None, "another setting"
    assert replace(found, board=board.model_copy(update={"episodes": 3})).read(track, trial) is None


def row_of(method: str, page: str) -> str:
    """The row of a method without its cost, which is relative to another one."""
    return next(line for line in page.splitlines() if line.startswith(f"| {method} |"))


@pytest.mark.parametrize(
    ("change", "flags", "line"),
    [
        ({"methods": {"rnd": {"nothing": {}}}}, (), "nothing is not a key of "),
        ({}, ("--jobs", 0), "--jobs 0 is out of range: must be 1 to 1000"),
        ({}, ("--methods", "pop"), "pop is not a method of the board; did you mean ppo?"),
        ({}, ("--name", "../x"), "run name '../x"),
        ({"page": "small.json"}, (), "small.json: is not the page of a board"),
    ],
)
def test_wrong_input_gets_one_line(
    small: Path, refused: Any, change: dict[str, Any], flags: tuple[Any, ...], line: str
) -> None:
    small.write_text(json.dumps({**SMALL, **change}))
    assert line in refused("board", small, *flags)


def test_an_evaluation_is_made_again_when_the_rules_change(small: Path, tmp_path: Path) -> None:
    (track,) = resolve_tracks(read_board(small), small)
    said: list[str] = []
    kept = Evaluations(tmp_path / "kept", said.append)
    first = kept.of_random(track, 2)
    assert as_columns(kept.of_random(track, 2).episodes) == as_columns(first.episodes)
    assert len(said) == 1
    small.write_text(
        json.dumps({**SMALL, "tracks": {"sparse": {**SMALL["tracks"]["sparse"], "max_steps": 30}}})
    )
    (other,) = resolve_tracks(read_board(small), small)
    assert {e.stats["length"] for e in kept.of_random(other, 2).episodes} == {30}
    (tmp_path / "kept" / "sparse.random.json").write_text("{")
    assert {e.stats["length"] for e in kept.of_random(track, 2).episodes} == {40}
    assert len(said) == 3
