"""Demonstrations for a learned reward: replayed before the first step of a run, and kept by the reward."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.config.sections.imitation_rewards import FromDemonstrations
from training.demonstrations.samples import Samples, make_samples, open_demonstrations
from training.environments.task import Task
from training.learned_rewards.interface import Demonstrated, RewardModel
from training.ppo.chunked_ppo import threads
from training.ppo.pipelined_ppo import PipelinedPPO


def section_of(task: Task) -> FromDemonstrations | None:
    """Return the config's learned reward if it needs demonstrations."""
    section = task.config.intrinsic
    return section if isinstance(section, FromDemonstrations) else None


def replayed(section: FromDemonstrations, task: Task) -> Samples:
    """Replay the section's demonstrations through the observations that it compares.

    Raises UserError if the set is damaged or does not fit the task.
    """
    found = open_demonstrations(section, task)
    first = section.demonstration_steps
    limit = "" if first is None else f", the first {first:,} steps of each"
    print(f"{section.kind_name}: replaying {len(found)} demonstrations{limit}", flush=True)
    compared = task.with_settings(observations=section.inputs, ray_address=None)
    return make_samples(found, compared, section.held_out, task.config.seed, first)


def demonstrated(section: FromDemonstrations, samples: Samples) -> Demonstrated:
    """Return the samples as a learned reward takes them, without the first steps that the section skips."""
    episode = np.concatenate([[0], np.cumsum(samples.ends)[:-1]])
    steps = np.arange(len(episode)) - np.searchsorted(episode, episode)
    late = steps >= section.demonstration_skip
    learned, held_out = (indices[late[indices]] for indices in (samples.learned, samples.held_out))
    return Demonstrated(samples.observations, samples.ends, learned, held_out)


def show_demonstrations(reward: RewardModel, model: PipelinedPPO, task: Task) -> None:
    """Let ``reward`` learn from the demonstrations of the config, unless a checkpoint has what it learned.

    Records curves by the number of iterations.
    """
    section = section_of(task)
    if section is None or not reward.needs_demonstrations:
        return

    def log(count: int, curves: Mapping[str, float]) -> None:
        for name, value in curves.items():
            model.logger.record(f"{section.kind_name}/{name}", value)
        model.logger.dump(count)

    with replayed(section, task) as samples:
        with threads(1):
            reward.learn_demonstrations(demonstrated(section, samples), log)
        print(f"{section.kind_name}: learned from {len(samples.learned):,} demonstrated steps", flush=True)
