"""Connection to a Ray cluster: its machines, and actors and tasks on them. No other file imports Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envs.errors import UserError

RETRIES = 3
"""How often a task is restarted because its machine failed."""
REACH_TIMEOUT = 5.0
"""Seconds within which the head must accept a connection."""
SETTINGS = {
    # Without a token, anybody who can reach a port could run any code.
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment variables for every process that uses Ray, unless they are already set."""
OnDone = Callable[[Callable[[], bytes]], None]
"""Called in another thread when a call is done, with a function that returns its answer or raises."""


@dataclass(frozen=True)
class Machine:
    """A node of the cluster: its ID, its address, and the number of processors it was started with."""

    id: str
    address: str
    cpus: float


def require_ray() -> None:
    """Raise UserError if Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UserError("--workers ray, --ray-address: Ray is not installed; pip install -e '.[ray]'")


def ray_module() -> Any:
    """Import Ray with SETTINGS and return it. Raises UserError if it is not installed."""
    require_ray()
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def _reach(address: str) -> None:
    """Raise UserError unless something listens at ``address``; Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"ray_address {address}: must be HOST:PORT, as printed by the head of the cluster")
    try:
        socket.create_connection((host, int(port)), REACH_TIMEOUT).close()
    except OSError as error:
        raise UserError(
            f"ray_address {address}: cannot be reached ({error.strerror or error}); was the head started?"
        ) from error


class Cluster:
    """A connection to the cluster whose head is at ``address``. Raises UserError if it cannot connect."""

    def __init__(self, address: str) -> None:
        self._ray = ray_module()
        _reach(address)
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", namespace="pokered")
        except Exception as error:  # each of Ray's layers raises its own exception types
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"ray_address {address}: {reason}; is it the head's token?") from error
        self.address = address

    def machines(self) -> list[Machine]:
        """Return the nodes that Ray considers alive; a frozen one still is for half a minute."""
        return [
            Machine(node["NodeID"], node["NodeManagerAddress"], node["Resources"].get("CPU", 0.0))
            for node in self._ray.nodes()
            if node["Alive"]
        ]

    def actor(self, kind: type[Any], machine: Machine, cpus: float, *arguments: Any) -> Any:
        """Request a ``kind(*arguments)`` on ``machine``; returns at once, even if it cannot be created."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": cpus,
            "max_restarts": 0,  # ActorPool chooses where the next one starts, and with what
            "scheduling_strategy": NodeAffinitySchedulingStrategy(machine.id, soft=False),
            "enable_task_events": False,
        }
        return self._ray.remote(kind).options(**options).remote(*arguments)

    def call(self, actor: Any, method: str, order: bytes, on_done: OnDone, pieces: int = 1) -> None:
        """Call a method that takes bytes and returns them in ``pieces``; ``on_done`` gets the answer."""
        remote = getattr(actor, method)
        if pieces == 1:
            future = remote.remote(order).future()
            future.add_done_callback(lambda done: on_done(done.result))
            return
        refs = remote.options(num_returns=pieces).remote(order)
        future = refs[-1].future()  # all pieces come in one reply
        future.add_done_callback(
            lambda done: on_done(lambda: b"".join([*self._ray.get(refs[:-1]), done.result()]))
        )

    def task(self, function: Callable[[bytes], bytes], cpus: float, order: bytes, on_done: OnDone) -> None:
        """Run a function on any machine that has or gets ``cpus`` free processors; on another if it fails."""
        options = {"num_cpus": cpus, "max_retries": RETRIES}
        future = self._ray.remote(function).options(**options).remote(order).future()
        future.add_done_callback(lambda done: on_done(done.result))

    def kill(self, actor: Any) -> None:
        """Kill an actor, or cancel its start; one that cannot be reached ends with its node."""
        with contextlib.suppress(Exception):
            self._ray.kill(actor)

    def close(self) -> None:
        """Disconnect from the cluster, which ends everything this process started there."""
        self._ray.shutdown()


WORKERS_FROM, PORTS = 10, 200
"""Offset of the worker processes' ports in the range of ports, and the size of the range."""
