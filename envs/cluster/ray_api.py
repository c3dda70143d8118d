"""The one file that imports Ray: connecting to a cluster, its machines, actors and tasks on them."""

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
"""How often a task begins anew because its machine failed."""
REACH_TIMEOUT = 5.0
"""Seconds in which the head must accept a connection."""
SETTINGS = {
    # Who has not the token is refused: without one, whoever reaches a port runs what he likes.
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment variables of every process that has to do with Ray, unless they are set already."""
Tell = Callable[[Callable[[], bytes]], None]
"""Is given a function that returns a call's answer, or raises, once that is there; called in another
thread."""


@dataclass(frozen=True)
class Machine:
    """A node of the cluster: its id, its address, and how many processors it was said to have."""

    id: str
    address: str
    cpus: float


def require_ray() -> None:
    """Raise UserError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UserError("--workers ray, --ray-address: Ray is not installed; pip install -e '.[ray]'")


def ray_module() -> Any:
    """Ray, imported with SETTINGS. Raises UserError where it is not installed."""
    require_ray()
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def _reach(address: str) -> None:
    """Raise UserError unless something listens at ``address``: Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"ray_address {address}: must be HOST:PORT, as the head of the cluster said it")
    try:
        socket.create_connection((host, int(port)), REACH_TIMEOUT).close()
    except OSError as error:
        raise UserError(
            f"ray_address {address}: cannot be reached ({error.strerror or error}); was the head started?"
        ) from error


class Cluster:
    """A connection to the cluster whose head is at ``address``. Raises UserError when there is none."""

    def __init__(self, address: str) -> None:
        self._ray = ray_module()
        _reach(address)
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", namespace="pokered")
        except Exception as error:  # each of Ray's layers has kinds of its own
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"ray_address {address}: {reason}; is the token the head's?") from error
        self.address = address

    def machines(self) -> list[Machine]:
        """The nodes that Ray takes for alive; a frozen one is among them for half a minute."""
        return [
            Machine(node["NodeID"], node["NodeManagerAddress"], node["Resources"].get("CPU", 0.0))
            for node in self._ray.nodes()
            if node["Alive"]
        ]

    def actor(self, kind: type[Any], machine: Machine, cpus: float, *arguments: Any) -> Any:
        """A ``kind(*arguments)`` on ``machine``; returns at once, whether or not it can be made."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": cpus,
            "max_restarts": 0,  # who lost it says where the next one starts, and with what
            "scheduling_strategy": NodeAffinitySchedulingStrategy(machine.id, soft=False),
            "enable_task_events": False,
        }
        return self._ray.remote(kind).options(**options).remote(*arguments)

    def call(self, actor: Any, method: str, order: bytes, tell: Tell, pieces: int = 1) -> None:
        """Call a method that takes bytes and gives bytes, or ``pieces`` of them; ``tell`` has the answer."""
        remote = getattr(actor, method)
        if pieces == 1:
            future = remote.remote(order).future()
            future.add_done_callback(lambda done: tell(done.result))
            return
        refs = remote.options(num_returns=pieces).remote(order)
        future = refs[-1].future()  # all of them come with one reply
        future.add_done_callback(
            lambda done: tell(lambda: b"".join([*self._ray.get(refs[:-1]), done.result()]))
        )

    def task(self, function: Callable[[bytes], bytes], cpus: float, order: bytes, tell: Tell) -> None:
        """Run a function wherever ``cpus`` processors are free, or become free; on another machine when that
        one fails."""
        options = {"num_cpus": cpus, "max_retries": RETRIES}
        future = self._ray.remote(function).options(**options).remote(order).future()
        future.add_done_callback(lambda done: tell(done.result))

    def kill(self, actor: Any) -> None:
        """End an actor, or see to it that it never begins; one that cannot be reached ends with its node."""
        with contextlib.suppress(Exception):
            self._ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster; what this process started there ends."""
        self._ray.shutdown()


WORKERS_FROM, PORTS = 10, 200
"""Where in the range of ports those of worker processes begin; how many ports the range has."""
