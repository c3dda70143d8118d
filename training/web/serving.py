"""Server of the history page."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from pathlib import Path

import uvicorn

from envs.errors import UserError
from training.history_db.store import Store
from training.web.app import create_app
from training.web.site import Site

DRAIN_S = 2  # for open requests when the server stops


def serve(store: Store, root: Path, host: str, port: int) -> None:
    """Serve on ``host`` and ``port`` until interrupted. Raises UserError when the port is not available."""
    listening = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    local = is_local(host)
    print(f"history of {root}/: http://{'localhost' if local else shown}:{port}/training", flush=True)
    if not local:
        print(
            f"warning: anyone who can reach {host} can read and tag the runs and make replays",
            file=sys.stderr,
        )
    app = create_app(Site(store, root), [host])
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=DRAIN_S
    )
    uvicorn.Server(config).run([listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises UserError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UserError(f"--host {host} is not an address of this machine; see --help") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"--port {port} is in use by another program on {host}; choose another --port"
            ) from None
        raise UserError(f"{host} port {port} cannot be opened: {error.strerror}") from None
    return listening


def is_local(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
