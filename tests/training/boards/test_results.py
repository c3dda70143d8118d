"""Figures of a board: runs as the unit, the furthest milestone, costs, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from envs.game.milestones import STORY
from tests.training.boards.test_board_file import board_file, resolved
from tests.training.evaluation.test_playing import STATS
from training.boards.board_file import read_board
from training.boards.entries import trial_of
from training.boards.evaluations import Evaluation
from training.boards.page import results_text
from training.boards.page_file import BEGIN, END, write_page
from training.boards.picture import draw_track
from training.boards.results import RunResult, TrackResults, furthest, progress, runs_that_reach
from training.boards.rounds import points_of
from training.evaluation.playing import PlayedEpisode
from training.sweeps.local_jobs import TrialOutcome


def played(*reached: str, times: int = 4, **stats: Any) -> list[PlayedEpisode]:
    return [
        PlayedEpisode({**STATS, **stats}, dict.fromkeys(reached, 7), 0, f"{number}")
        for number in range(times)
    ]


def track_results(folder: Path, **runs: list[list[PlayedEpisode] | str]) -> TrackResults:
    """Results of the track "sparse": per method the last episodes of each run, or why it failed."""
    methods: dict[str, Any] = {name: {} for name in runs}
    (track, _) = resolved(board_file(folder, methods=methods))
    found = {}
    for place, (method, each) in enumerate(runs.items()):
        found[method] = [
            run_result(trial_of("b", track, method, seed), one, 1000 * (place + 1))
            for seed, one in zip((3, 5), each, strict=False)
        ]
    random = Evaluation(None, played(), "c0ffee")
    return TrackResults(track, STORY, {"random": random}, found)


def run_result(trial: Any, last: list[PlayedEpisode] | str, steps: int) -> RunResult:
    if isinstance(last, str):
        return RunResult(TrialOutcome(trial, None, last))
    summary = {
        "mean_return": 1.0, "counts": {"episodes": 4, "battles_won": 0}, "metrics": {}, "verdict": "healthy",
        "session_steps": steps, "seconds": 2.0, "interventions": {"fast_text": 2},
        "start": "bedroom (scripted)",
    }  # fmt: skip
    first = Evaluation(0, played(map_progress=1), "c0ffee")
    return RunResult(TrialOutcome(trial, summary), [first, Evaluation(1000, last, "c0ffee")])


def test_the_furthest_milestone_follows_the_story_and_not_the_table() -> None:
    assert STORY.index("first cave") < STORY.index("badge2") < STORY.index("champion") == len(STORY) - 1


def test_runs_are_the_unit_of_a_method(tmp_path: Path) -> None:
    found = track_results(tmp_path, ppo=[played("route 1", "forest"), played("route 1")])
    summary = found.summaries()["ppo"]
    assert summary["runs"] == 2
    forest = summary["milestones"]["forest"]
    assert forest["rate"] == 0.5
    assert (forest["low"], forest["high"]) == pytest.approx((0.0, 1.0), abs=0.05), "two runs know little"
    assert furthest(summary, STORY) == "forest"
    assert furthest(summary, STORY, 0.5) == "route 1", "exactly half is not more than half"
    assert runs_that_reach(found.done("ppo"), "forest") == 1


def test_progress_has_a_band_over_runs(tmp_path: Path) -> None:
    found = track_results(tmp_path, ppo=[played(map_progress=3), played(map_progress=5)])
    (first, last) = progress(found.done("ppo"))
    assert first == (0, 1.0, (1.0, 1.0))
    assert last[:2] == (1000, 4.0)
    assert last[2] is not None and last[2][0] == 0.0 and last[2][1] == pytest.approx(4 + 12.706)
    found.runs["ppo"][0].evaluations.insert(0, Evaluation(0, played(map_progress=9), None))  # type: ignore[attr-defined]
    assert progress(found.done("ppo"))[-1][:2] == (1000, 4.0), "last policies are compared with last ones"
    alone = track_results(tmp_path, ppo=[played(map_progress=3)])
    assert progress(alone.done("ppo"))[1] == (1000, 3.0, None)


def test_the_page_has_every_figure(tmp_path: Path) -> None:
    found = track_results(
        tmp_path,
        ppo=[played("route 1"), played("route 1")],
        slow=[played("route 1", "forest"), "exit status 1; error: no"],
        lost=["exit status 1", "exit status 1"],
    )
    found.runs["slow"][0].outcome.summary["start"] = "route1 (scripted)"  # type: ignore[index]
    board = read_board(tmp_path / "board.json")
    text = results_text(board, [found], "python training/board.py x", ["x_sparse.png"])
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    cells = {name: [cell.strip() for cell in row.split("|")[1:-1]] for name, row in rows.items()}
    assert cells["ppo"][:4] == ["ppo", "2/2", "route 1 (2 of 2 runs)", "route 1"]
    assert cells["ppo"][-3:] == ["500", "1.00", "fast_text 4"]
    assert cells["slow"][:3] == ["slow", "1/2", "forest (1 of 1 runs)"]
    assert cells["slow"][-3:] == ["1,000", "0.50", "fast_text 2"]
    assert cells["lost"] == ["lost", "0/2", *["-"] * 8]
    assert cells["random"][-3:] == ["-", "-", "none"]
    assert cells["forest"][1:] == ["0 % (0 to 32)", "100 % (51 to 100), half by 7", "0 % (0 to 49)"]
    assert "Never reached: starter, rival battled, second town" in text
    assert "- slow trained from route1 (scripted)" in text
    assert "- slow, seed 5: failed, exit status 1; error: no" in text
    assert "**Not complete**: some methods have 0 of 2 runs." in text
    assert "**Fewer than 5 runs**" in text
    assert "`python training/board.py x`, evaluated at c0ffee" in text
    assert "![Track sparse: progress over steps, and reach rates](x_sparse.png)" in text


def test_the_picture_is_drawn_with_and_without_runs(tmp_path: Path) -> None:
    several = track_results(tmp_path, ppo=[played("route 1"), played()], other=[played("forest"), "failed"])
    none = track_results(tmp_path, ppo=[])
    for number, found in enumerate((several, none)):
        path = tmp_path / "pictures" / f"{number}.png"
        draw_track(found, path)
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_page_keeps_what_is_around_its_results(tmp_path: Path) -> None:
    page = tmp_path / "board.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, "b", "new")
    write_page(page, "b", "newer")
    assert page.read_text() == f"before\n{BEGIN}\nnewer\n{END}\nafter\n"
    fresh = tmp_path / "other" / "page.md"
    write_page(fresh, "b", "text")
    assert fresh.read_text() == f"# Board b\n\n{BEGIN}\ntext\n{END}\n"
    page.write_text("a diary")
    with pytest.raises(UserError, match="is not the page of a board: it needs the lines"):
        write_page(page, "b", "new")
    assert page.read_text() == "a diary"
    with pytest.raises(UserError, match=r"cannot be read as a page of a board \(Is a directory\)$"):
        write_page(tmp_path, "b", "new")


def test_planned_points_use_the_first_checkpoint_that_is_not_before_them(tmp_path: Path) -> None:
    for name in ("0", "208", "300", "416", "final", "best"):
        (tmp_path / name).mkdir()
    assert points_of(tmp_path, 800, 4) == ["0", "208", "416"], "300 is one more, saved by a stop"
    assert points_of(tmp_path, 800, 1) == ["0"]
    assert points_of(tmp_path / "none", 800, 4) == []
