"""Deleting and renaming runs on the page. For browsers on this machine only."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, update

from training.history_db.models import RunRecord
from training.history_db.run_facts import is_held
from training.runs.folder import NAME, PRETRAINED
from training.web.pages import site_of
from training.web.security import local_only
from training.web.site import Site

router = APIRouter(prefix="/training/api/run", dependencies=[Depends(local_only)])
RunName = Annotated[str, Field(max_length=100)]


class Deletion(BaseModel):
    """The name of the run to delete, typed once more."""

    model_config = ConfigDict(extra="forbid")
    confirm: RunName


class Renaming(BaseModel):
    """The new name of a run."""

    model_config = ConfigDict(extra="forbid")
    to: RunName


@router.post("/{name}/delete")
def delete_run(request: Request, name: str, given: Deletion) -> dict[str, str]:
    """Delete a run: its folder, if it is still there, and its record."""
    site = site_of(request)
    row, folder = site.run(name), site.folder_of(site.run(name))
    if given.confirm != name:
        raise HTTPException(400, f"type the name of the run, {name}, to delete it")
    with site.store.write() as connection:
        if folder is not None:
            _refuse_held(site, folder)
            _remove(folder)
        connection.execute(delete(RunRecord).where(RunRecord.id == row.id))
    return {"deleted": name}


@router.post("/{name}/rename")
def rename_run(request: Request, name: str, given: Renaming) -> dict[str, str]:
    """Rename a run: its folder and its record."""
    site = site_of(request)
    row, folder = site.run(name), site.folder(name)
    target = site.root / given.to
    if NAME.fullmatch(given.to) is None or given.to == PRETRAINED:
        raise HTTPException(400, f"{given.to!a} cannot be the name of a run: letters, digits, . _ and -")
    with site.store.write() as connection:  # the lock keeps the synchronisation from seeing half of it
        if target.exists() or target.is_symlink():
            raise HTTPException(409, f"{given.to} exists already; choose another name")
        _refuse_held(site, folder)
        connection.execute(delete(RunRecord).where(RunRecord.name == given.to))  # of a folder that is gone
        connection.execute(update(RunRecord).where(RunRecord.id == row.id).values(name=given.to))
        try:
            folder.rename(target)
        except OSError as error:
            raise HTTPException(503, f"run {name}: cannot be renamed ({error.strerror})") from None
    return {"name": given.to}


def _refuse_held(site: Site, folder: Path) -> None:
    """Raise HTTPException 409 while a process uses the run."""
    if is_held(folder):
        raise HTTPException(409, f"run {folder.name} is training; stop it first")
    if site.live.plays(folder):
        raise HTTPException(409, f"run {folder.name} is played live; end that first")


def _remove(folder: Path) -> None:
    """Delete a run's folder. What makes it a run goes first, so that nothing half is taken for one."""
    try:
        (folder / "config.json").unlink(missing_ok=True)
        shutil.rmtree(folder)
    except OSError as error:
        raise HTTPException(503, f"{folder}: cannot be deleted ({error.strerror})") from None
