"""State shared by the routes: database, runs folder, templates and the synchronisation thread."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from sqlalchemy import Row

from training.history_db.queries import find_run
from training.history_db.store import HistoryError, Store
from training.history_db.sync import Sync
from training.runs.folder import NAME
from training.web import words
from training.web.listing import Sparklines
from training.web.live import LivePlays
from training.web.replays import Replays

HERE = Path(__file__).parent
LOOK_EVERY_S = 2.0
log = logging.getLogger(__name__)


class Site:
    """The parts of a running server. ``start()`` and ``close()`` start and stop its threads."""

    def __init__(self, store: Store, root: Path) -> None:
        self.store, self.root = store, root
        self.sync = Sync(store, root)
        self.replays = Replays()
        self.live = LivePlays()
        self.sparklines = Sparklines()
        self.trouble: str | None = None
        self.templates = Jinja2Templates(HERE / "templates")
        self.templates.env.globals.update(words.GLOBALS)
        self.templates.env.filters.update(words.FILTERS)
        self.templates.env.trim_blocks = self.templates.env.lstrip_blocks = True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_in_sync, name="sync", daemon=True)

    def start(self) -> None:
        """Start following the runs folder."""
        self._thread.start()

    def close(self) -> None:
        """Stop the threads and jobs."""
        self._ended.set()
        self._thread.join()
        self.live.close()
        self.replays.close()
        self.store.close()

    def _keep_in_sync(self) -> None:
        while not self._ended.is_set():
            try:
                self.sync.look()
                self.trouble = None
            except HistoryError as error:
                self.trouble = str(error)
            except OSError as error:
                self.trouble = f"{self.root}: {error.strerror}"
            self._ended.wait(LOOK_EVERY_S)

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """Render a template with ``context`` as a response."""
        return self.templates.TemplateResponse(
            request, template, {"trouble": self.trouble, "root": self.root, **context}, status_code=status
        )

    def run(self, name: str) -> Row[Any]:
        """Return the run called ``name``. Raises HTTPException 404 if there is no such run."""
        if NAME.fullmatch(name):
            with self.store.read() as connection:
                row = find_run(connection, name)
            if row is not None:
                return row
        raise HTTPException(404, f"there is no run called {name[:100]!r}")

    def folder_of(self, run: Row[Any]) -> Path | None:
        """Return the folder of a run inside the runs folder; None if it is gone or a link."""
        folder = self.root / str(run.name)
        return folder if folder.is_dir() and not folder.is_symlink() else None

    def folder(self, name: str) -> Path:
        """Return the folder of the run called ``name``. Raises HTTPException 404 if there is none."""
        folder = self.folder_of(self.run(name))
        if folder is None:
            raise HTTPException(404, f"the folder of run {name} is gone")
        return folder

    def file(self, name: str, kind: str, file_name: str, endings: tuple[str, ...]) -> Path:
        """Return a file in the folder ``kind`` of a run by its plain name. Raises HTTPException 404."""
        folder = (self.folder(name) / kind).resolve()
        path = folder / file_name
        plain = NAME.fullmatch(file_name) is not None and file_name.endswith(endings)
        if not plain or path.resolve().parent != folder or not path.is_file():
            raise HTTPException(404, f"run {name} has no such file")
        return path
