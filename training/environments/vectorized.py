"""Vector environments of a task: worker processes on this machine, or actors on a Ray cluster."""

from __future__ import annotations

from pathlib import Path

from envs.cluster.actor import ActorSpec
from envs.cluster.actor_handle import ActorTimeouts
from envs.cluster.ray_vec_env import ClusterLayout, RayVecEnv
from envs.episodes.receiver import EpisodeReceiver
from envs.red_env import RedEnv
from envs.vec_env import EmulatorVecEnv
from training.environments.local import check_display, env_makers, observations_of
from training.environments.monitor import ClusterMonitor, GroupVecMonitor
from training.environments.remote import RemoteMakers
from training.environments.task import Task


def task_vec_env(
    task: Task, num_envs: int | None = None, *, use_graphics: bool = False, record: Path | None = None
) -> GroupVecMonitor:
    """Make ``num_envs`` (default: the config's) environments of ``task`` in ``config.workers`` processes
    (default: one per core), or on the Ray cluster at ``config.ray_address``.

    ``use_graphics`` shows the first environment in a window. ``record`` is a folder for recorded episodes
    (default: do not record).

    Raises:
        UserError: there is no display for the window, or no cluster with room and the same cartridge.
    """
    config, count = task.config, num_envs or task.config.num_envs
    if config.ray_address is not None:
        return _on_a_cluster(task, config.ray_address, count, record)
    if use_graphics:
        check_display()
    makers = env_makers(task, count, use_graphics=use_graphics, record=record)
    spaces = observations_of(config).space, RedEnv.actions()
    emulators = EmulatorVecEnv(makers, config.workers, step_timeout=config.step_timeout, spaces=spaces)
    return GroupVecMonitor(emulators)


def _on_a_cluster(task: Task, address: str, count: int, record: Path | None) -> ClusterMonitor:
    env_makers(task, 1)  # find mistakes before any actor starts
    config, ray = task.config, task.config.ray
    makers = RemoteMakers.of(task, record is not None)
    space = observations_of(config).space
    spec = ActorSpec(makers, space, ray.processors, config.step_timeout, ray.compress)
    timeouts = ActorTimeouts(ray.answer_timeout, ray.start_timeout, ray.lost_timeout, ray.retry_every)
    receiver = None
    if record is not None:
        starts = [start for start, _ in task.starts]
        receiver = EpisodeReceiver(record.absolute(), starts, task.game.sha1, count)
    layout = ClusterLayout(address, count, config.envs_per_actor, timeouts)
    return ClusterMonitor(RayVecEnv(layout, spec, RedEnv.actions(), receiver))
