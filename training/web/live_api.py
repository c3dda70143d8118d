"""Live play on the page: its page, and the API of its script. For browsers on this machine only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from envs.game_boy.emulator import BUTTONS
from training.live.commands import Command
from training.web.live import Busy, LiveProcess
from training.web.pages import site_of
from training.web.security import local_only

router = APIRouter(prefix="/training", dependencies=[Depends(local_only)])


class Nothing(BaseModel):
    """A request without content: ``{}``."""

    model_config = ConfigDict(extra="forbid")


@router.get("/run/{name}/live")
def live_page(request: Request, name: str) -> HTMLResponse:
    """The page that plays a run's newest checkpoint."""
    site = site_of(request)
    row, _ = site.run(name), site.folder(name)
    return site.page(request, "live.html", run=row, buttons=BUTTONS)


@router.post("/api/run/{name}/live")
def start(request: Request, name: str, _: Nothing) -> dict[str, str]:
    """Begin to play the run, unless it is being played."""
    site = site_of(request)
    try:
        site.live.start(site.folder(name))
    except Busy as error:
        raise HTTPException(409, str(error)) from None
    return {"state": "loading"}


@router.get("/api/run/{name}/live")
def look(request: Request, name: str, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
    """Return the state of the game, once there is news after number ``after`` or a second has passed."""
    return _playing(request, name).look(after)


@router.post("/api/run/{name}/live/command", status_code=202)
def command(request: Request, name: str, given: Command) -> dict[str, str]:
    """Send a command to the game."""
    _playing(request, name).send(given)
    return {"state": "sent"}


@router.post("/api/run/{name}/live/end")
def end(request: Request, name: str, _: Nothing) -> dict[str, str]:
    """End the game."""
    _playing(request, name).end()
    return {"state": "ended"}


def _playing(request: Request, name: str) -> LiveProcess:
    site = site_of(request)
    found = site.live.of(site.folder(name))
    if found is None:
        raise HTTPException(404, f"run {name} is not played live")
    return found
