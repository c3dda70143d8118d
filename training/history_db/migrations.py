"""Migrations, which create a database or upgrade one of an earlier version.

``PRAGMA user_version`` is the number of migrations applied.
"""

from __future__ import annotations

from sqlalchemy import Connection

VERSION_1 = (
    """CREATE TABLE run (
        id INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL UNIQUE,
        status VARCHAR NOT NULL, reason VARCHAR,
        agent_id VARCHAR, agent_name VARCHAR, version VARCHAR, sweep VARCHAR, sweep_variant VARCHAR,
        seed INTEGER, family VARCHAR NOT NULL, description VARCHAR NOT NULL, config_name VARCHAR NOT NULL,
        config JSON NOT NULL, manifest JSON NOT NULL, milestones JSON NOT NULL,
        started DATETIME, updated DATETIME, ended DATETIME,
        steps INTEGER NOT NULL, wanted_steps INTEGER NOT NULL, seconds FLOAT NOT NULL, verdict VARCHAR,
        host VARCHAR, pid INTEGER, pid_started FLOAT,
        episode_return FLOAT, battles_won FLOAT, badges FLOAT, approx_kl FLOAT, clip_fraction FLOAT,
        explained_variance FLOAT, steps_per_s FLOAT)""",
    "CREATE INDEX ix_run_status ON run (status)",
    "CREATE INDEX ix_run_agent_id ON run (agent_id)",
    "CREATE INDEX ix_run_sweep ON run (sweep)",
    """CREATE TABLE tag (
        run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, tag VARCHAR NOT NULL,
        PRIMARY KEY (run_id, tag))""",
    "CREATE INDEX ix_tag_tag ON tag (tag)",
    """CREATE TABLE curve (
        id INTEGER NOT NULL PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        key VARCHAR NOT NULL, stride INTEGER NOT NULL, points INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX curve_of_run ON curve (run_id, key)",
    """CREATE TABLE chunk (
        curve_id INTEGER NOT NULL REFERENCES curve (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        data BLOB NOT NULL, PRIMARY KEY (curve_id, number))""",
    """CREATE TABLE evaluation (
        run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        steps INTEGER, policy VARCHAR, return_mean FLOAT, data JSON NOT NULL,
        PRIMARY KEY (run_id, number))""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (VERSION_1,)
VERSION = len(MIGRATIONS)


def version_of(connection: Connection) -> int:
    """Return the number of migrations applied to the database."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def migrate(connection: Connection) -> None:
    """Upgrade the database to ``VERSION``; the caller's transaction holds the write lock."""
    for number in range(version_of(connection), VERSION):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {number + 1}")
