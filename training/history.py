"""Web page of the run history: ``python training/history.py``, then http://localhost:5173/training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from training.cli.parsing import File, Switch, UsageError, parse, run_program


@dataclass(frozen=True)
class HistoryFlags:
    """Show the history of runs in a browser: find, compare and inspect them, also during training.

    Runs are those under runs/ (or in POKERED_RUNS). Nothing is loaded from other sites.
    """

    port: int = 5173
    """Port to listen on."""
    host: Annotated[str, tyro.conf.arg(metavar="ADDRESS")] = "127.0.0.1"
    """Address to listen on; any but a loopback address lets others read the runs and make replays."""
    db: File = None
    """Database file (default: history.sqlite in the runs folder)."""
    rebuild: Switch = False
    """Rebuild the database from the run folders and exit."""


def main(arguments: Sequence[str]) -> int:
    """Serve the page, or rebuild the database. Returns the exit status; raises UserError for wrong input."""
    flags = parse(HistoryFlags, arguments, "history.py")
    if not 1 <= flags.port <= 65535:
        raise UsageError(f"--port {flags.port} is out of range: must be 1 to 65535")
    from training.history_db.importing import rebuild
    from training.history_db.store import Store
    from training.runs.folder import runs_root

    root = runs_root()
    if flags.db is not None and flags.db.is_dir():
        raise UsageError(f"--db {flags.db} is a folder, must be a file")
    store = Store(flags.db)
    if flags.rebuild:
        print(f"{store.path}: {rebuild(store, root)} runs from {root}/")
        store.close()
        return 0
    from training.web.serving import serve

    serve(store, root, flags.host, flags.port)
    return 0


if __name__ == "__main__":
    run_program(main)
