"""Protection of the page: allowed host names, same-site changes, and security headers."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection

from fastapi import HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
Next = Callable[[Request], Awaitable[Response]]


class Guard:
    """Middleware that checks every request and adds security headers to every response.

    Only requests to IP addresses, ``localhost``, this machine's name and ``names`` are answered, which
    prevents DNS rebinding. Changes must be JSON from a page of this site, which a form on another site cannot
    send.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, request: Request, call_next: Next) -> Response:
        refused = self._refusal(request)
        response = refused if refused is not None else await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        if not request.url.path.startswith("/training/static/"):
            response.headers["Cache-Control"] = "no-cache"
        return response

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not self.answers_to(host):
            return PlainTextResponse(f"400: this server is not called {host[:100]!r}\n", 400)
        if request.method in ("GET", "HEAD"):
            return None
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return PlainTextResponse("415: must be application/json\n", 415)
        origin = request.headers.get("origin")
        if origin is None or origin.partition("://")[2] != host:
            return PlainTextResponse("403: changes come from this site's own pages only\n", 403)
        return None

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names this server."""
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower()
        return name in self.names or _is_address(name.strip("[]"))


def local_only(request: Request) -> None:
    """Raise HTTPException 403 unless the browser runs on this machine."""
    if request.client is None or not is_loopback(request.client.host):
        raise HTTPException(403, "this is only for browsers on the machine of the server")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address of the loopback interface, by which a machine reaches itself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None)
    return bool((inner or address).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
