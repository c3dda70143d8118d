"""The history page as a FastAPI application. It loads nothing from other sites."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from training.history_db.store import HistoryError
from training.web import api, live_api, manage, pages, world
from training.web.security import Guard
from training.web.site import HERE, Site


def create_app(site: Site, names: Collection[str] = ()) -> FastAPI:
    """Return the application of ``site``; ``names`` are additional host names that it answers to."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        site.start()
        yield
        site.close()

    app = FastAPI(lifespan=running, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = site
    app.mount("/training/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(pages.router)
    app.include_router(api.router)
    app.include_router(live_api.router)
    app.include_router(world.router)
    app.include_router(manage.router)
    app.add_api_route("/", lambda: RedirectResponse("/training"), include_in_schema=False)
    app.middleware("http")(Guard(names))
    _explain_errors(app, site)
    return app


def _explain_errors(app: FastAPI, site: Site) -> None:
    def reply(request: Request, status: int, what: str) -> Response:
        if request.url.path.startswith("/training/api/"):
            return JSONResponse({"error": what}, status)
        return site.page(request, "error.html", status, code=status, what=what)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return reply(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def _wrong(request: Request, error: RequestValidationError) -> Response:
        places = (f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5])
        return reply(request, 422, "; ".join(places))

    @app.exception_handler(HistoryError)
    async def _history(request: Request, error: HistoryError) -> Response:
        return reply(request, 503, str(error))
