"""Run a node of a Ray cluster in the foreground: ``python training/ray_node.py --head --listen 10.0.0.1``,
then on the other machines ``--join 10.0.0.1:6400 --listen 10.0.0.2``.

It runs ``ray start`` with settings for a private cluster: a token, fixed ports, no usage statistics, no
look-ups of cloud metadata, no dashboard, and a small object store. See docs/ray.md.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from envs.cluster.ray_api import PORTS, SETTINGS, WORKERS_FROM, require_ray
from envs.errors import UserError
from envs.installation import call
from envs.paths import expanded
from training.cli.parsing import Count, Switch, UsageError, parse, run_program

ROOT = Path(__file__).resolve().parents[1]
FIXED = (
    "--node-manager-port",
    "--object-manager-port",
    "--runtime-env-agent-port",
    "--dashboard-agent-listen-port",
    "--dashboard-agent-grpc-port",
    "--metrics-export-port",
)
"""Flags for the ports that follow the first one, one server each."""
STORE_BYTES = 200_000_000
"""Small, since this project's messages do not use the object store."""
TOKEN_BYTES = 32


@dataclass(frozen=True)
class NodeFlags:
    """Make this machine a node of a Ray cluster until Ctrl-C."""

    head: Switch = False
    """Start the head, on the machine of the trainer. The other nodes join it."""
    join: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Address of the head to join."""
    listen: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """This machine's address as the others reach it, such as its VPN address."""
    cpus: Count = None
    """CPUs for actors (default: all; 0 on a head that only learns)."""
    first_port: Annotated[int, tyro.conf.arg(metavar="PORT")] = 6400
    """First of the 200 ports that Ray listens on. Nodes join the head's first port."""


def main(arguments: Sequence[str]) -> int:
    """Check the flags and the token, then become ``ray start``. Raises UserError."""
    flags = parse(NodeFlags, arguments, "ray_node.py")
    check(flags)
    require_ray()
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": _python_path()}
    token = token_file(os.environ, make=flags.head)
    if environment.get("RAY_AUTH_TOKEN_PATH"):  # Ray itself does not expand it
        environment["RAY_AUTH_TOKEN_PATH"] = token
    last = flags.first_port + PORTS - 1
    print(
        f"{'head' if flags.head else 'node'} at {flags.listen}, ports {flags.first_port} to {last};"
        f" token in {token}",
        flush=True,
    )
    if flags.head:
        print(
            f"join it from other machines: {call('ray_node.py')} --join"
            f" {flags.listen}:{flags.first_port} --listen ADDRESS",
            flush=True,
        )
    os.execve(sys.executable, command(flags), environment)  # noqa: S606 - no shell, a list of arguments


def check(flags: NodeFlags) -> None:
    """Raise UsageError for flags that are incompatible or out of range."""
    if flags.head == (flags.join is not None):
        raise UsageError("--head or --join HOST:PORT must be given, and not both")
    if flags.listen is None:
        raise UsageError("--listen must be given: this machine's address as the others reach it")
    try:
        address = ipaddress.ip_address(flags.listen)
    except ValueError:
        raise UsageError(f"--listen {flags.listen} must be an IP address") from None
    if address.is_unspecified:
        raise UsageError(f"--listen {flags.listen} must be one address of this machine, not all of them")
    if flags.listen == "127.0.0.1":
        raise UsageError(
            "--listen 127.0.0.1: Ray would use another address of this machine; use 127.0.0.2 instead"
        )
    if not 1024 <= flags.first_port <= 65536 - PORTS:
        raise UsageError(f"--first-port {flags.first_port} is out of range: must be 1024 to {65536 - PORTS}")
    if flags.cpus is not None and not 0 <= flags.cpus <= 4096:
        raise UsageError(f"--cpus {flags.cpus} is out of range: must be 0 to 4096")


def command(flags: NodeFlags) -> list[str]:
    """Return the command ``ray start`` in the foreground."""
    first = flags.first_port
    ports = [f"{name}={first + number}" for number, name in enumerate(FIXED, 1)]
    workers = [f"--min-worker-port={first + WORKERS_FROM}", f"--max-worker-port={first + PORTS - 1}"]
    place = (
        [
            "--head",
            f"--port={first}",
            f"--ray-client-server-port={first + len(FIXED) + 1}",
            "--include-dashboard=false",
        ]
        if flags.head
        else [f"--address={flags.join}"]
    )
    own = [f"--node-ip-address={flags.listen}", f"--object-store-memory={STORE_BYTES}"]
    # With explicit numbers Ray does not ask a cloud's metadata service about accelerators.
    accelerators = ["--num-gpus=0", '--resources={"TPU": 0}']
    cpus = [] if flags.cpus is None else [f"--num-cpus={flags.cpus}"]
    quiet = ["--no-monitor", "--disable-usage-stats", "--include-log-monitor=false", "--block"]
    start = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start"]
    return [*start, *place, *own, *ports, *workers, *accelerators, *cpus, *quiet]


def token_file(environment: Mapping[str, str], make: bool) -> str:
    """Return where the cluster's token is. ``make``: create one if there is none.

    Raises UserError if there is no token, if other users can read it, or if tokens are disabled.
    """
    mode = environment.get("RAY_AUTH_MODE", "token")
    if mode != "token":
        raise UserError(f"RAY_AUTH_MODE is {mode}: without a token anybody who reaches a port can run code")
    if environment.get("RAY_AUTH_TOKEN"):
        return "RAY_AUTH_TOKEN"
    path = expanded(environment.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token", "RAY_AUTH_TOKEN_PATH")
    if not path.is_file():
        if not make:
            raise UserError(
                f"there is no token at {path}; copy the head's there (scp HEAD:.ray/auth_token {path})"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(TOKEN_BYTES))
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"token {path}: other users can read it; chmod 600 {path}")
    return str(path)


def _python_path() -> str:
    """Return the PYTHONPATH with which actors find this project, installed or not."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


if __name__ == "__main__":
    run_program(main)
