"""PPO on groups of games whose results arrive in a scripted order, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from envs.cluster.ray_vec_env import LOST
from envs.observations import Observations
from envs.red_env import RedEnv
from envs.vec_env import EmulatorVecEnv
from tests.training.conftest import TINY
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.local import env_makers
from training.environments.monitor import ClusterMonitor
from training.environments.task import resolve_task
from training.ppo.async_ppo import AsyncPPO
from training.ppo.build import build_model
from training.ppo.rollout_buffer import ReusedRolloutBuffer

ROWS, ENVS = 12, 4
CONFIG = {**TINY, "num_envs": ENVS, "workers": 2, "max_steps": 10, "n_steps": ROWS, "batch_size": 12}
News = tuple[int, bool] | None
Script = Callable[["Scripted"], News]


class Scripted(EmulatorVecEnv):
    """Real games in two groups, with scripted news, since no machine fails at a chosen row.

    ``script`` returns the next news. A step of a group in ``losing`` is lost.
    """

    script: Script

    def __init__(self, config: TrainConfig) -> None:
        spaces = Observations(config.observations).space, RedEnv.actions()
        super().__init__(env_makers(resolve_task(config), ENVS), 2, spaces=spaces)
        self.under_way: list[int] = []
        self.losing: set[int] = set()
        self.gone: set[int] = set()

    def step_group(self, group: int, actions: Any) -> None:
        assert group not in self.gone and group not in self.under_way
        self.under_way.append(group)
        super().step_group(group, actions)

    def wait_group(self, group: int) -> Any:
        self.under_way.remove(group)
        observations, rewards, dones, infos = super().wait_group(group)
        if group in self.losing:
            self.losing.discard(group)
            self.gone.add(group)
            rewards[:], dones[:] = 0, True
            infos = [{LOST: True, "TimeLimit.truncated": True} for _ in infos]
        return observations, rewards, dones, infos

    def next_news(self, seconds: float) -> News:
        return self.script(self)

    def take_back(self, group: int) -> Any:
        self.gone.remove(group)
        return self._observations(group)

    def absent(self, group: int) -> bool:
        return group in self.gone

    def stepping(self, group: int) -> bool:
        return group in self.under_way


Make = Callable[..., tuple[AsyncPPO, Scripted]]


def scripted_models() -> Iterator[Make]:
    """Yield make(script, **changes), which gives a new model of CONFIG on games with scripted news."""
    made: list[Scripted] = []

    def model(script: Script, **changes: Any) -> tuple[AsyncPPO, Scripted]:
        config = load_config(None, {**CONFIG, **changes})
        env = Scripted(config)
        env.script = script
        made.append(env)
        ppo = build_model(config, ClusterMonitor(env))  # type: ignore[arg-type]
        assert isinstance(ppo, AsyncPPO)
        ppo.late_factor = None
        return ppo, env

    yield model
    for env in made:
        env.close()


def rollout(model: AsyncPPO, callback: BaseCallback | None = None, first: bool = True) -> ReusedRolloutBuffer:
    _, callbacks = model._setup_learn(10**6, callback, reset_num_timesteps=first)
    assert model.env is not None
    assert model.collect_rollouts(model.env, callbacks, model.rollout_buffer, ROWS)
    return model.rollout_buffer


def in_turns(env: Scripted) -> News:
    return env.under_way[0], True
