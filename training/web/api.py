"""JSON API of the page's scripts. Every change is a POST."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from envs.episodes.file_format import SUFFIX
from envs.files import write_json
from training.history_db.curves import Points, merge
from training.history_db.importing import refresh
from training.history_db.queries import points_of, runs_called
from training.history_db.run_facts import MAX_TAG, MOST_TAGS, TAGS, clean_tags
from training.web.pages import MOST_COMPARED, site_of
from training.web.replays import TooManyReplays

router = APIRouter(prefix="/training/api")
MOST_KEYS = 60


class Tags(BaseModel):
    """New tags of a run."""

    model_config = ConfigDict(extra="forbid")
    tags: Annotated[list[Annotated[str, Field(max_length=MAX_TAG)]], Field(max_length=MOST_TAGS)]


class ReplayRequest(BaseModel):
    """An episode to make a video of."""

    model_config = ConfigDict(extra="forbid")
    episode: Annotated[str, Field(max_length=100)]


@router.get("/curves")
def curves(
    request: Request,
    run: Annotated[list[str], Query(max_length=MOST_COMPARED)],
    key: Annotated[list[str], Query(max_length=MOST_KEYS)],
    points: Annotated[int, Query(ge=10, le=5000)] = 1000,
) -> Response:
    """Return the curves of ``run`` under ``key``, each with at most about ``points`` points: columns of step,
    seconds and value (None if it is not finite)."""
    with site_of(request).store.read() as connection:
        rows = runs_called(connection, run)
        found = points_of(connection, [row.id for row in rows], key)
    return JSONResponse(
        {
            "runs": [
                {"name": row.name, "status": row.status, "family": row.family, "seed": row.seed,
                 "label": family_label(row)}
                for row in rows
            ],
            "curves": [
                {"run": row.name, "key": name, **_columns(found[row.id, name], points)}
                for row in rows
                for name in key
                if (row.id, name) in found
            ],
        }
    )  # fmt: skip


def family_label(row: Any) -> str:
    """Return the common name of runs that differ only in their seed."""
    return " ".join(part for part in (row.agent_id or row.config_name, row.sweep_variant) if part)


def _columns(points: Points, most: int) -> dict[str, list[Any]]:
    size = -(-len(points) // most)
    shown = merge(points, size) if size > 1 else points
    if size > 1 and len(points) % size:  # always show the newest point of a running run
        shown = np.concatenate([shown, points[-1:]])
    return {
        "step": shown["step"].tolist(),
        "seconds": shown["seconds"].round(2).tolist(),
        "value": _plain(shown["value"]),
    }


def _plain(values: NDArray[np.float32]) -> list[float | None]:
    """Round to seven digits, the precision of a float32; None where not finite."""
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    size = np.abs(np.where(finite & (wide != 0), wide, 1.0))
    digits = np.power(10.0, 6 - np.floor(np.log10(size)))
    numbers: list[float | None] = (np.round(np.where(finite, wide, 0.0) * digits) / digits).tolist()
    for index in np.flatnonzero(~finite):
        numbers[index] = None
    return numbers


@router.post("/run/{name}/tags")
def set_tags(request: Request, name: str, given: Tags) -> dict[str, Any]:
    """Replace a run's tags, which are stored in its folder."""
    site = site_of(request)
    folder, row = site.folder(name), site.run(name)
    tags = clean_tags(list(given.tags))
    try:
        write_json(folder / TAGS, {"tags": tags})
    except OSError as error:
        raise HTTPException(503, f"run {name}: its tags cannot be written: {error.strerror}") from None
    with site.store.write() as connection:
        refresh(connection, row.id, folder)
    return {"tags": tags}


@router.post("/run/{name}/replays", status_code=202)
def make_replay(request: Request, name: str, wanted: ReplayRequest) -> dict[str, str | float]:
    """Start making the video of a recorded episode; return its state."""
    site = site_of(request)
    episode = site.file(name, "episodes", wanted.episode, (SUFFIX,))
    try:
        site.replays.request(site.folder(name), episode)
    except TooManyReplays as error:
        raise HTTPException(429, str(error)) from None
    return site.replays.state(site.folder(name), episode)


@router.get("/run/{name}/replays/{file_name}")
def replay_state(request: Request, name: str, file_name: str) -> dict[str, str | float]:
    """Return the state of the video of a recorded episode: ready, working (and the share that is done),
    failed (and why) or none."""
    site = site_of(request)
    episode = site.file(name, "episodes", file_name, (SUFFIX,))
    return site.replays.state(site.folder(name), episode)
