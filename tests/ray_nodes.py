"""What tests do to the nodes of a cluster on loopback addresses."""

from __future__ import annotations

import contextlib

import psutil

from training.benchmarks.loopback_cluster import LoopbackCluster


class RayNodes(LoopbackCluster):
    """A cluster whose actors can be found."""

    def actors(self, address: str) -> list[psutil.Process]:
        """Processes of actors on a node."""
        found = []
        for process in self.family(address):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "EmulatorActor" in " ".join(process.cmdline()):
                    found.append(process)
        return found
