"""The database of a search: SQLite or PostgreSQL, with database errors as one clear line."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from envs.errors import UserError
from envs.paths import expanded

RETRIES = 3
"""Retries of a trial whose process died."""
STARTUP_TRIALS = 5
"""Trials before TPE sampling and pruning begin."""


class Storage(RDBStorage):
    """Optuna's storage, whose heartbeat survives a database that briefly does not answer."""

    def record_heartbeat(self, trial_id: int) -> None:
        """Record a heartbeat, ignoring database errors: an exception would end the heartbeat thread, and a
        live trial would count as dead."""
        with suppress(StorageInternalError, SQLAlchemyError):
            super().record_heartbeat(trial_id)


def open_study(name: str, url: str, stale_after: float) -> optuna.Study:
    """Open the search ``name`` in the database at ``url``, creating it if it is new.

    Raises:
        UserError: the database cannot be used; one line that says why.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # failures are reported in one line, below
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # the version is pinned
    address = database_address(url)
    arguments = {"connect_args": {"timeout": 30}} if address.get_backend_name() == "sqlite" else {}
    with explained(url, RuntimeError):  # RuntimeError: made by another version of Optuna
        storage = Storage(
            address.render_as_string(hide_password=False),
            engine_kwargs={**arguments, "pool_pre_ping": True},
            heartbeat_interval=max(1, math.floor(stale_after / 4)),
            grace_period=math.ceil(stale_after),
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
        )
        return optuna.create_study(
            study_name=name,
            storage=storage,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
        )


@contextmanager
def explained(url: str, *more: type[Exception]) -> Iterator[None]:
    """Turn database errors into a UserError of one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        cause = _first_of((SQLAlchemyError, ImportError, *more), error)
        if cause is None:
            raise
        reason = " ".join(str(getattr(cause, "orig", None) or cause).split())[:300]
        raise UserError(f"database {printable(url)}: {reason}") from error


def _first_of(kinds: tuple[type[Exception], ...], error: BaseException | None) -> BaseException | None:
    """The original error: Optuna wraps database errors and may fail again while handling them."""
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__ or error.__context__
    return error


def database_address(url: str) -> URL:
    """Return ``url`` with this project's driver. Raises UserError unless it is SQLite or PostgreSQL."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise UserError(f"storage {url!r} is not a database URL such as sqlite:///search.sqlite") from None
    kind = address.get_backend_name()
    if kind == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise UserError(f"storage of kind {kind}: must be sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    file = address.database
    return address.set(database=str(expanded(file, "storage"))) if file and file[0] == "~" else address


def printable(url: str) -> str:
    """Return the URL without its password, with the installed driver, for use by other programs."""
    return database_address(url).render_as_string(hide_password=True)
