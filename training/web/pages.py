"""HTML pages and files of the history."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field

from training.history_db.queries import (
    Filter,
    choices,
    evaluations_of,
    keys_of,
    list_runs,
    runs_called,
    tags_by_run,
)
from training.history_db.run_facts import read_json
from training.web import views
from training.web.charts import COMPARED, LATE, charts_of, chosen_chart
from training.web.listing import empty_columns, grouped
from training.web.site import Site

router = APIRouter(prefix="/training")
Text = Annotated[str, Field(max_length=200)]
MOST_COMPARED = 30  # runs
LIVE_MAP = "live_map.json"  # callbacks.live_map
PAGE = 100  # runs per page of the list


def site_of(request: Request) -> Site:
    """Return the site of a request."""
    site: Site = request.app.state.site
    return site


class ListQuery(BaseModel):
    """Query parameters of the list: filter, order, page, and which part to render."""

    q: Text = ""
    agent: Text = ""
    tag: Text = ""
    status: Text = ""
    sort: Text = "started"
    order: Text = "desc"
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    part: Text = ""

    def filter(self) -> Filter:
        """Return the database filter."""
        start, descending = (self.page - 1) * PAGE, self.order != "asc"
        return Filter(self.q, self.agent, self.tag, self.status, self.sort, descending, start, PAGE)


@router.get("")
@router.get("/")
def run_list(request: Request, query: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """The list of runs that match the filter; with ``part=runs`` only the table."""
    site, wanted = site_of(request), query.filter()
    given = query.model_dump(exclude={"page", "part"})
    with site.store.read() as connection:
        listed, offered = list_runs(connection, wanted), choices(connection)
        sparks = site.sparklines.of(connection, listed.rows)

    def link(**changes: Any) -> str:
        return "?" + urlencode({key: value for key, value in {**given, **changes}.items() if value})

    template = "_runs.html" if query.part == "runs" else "list.html"
    return site.page(
        request, template, listed=listed, choices=offered, wanted=wanted, given=given, link=link,
        groups=grouped(listed.rows, site.root), empty=empty_columns(listed.rows), sparks=sparks,
        page=query.page, pages=max(1, -(-listed.total // PAGE)), present=site.sync.present,
    )  # fmt: skip


@router.get("/compare")
def compare(request: Request, run: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
    """Curves, figures and settings of several runs side by side."""
    site = site_of(request)
    names = list(dict.fromkeys(run or []))
    if len(names) > MOST_COMPARED:
        raise HTTPException(
            400, f"{len(names)} runs are too many to compare: must be at most {MOST_COMPARED}"
        )
    with site.store.read() as connection:
        rows = runs_called(connection, names)
        if not rows:
            raise HTTPException(404, "none of these runs is in the history: select runs on the list")
        keys = keys_of(connection, [row.id for row in rows])
        evaluations = [views.newest_evaluation(evaluations_of(connection, row.id)) for row in rows]
    missing = [name[:100] for name in names if name not in {row.name for row in rows}]
    return site.page(
        request,
        "compare.html",
        runs=rows,
        keys=keys,
        missing=missing,
        chosen=chosen_chart(keys),
        charts=[chart for chart in COMPARED if set(chart.keys) & set(keys)],
        settings=(differing := views.differing_settings(rows)),
        evaluations=evaluations,
        empty=empty_columns(rows),
        other_rewards=views.rewards_among(differing),
    )


@router.get("/run/{name}")
def detail(request: Request, name: str, part: Text = "") -> HTMLResponse:
    """Everything about one run; with ``part=live`` only what changes while it trains."""
    site = site_of(request)
    row = site.run(name)
    with site.store.read() as connection:
        evaluations = evaluations_of(connection, row.id)
        tags = tags_by_run(connection, [row.id]).get(row.id, [])
        keys = keys_of(connection, [row.id])
    folder = site.folder_of(row)
    context: dict[str, Any] = {
        "run": row,
        "tags": tags,
        "present": folder is not None,
        "health": views.health_of(read_json(folder / "health.json"))
        if folder is not None
        else views.health_of({}, unknown=row.verdict or ""),
        "evaluations": views.evaluation_table(evaluations),
        "milestones": views.milestones_of(row, evaluations),
    }
    if part == "live":
        return site.page(request, "_live.html", **context)
    return site.page(
        request, "detail.html", **context, keys=keys, charts=charts_of(keys), chosen=chosen_chart(keys),
        card=views.card_of(row),
        maps=views.maps_of(folder) if folder is not None else [], LATE=LATE,
        located=folder is not None and (row.status == "running" or (folder / LIVE_MAP).is_file()),
    )  # fmt: skip


@router.get("/run/{name}/episodes")
def episodes(request: Request, name: str) -> HTMLResponse:
    """The recorded episodes of a run, each with its video or a button to make it."""
    site = site_of(request)
    folder = site.folder(name)
    found = views.episodes_of(folder)
    states = {path.name: site.replays.state(folder, path) for path, _ in [*found.best, *found.newest]}
    return site.page(request, "_episodes.html", name=name, found=found, states=states)


@router.get("/run/{name}/exploration/{file_name}")
def exploration(request: Request, name: str, file_name: str) -> FileResponse:
    """One of the run's exploration maps."""
    return FileResponse(site_of(request).file(name, "exploration", file_name, (".png",)))


@router.get("/run/{name}/replays/{file_name}")
def video(request: Request, name: str, file_name: str) -> FileResponse:
    """One of the run's replay videos; range requests allow seeking."""
    return FileResponse(site_of(request).file(name, "replays", file_name, (".mp4",)))
