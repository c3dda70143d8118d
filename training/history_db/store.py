"""The history's SQLite database: location, transactions, and errors as one clear line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from envs.errors import UserError
from envs.installation import call
from training.history_db.migrations import VERSION, migrate, version_of
from training.runs.folder import runs_root

FILE_NAME = "history.sqlite"


class HistoryError(UserError):
    """The database cannot be opened, is locked, damaged or of a later version; the message is one line."""


class Store:
    """The database at ``path``; ``wait_s`` is the longest wait for another writer, in seconds.

    Readers and one writer do not block each other (write-ahead log). A crash of the machine may lose the last
    points of a curve, which can be restored from the run folders.
    """

    def __init__(self, path: Path | None = None, wait_s: float = 5.0) -> None:
        self.path = path or runs_root() / FILE_NAME
        self.engine = _engine(self.path, wait_s)
        try:
            with self.write() as connection:
                if version_of(connection) > VERSION:
                    raise HistoryError(
                        f"{self.path} was written by a later version of this project"
                        f" ({version_of(connection)}, this one knows {VERSION}); update the project or"
                        " choose another --db"
                    )
                migrate(connection)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start. Raises HistoryError."""
        with _explained(self.path), self.engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database. Raises HistoryError."""
        with _explained(self.path), self.engine.begin() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()


def _engine(path: Path, wait_s: float) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(f"{path}: its folder cannot be created: {error.strerror}") from None
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": wait_s, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # Store begins transactions explicitly
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite errors into a HistoryError of one line."""
    try:
        yield
    except SQLAlchemyError as error:
        message = " ".join(str(getattr(error, "orig", None) or error).split())
        if "locked" in message or "busy" in message:
            raise HistoryError(f"{path} is locked by another program; try again when it is done") from error
        if "not a database" in message or "malformed" in message:
            raise HistoryError(
                f"{path} is damaged or not a history database ({message});"
                f" move it away and run {call('history.py')} --rebuild"
            ) from error
        raise HistoryError(f"{path}: {message}") from error
