"""The map of a run's world on the page: where its environments are, and where they have been."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response
from PIL import Image

from envs.game.catalog import EMBEDDED_SHA1
from envs.game.maps import MAP_STEPS
from training.drawing.atlas import Atlas
from training.drawing.map_drawings import TILE, MapDrawings
from training.history_db.run_facts import read_json
from training.web.pages import LIVE_MAP, site_of

router = APIRouter(prefix="/training")
MapNumber = Annotated[int, PathParameter(ge=0, le=255)]
VISITS = Path("exploration") / "visits.npz"  # callbacks.exploration
MOST_HEAT = 8000  # places, the busiest
MOST_ENVIRONMENTS = 4096
MOST_PLACES = 6000
SCALE = 8  # pixels per step of a map's picture
LIVELY_S = 15.0  # the age of positions from which they are called old


@router.get("/api/run/{name}/map")
def world_map(request: Request, name: str) -> dict[str, Any]:
    """Return the maps with their places, the environments with their trails, and the heat of the run's
    samples: rows of map, x, y and count."""
    site = site_of(request)
    folder, row = site.folder(name), site.run(name)
    content = read_json(folder / LIVE_MAP)
    environments = list(_environments(content))
    # While a run trains, its pictures and counts of all samples are written far less often.
    heat = list(_live_heat(content)) or _heat(folder / VISITS)
    seen = {place[0] for place in heat} | {one["map"] for one in environments}
    seen |= {place[0] for one in environments for place in one["trail"]}
    written = content.get("written")
    age = time.time() - written if isinstance(written, int | float) else None
    return {
        "maps": [_placed(one) for one in atlas(_embedded(row.manifest)).placed(seen)],
        "environments": environments,
        "heat": heat,
        "steps": content.get("steps"),
        "age": None if age is None else round(max(0.0, age), 1),
        "live": age is not None and age < LIVELY_S and row.status == "running",
        "scale": SCALE,
    }


@router.get("/api/run/{name}/map/{number}")
def one_map(request: Request, name: str, number: MapNumber) -> dict[str, Any]:
    """Return the place and size of one map."""
    placed = atlas(_embedded(site_of(request).run(name).manifest)).placed([number])
    return {"maps": [_placed(one) for one in placed], "scale": SCALE}


@router.get("/run/{name}/maps/{number}.png")
def picture(request: Request, name: str, number: MapNumber) -> Response:
    """The picture of a map, SCALE pixels per step."""
    if number not in MAP_STEPS:
        raise HTTPException(404, f"there is no map {number}")
    return Response(_picture(_embedded(site_of(request).run(name).manifest), number), media_type="image/png")


@lru_cache(maxsize=2)
def atlas(embedded: bool) -> Atlas:
    """Return the atlas of the embedded cartridge, or of the game."""
    return Atlas(embedded)


@lru_cache(maxsize=512)
def _picture(embedded: bool, number: int) -> bytes:
    drawn = Image.fromarray(MapDrawings.of(embedded).drawing(number, {}))
    size = drawn.width // TILE * SCALE, drawn.height // TILE * SCALE
    with io.BytesIO() as file:
        drawn.resize(size, Image.Resampling.BOX).save(file, "PNG")
        return file.getvalue()


def _embedded(manifest: Mapping[str, Any]) -> bool:
    """Whether the run is on the cartridge that comes with the project."""
    return EMBEDDED_SHA1.is_file() and manifest.get("rom_sha1") == EMBEDDED_SHA1.read_text("ascii").split()[0]


def _placed(placed: Any) -> dict[str, Any]:
    """Return a placed map as JSON."""
    names = ("map_id", "name", "left", "top", "width", "height", "outside")
    return {name: getattr(placed, name) for name in names}


def _environments(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is sound of the environments in a live map."""
    found = content.get("environments")
    left = MOST_PLACES
    for one in (found if isinstance(found, list) else [])[:MOST_ENVIRONMENTS]:
        if not isinstance(one, dict) or not _is_place([one.get(key) for key in ("map", "x", "y")]):
            continue
        given = one.get("trail")
        trail = [p for p in given if _is_place(p)][-left:] if isinstance(given, list) and left > 0 else []
        left -= len(trail)
        kept = {key: one[key] for key in ("map", "x", "y")}
        yield {**kept, "env": one.get("env"), "battle": bool(one.get("battle")), "trail": trail}


def _is_place(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(part) is int for part in value)


def _live_heat(content: Mapping[str, Any]) -> Iterator[list[int]]:
    """Yield what is sound of the heat in a live map."""
    found = content.get("heat")
    for row in (found if isinstance(found, list) else [])[:MOST_HEAT]:
        if isinstance(row, list) and len(row) == 4 and all(type(part) is int for part in row):
            yield row


def _heat(path: Path) -> list[list[int]]:
    """Return the busiest places of the run's samples; empty if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            rows = file["places"]
        busiest = rows[np.argsort(rows["count"])[::-1][:MOST_HEAT]]
        return [list(map(int, row)) for row in busiest[["map_id", "x", "y", "count"]].tolist()]
    except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile):
        return []
