"""Environments on the machines of a Ray cluster: a VecEnv whose workers are actors, each with its own crew.

What it gives is what EmulatorVecEnv gives for the same seeds and actions. An actor that is lost, with or
without its machine, ends its episodes as truncated, with the last observation that came, and is started again
wherever there is room: ``next_news`` and ``wait_group`` never wait for that, ``step`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gymnasium import Space
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from envs.cluster.actor import ActorSpec
from envs.cluster.actor_handle import ActorTimeouts
from envs.cluster.ray_api import Cluster
from envs.cluster.remote_pool import RemotePool
from envs.episodes.receiver import EpisodeReceiver
from envs.vec_env import PooledVecEnv
from envs.workers.pool_protocol import replacement_seed

LOST = "lost"
"""In the info of the result that ends a lost episode: no such step was taken."""


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """``count`` environments, ``each`` to an actor, on the cluster whose head is at ``address``."""

    address: str
    count: int
    each: int
    timeouts: ActorTimeouts = field(default_factory=ActorTimeouts)


class RayVecEnv(PooledVecEnv):
    """Environments on a cluster.

    ``terms`` says how an actor makes its environments, ``actions`` is their action space; ``shelf`` takes the
    episodes that they record.

    Raises UserError when there is no cluster, no room in it, or a machine without the run's cartridge;
    WorkerFailed when an environment raises or sends what none gives; AllLost.
    """

    _crew: RemotePool

    def __init__(
        self,
        layout: ClusterLayout,
        terms: ActorSpec,
        actions: Space[Any],
        shelf: EpisodeReceiver | None = None,
    ) -> None:
        self._shelf = shelf
        numbers = shelf.next_numbers if shelf is not None else lambda indices: [0 for _ in indices]
        cluster = Cluster(layout.address)
        crew = RemotePool(cluster, terms, layout.count, layout.each, layout.timeouts, numbers)
        super().__init__(crew, (terms.space, actions))

    # --- steps ---

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """As EmulatorVecEnv's; of a group that was lost the end of its episodes (info["lost"]), with their
        last observations in place of new ones."""
        observations, rewards, dones, infos = super().wait_group(group)
        if self._crew.absent(group):
            for info in infos:
                info[LOST] = True
        elif self._shelf is not None:
            for offset, info in enumerate(infos):
                self._keep(self.groups[group].start + offset, info)
        return observations, rewards, dones, infos

    def _keep(self, index: int, info: dict[str, Any]) -> None:
        assert self._shelf is not None
        if "episode_stats" in info:
            self._shelf.ended(index, info.pop("episode_file", None))

    def step_wait(self) -> VecEnvStepReturn:
        """As EmulatorVecEnv's: lost environments are waited for."""
        _, rewards, dones, infos = super().step_wait()
        for group in range(self.n_groups):
            if self._crew.absent(group):
                self._crew.await_back(group)
                for index in range(self.groups[group].start, self.groups[group].stop):
                    self.reset_infos[index] = self._crew.reset_infos.pop(index, {})
        return self._all_observations(), rewards, dones, infos

    def next_news(self, seconds: float) -> tuple[int, bool] | None:
        """See RemotePool.next_news."""
        return self._crew.next_news(seconds)

    def take_back(self, group: int) -> Any:
        """The first observations of a group that is back."""
        self._crew.await_back(group)
        return self._observations(group)

    def absent(self, group: int) -> bool:
        """Whether the group has no environments just now."""
        return self._crew.absent(group)

    def stepping(self, group: int) -> bool:
        """Whether a step of the group is under way, or its result not taken yet."""
        return self._crew.stepping(group)

    # --- snapshots ---

    def snapshot(self) -> dict[str, Any]:
        """As EmulatorVecEnv's; absent environments begin anew when it is restored."""
        found = super().snapshot()
        found["environments"] = [one or {"begun": False} for one in found["environments"]]
        return found

    def restore(self, snapshot: Mapping[str, Any]) -> VecEnvObs:
        """As EmulatorVecEnv's."""
        environments = list(snapshot["environments"])
        if len(environments) != self.num_envs:
            raise ValueError(f"a snapshot of {len(environments)} environments, not {self.num_envs}")
        base, replaced = int(snapshot["base_seed"]), int(snapshot["replaced"])
        self._crew.base_seed, self._crew.replaced = base, replaced
        seeds = [replacement_seed(base, replaced, index) for index in range(self.num_envs)]
        self._crew.reset(seeds, [{} for _ in seeds])
        for index, environment in enumerate(environments):
            if len(environment) > 1:
                self._put(index, self.env_method("restore", environment, indices=index)[0])
                if self._shelf is not None and "recorder" in environment:
                    self._shelf.cut(index, environment["recorder"]["number"])
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()
