"""Tables of the history. A change here needs a migration (``migrations.py``)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

STATUSES = ("running", "finished", "stopped", "failed", "lost")

# Columns that the list shows and sorts by -> the logged key whose newest value they hold.
FIGURES = {
    "episode_return": "train/episode_return_mean",
    "battles_won": "train/episode_battles_won_mean",
    "badges": "train/episode_badges_earned_mean",
    "approx_kl": "train/approx_kl",
    "clip_fraction": "train/clip_fraction",
    "explained_variance": "train/explained_variance",
    "steps_per_s": "perf/env_steps_per_s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Times with a time zone; SQLite stores none, so they are stored as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: datetime | None, _: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


class Base(DeclarativeBase):
    """The root of all tables."""

    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy as it stands
        dict[str, Any]: JSON,
        list[str]: JSON,
        datetime: UtcDateTime,
        bytes: LargeBinary,
        str: String,
    }


class RunRecord(Base):
    """One run folder. ``steps`` are environment steps, ``seconds`` the time spent training."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None]  # why it stopped or failed
    agent_id: Mapped[str | None] = mapped_column(index=True)
    agent_name: Mapped[str | None]
    version: Mapped[str | None]
    sweep: Mapped[str | None] = mapped_column(index=True)
    sweep_variant: Mapped[str | None]
    seed: Mapped[int | None]
    family: Mapped[str]  # equal for runs that differ only in the seed
    description: Mapped[str]
    config_name: Mapped[str]
    config: Mapped[dict[str, Any]]
    manifest: Mapped[dict[str, Any]]
    milestones: Mapped[dict[str, Any]]  # name -> step at which some environment first reached it
    started: Mapped[datetime | None]
    updated: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    steps: Mapped[int]
    wanted_steps: Mapped[int]
    seconds: Mapped[float]
    verdict: Mapped[str | None]
    host: Mapped[str | None]  # the training process: host, id, and start (Unix seconds)
    pid: Mapped[int | None]
    pid_started: Mapped[float | None]
    episode_return: Mapped[float | None]
    battles_won: Mapped[float | None]
    badges: Mapped[float | None]
    approx_kl: Mapped[float | None]
    clip_fraction: Mapped[float | None]
    explained_variance: Mapped[float | None]
    steps_per_s: Mapped[float | None]


class Tag(Base):
    """A user's tag on a run."""

    __tablename__ = "tag"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True, index=True)


class CurveRecord(Base):
    """One logged key of a run: the number of stored points and of logged points merged into each."""

    __tablename__ = "curve"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    key: Mapped[str]
    stride: Mapped[int]
    points: Mapped[int]
    __table_args__ = (Index("curve_of_run", "run_id", "key", unique=True),)


class Chunk(Base):
    """Points of a curve: ``data`` is packed as ``curves.POINT``."""

    __tablename__ = "chunk"

    curve_id: Mapped[int] = mapped_column(ForeignKey("curve.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes]


class Evaluation(Base):
    """One row of a run's eval.jsonl."""

    __tablename__ = "evaluation"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    steps: Mapped[int | None]
    policy: Mapped[str | None]
    return_mean: Mapped[float | None] = mapped_column(Float)
    data: Mapped[dict[str, Any]]
