"""A VecEnv on the machines of a Ray cluster: its workers are actors, each with its own WorkerPool.

It returns what EmulatorVecEnv returns for the same seeds and actions. When an actor or its machine is lost,
its episodes end as truncated, with the last observation received, and the actor is started again where there
is room. ``next_news`` and ``wait_group`` never wait for that; ``step`` does.
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
"""Info key of a result that ends a lost episode: the step did not take place."""


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """``count`` environments, ``each`` per actor, on the cluster whose head is at ``address``."""

    address: str
    count: int
    each: int
    timeouts: ActorTimeouts = field(default_factory=ActorTimeouts)


class RayVecEnv(PooledVecEnv):
    """Environments on a Ray cluster.

    ``spec`` says how actors create their environments, ``actions`` is their action space, and ``receiver``
    stores the episodes they record.

    Raises UserError if there is no cluster, no room in it, or a machine without the run's cartridge;
    WorkerFailed if an environment raises or an actor sends an invalid message; AllLost.
    """

    _pool: RemotePool

    def __init__(
        self,
        layout: ClusterLayout,
        spec: ActorSpec,
        actions: Space[Any],
        receiver: EpisodeReceiver | None = None,
    ) -> None:
        self._receiver = receiver
        numbers = receiver.next_numbers if receiver is not None else lambda indices: [0 for _ in indices]
        cluster = Cluster(layout.address)
        pool = RemotePool(cluster, spec, layout.count, layout.each, layout.timeouts, numbers)
        super().__init__(pool, (spec.space, actions))

    # --- steps ---

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """As in EmulatorVecEnv; for a lost group, the end of its episodes (info["lost"]).

        The last observations then take the place of new ones.
        """
        observations, rewards, dones, infos = super().wait_group(group)
        if self._pool.absent(group):
            for info in infos:
                info[LOST] = True
        elif self._receiver is not None:
            for offset, info in enumerate(infos):
                self._keep(self.groups[group].start + offset, info)
        return observations, rewards, dones, infos

    def _keep(self, index: int, info: dict[str, Any]) -> None:
        assert self._receiver is not None
        if "episode_stats" in info:
            self._receiver.ended(index, info.pop("episode_file", None))

    def step_wait(self) -> VecEnvStepReturn:
        """As in EmulatorVecEnv; waits for lost environments to return."""
        _, rewards, dones, infos = super().step_wait()
        for group in range(self.n_groups):
            if self._pool.absent(group):
                self._pool.await_back(group)
                for index in range(self.groups[group].start, self.groups[group].stop):
                    self.reset_infos[index] = self._pool.reset_infos.pop(index, {})
        return self._all_observations(), rewards, dones, infos

    def next_news(self, seconds: float) -> tuple[int, bool] | None:
        """See RemotePool.next_news."""
        return self._pool.next_news(seconds)

    def take_back(self, group: int) -> Any:
        """Return the first observations of a group that is back."""
        self._pool.await_back(group)
        return self._observations(group)

    def absent(self, group: int) -> bool:
        """Whether the group currently has no environments."""
        return self._pool.absent(group)

    def stepping(self, group: int) -> bool:
        """Whether a step of the group is under way or its result has not been taken yet."""
        return self._pool.stepping(group)

    # --- snapshots ---

    def snapshot(self) -> dict[str, Any]:
        """As in EmulatorVecEnv; absent environments begin new episodes when it is restored."""
        found = super().snapshot()
        found["environments"] = [one or {"begun": False} for one in found["environments"]]
        return found

    def restore(self, snapshot: Mapping[str, Any]) -> VecEnvObs:
        """As in EmulatorVecEnv."""
        environments = list(snapshot["environments"])
        if len(environments) != self.num_envs:
            raise ValueError(f"a snapshot of {len(environments)} environments, not {self.num_envs}")
        base, replaced = int(snapshot["base_seed"]), int(snapshot["replaced"])
        self._pool.base_seed, self._pool.replaced = base, replaced
        seeds = [replacement_seed(base, replaced, index) for index in range(self.num_envs)]
        self._pool.reset(seeds, [{} for _ in seeds])
        for index, environment in enumerate(environments):
            if len(environment) > 1:
                self._put(index, self.env_method("restore", environment, indices=index)[0])
                if self._receiver is not None and "recorder" in environment:
                    self._receiver.cut(index, environment["recorder"]["number"])
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()
