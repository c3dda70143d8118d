"""Compare methods on equal terms: ``python training/board.py configs/board.json``.

Trains every method with every seed on one budget of steps, evaluates every policy on the same held-out
episodes from the track's plain start, and writes a page with tables and curves. The same command continues
where it stopped. docs/board.md describes the file.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.installation import call, shipped_config
from envs.paths import expanded
from training.cli.parsing import Count, Name, Switch, UsageError, parse, run_program

if TYPE_CHECKING:  # importing it imports torch, which most error messages do not need
    from training.boards.results import TrackResults
    from training.boards.rounds import BoardRun


@dataclass(frozen=True)
class BoardFlags:
    """Train and evaluate the methods of a board, and write its page.

    Runs are ordinary ones, called NAME.TRACK.METHOD.sSEED. Ctrl-C and SIGTERM save the running ones; the same
    command continues.
    """

    board: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="BOARD")] = Path("configs/board.json")
    """JSON or YAML file with budget, seeds, tracks and methods."""
    name: Name = None
    """Name of the board and prefix of its runs' names (default: the file's name)."""
    tracks: Annotated[str | None, tyro.conf.arg(metavar="NAME,...")] = None
    """Only these tracks."""
    methods: Annotated[str | None, tyro.conf.arg(metavar="NAME,...")] = None
    """Only these methods."""
    jobs: Count = 1
    """Runs in parallel. Speeds are comparable only with 1."""
    report_only: Switch = False
    """Train nothing: evaluate the finished runs and write the page."""


def main(arguments: Sequence[str]) -> int:
    """Run the board. Returns 0, or 1 if a run or evaluation failed. Raises UserError for wrong input."""
    flags = parse(BoardFlags, arguments, "board.py")
    if not 1 <= (flags.jobs or 0) <= 1000:
        raise UsageError(f"--jobs {flags.jobs} is out of range: must be 1 to 1000")
    from training.boards.board_file import read_board
    from training.boards.entries import resolve_tracks
    from training.boards.page_file import page_around
    from training.runs.folder import lock_run, made_folder, run_folder, runs_root

    file = shipped_config(expanded(flags.board, "board"))
    board = read_board(file).only(_names(flags.tracks), _names(flags.methods))
    name = flags.name or file.stem
    run_folder(name)  # rejects a bad name
    folder = runs_root() / "boards" / name
    page = file.parent / expanded(board.page, "page") if board.page else folder / "board.md"
    page_around(page, name)  # rejects a page of something else before hours of training
    tracks = resolve_tracks(board, file)
    from training.boards.kept_runs import KeptRuns
    from training.boards.rounds import BoardRun, check_names, run_board

    results = file.parent / expanded(board.results, "results") if board.results else None
    run = BoardRun(name, board, tracks, folder, KeptRuns(results, file.parent.resolve(), board))
    done, missing = check_names(run)
    _say(f"board {name}: {done} runs already done, {missing} to go ({missing * board.budget:,} steps)")
    made_folder(folder)
    command = shlex.join([*call("board.py").split(), *arguments])
    jobs = 0 if flags.report_only else flags.jobs or 1
    with lock_run(folder):
        tables = run_board(run, jobs, _say, lambda found: _show(run, found, page, command))
    runs = [one for found in tables for method in found.runs.values() for one in method]
    return 1 if any(one.outcome.failure is not None for one in runs) else 0


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text is not None else ()


def _show(run: BoardRun, found: Sequence[TrackResults], page: Path, command: str) -> None:
    """Write the page and its pictures, and print the tables."""
    from training.boards.page import results_text, terminal_text
    from training.boards.page_file import write_page
    from training.boards.picture import draw_track

    pictures = [page.with_name(f"{page.stem}_{one.track.name}.png") for one in found]
    for one, picture in zip(found, pictures, strict=True):
        draw_track(one, picture)
    text = results_text(run.board, found, command, [picture.name for picture in pictures])
    write_page(page, run.name, text)
    _say(f"{terminal_text(run.board, found)}\n\npage: {page}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    run_program(main, lasting=True)
