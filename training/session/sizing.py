"""Checks a run's memory and measures the best number of environments before it starts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from envs.errors import UserError
from envs.red_env import RedEnv
from envs.workers.cpu_affinity import available_cores
from training.config.presets import divisors_near
from training.config.schema import TrainConfig
from training.config.sections.policy import Gpt2Config
from training.environments.local import observations_of
from training.environments.task import Task
from training.environments.vectorized import task_vec_env
from training.policies.registry import policy_class
from training.ppo.build import build_model, resolve_device
from training.resources.chunk_sizes import samples_at_once
from training.resources.memory_estimate import MemoryEstimate, available_memory, preflight, window_bytes

PER_CORE = (2, 4, 8, 16)
"""Numbers of environments per core to try."""
TRIED_STEPS = 32
"""Steps per environment of a timed rollout."""
TRIED_SECONDS = 1.5
GOOD_ENOUGH = 0.97
"""Share of the best speed above which fewer environments are preferred: their rollouts use newer policies."""
WithSettings = Callable[[Mapping[str, Any]], TrainConfig]


def memory_of(config: TrainConfig) -> MemoryEstimate:
    """Return the memory estimate for the config. Raises UserError for a device that is not available."""
    space = observations_of(config).space
    on_cpu = resolve_device(config.device).type == "cpu"
    with torch.random.fork_rng(devices=[]):
        found = policy_class(config, space)
        # Only the number of weights matters, and orthogonal ones take longest.
        policy = found.kind(space, RedEnv.actions(), lambda _: 0.0, **{**found.settings, "ortho_init": False})
    length, window, read = _sequences(config)
    return MemoryEstimate(
        num_envs=config.num_envs,
        n_steps=config.n_steps,
        workers=min(config.workers or available_cores(), config.num_envs),
        observation_bytes=sum(math.prod(part.shape or ()) for part in space.values()),
        samples=samples_at_once(config.batch_size, available_cores(), length, window) if on_cpu else 0,
        sample_bytes=read,
        parameters=sum(parameter.numel() for parameter in policy.parameters()),
        elsewhere=config.ray_address is not None,
    )


def _sequences(config: TrainConfig) -> tuple[int, int, int]:
    """Return the steps of a sequence, those read to compute one, and the bytes that this needs."""
    section = config.policy
    if not isinstance(section, Gpt2Config):
        return 1, 1, 0
    read = window_bytes(section.window, section.d_model, section.num_layers, section.num_heads)
    return section.sequence_steps(config.n_steps, config.batch_size), section.window, read


def check_memory(config: TrainConfig, ignore: bool = False) -> str:
    """Return one line about the memory that the run will take.

    Raises UserError with the largest settings that fit when too little is free. With ``ignore`` that becomes
    a warning.
    """
    try:
        return preflight(memory_of(config), config.batch_size)
    except UserError as error:
        if not ignore:
            raise
        return f"warning: {error}"


def with_measured_num_envs(with_settings: WithSettings, task: Task) -> Task:
    """Return ``task`` with the number of environments for which rollouts are fastest, or nearly so.

    ``with_settings(settings)`` loads the config with ``settings`` on top. A batch_size that does not divide
    the rollout is replaced by the nearest that does. Prints the measurements and takes some seconds. Raises
    UserError when no number fits.
    """
    wanted = with_settings({}).batch_size
    free = available_memory()
    speeds: dict[int, float] = {}
    for number in (available_cores() * each for each in PER_CORE):
        config = _with_num_envs(with_settings, number, wanted)
        if config is None or (speeds and memory_of(config).total > free):
            continue
        speeds[number] = _speed(config, task)
        print(f"num_envs {number}: {speeds[number]:.0f} steps/s in rollouts", flush=True)
    if not speeds:
        raise UserError("--num-envs auto: no number fits the other settings; give a number")
    chosen = min(number for number, speed in speeds.items() if speed >= GOOD_ENOUGH * max(speeds.values()))
    config = _with_num_envs(with_settings, chosen, wanted)
    assert config is not None
    changed = f", batch_size {config.batch_size} instead of {wanted}" if config.batch_size != wanted else ""
    print(f"num_envs {chosen} chosen{changed}", flush=True)
    return Task(config, task.episodes)


def _with_num_envs(with_settings: WithSettings, number: int, batch_size: int) -> TrainConfig | None:
    """Return the config with ``number`` environments, or None when it has more workers than that."""
    settings = with_settings({})
    if (settings.workers or 1) > number:
        return None
    rollout = number * settings.n_steps
    fitting = divisors_near(rollout, batch_size, count=1)[0]
    return with_settings({"num_envs": number, "n_steps": settings.n_steps, "batch_size": fitting})


def _speed(config: TrainConfig, task: Task) -> float:
    """Measure the steps/s of rollouts of ``task`` with the config's sizes and network."""
    short = config.model_copy(update={"n_steps": TRIED_STEPS, "batch_size": config.num_envs})
    env = task_vec_env(Task(short, task.episodes))
    try:
        model = build_model(short, env)
        _, callback = model._setup_learn(10**9, None)
        model.collect_rollouts(env, callback, model.rollout_buffer, TRIED_STEPS)  # to warm up
        began, before = time.perf_counter(), model.num_timesteps
        while time.perf_counter() - began < TRIED_SECONDS:
            model.collect_rollouts(env, callback, model.rollout_buffer, TRIED_STEPS)
        return (model.num_timesteps - before) / (time.perf_counter() - began)
    finally:
        env.close()
