"""How well a reward from demonstrations tells held-out ones from random play.

``python -m training.evaluation.imitation_rewards CONFIG`` prints AUROC, the probability that a held-out
demonstrated transition scores above one of random play: of AMP's discriminator after it learned from other
random play, or of NEAR's energy at each noise level, and there the mean energy with added noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.errors import UserError
from training.cli.parsing import run_program
from training.cli.table import table
from training.config.loading import load_config
from training.config.sections.imitation_rewards import FromDemonstrations
from training.environments.local import observations_of
from training.environments.task import Task, resolve_task
from training.learned_rewards.from_demonstrations.amp import AdversarialReward
from training.learned_rewards.from_demonstrations.near import EnergyReward
from training.learned_rewards.from_demonstrations.transitions import Bytes, MomentLayout, of_demonstrations
from training.learned_rewards.interface import Setting
from training.learned_rewards.random_play import played
from training.learned_rewards.registry import make_reward_model
from training.ppo.chunked_ppo import threads
from training.ppo.demonstrated import demonstrated, replayed, section_of

EPISODES, STEPS = 8, 512
"""Episodes of random play, half of them to learn from, and their steps."""
UPDATES = 50
"""Updates of AMP's discriminator."""
NOISE = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Added noise, in deviations of the standardised features."""
SEED = 0xA0C
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measured:
    """Transitions to measure with: held-out demonstrations and random play, (n, 2, width) each."""

    held_out: Bytes
    random: Bytes


def auroc(positive: Scores, negative: Scores) -> float:
    """Return the probability that a positive score is above a negative one; half of it for equal ones."""
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    return float(below.mean() / 2 / len(negative))


def random_transitions(task: Task, layout: MomentLayout, seeds: Sequence[int]) -> Bytes:
    """Return the transitions of an episode of random buttons for each seed."""
    found = []
    for seed in seeds:
        play = task.with_settings(seed=seed, max_steps=STEPS + 1, goal=None)
        rows = np.concatenate([layout.rows(batch) for batch in played(play, STEPS)])
        found.append(np.stack([rows[:-1], rows[1:]], axis=1))
    return np.concatenate(found)


def of_amp(model: AdversarialReward, learned: Bytes, measured: Measured) -> list[list[str]]:
    """Return the rows about the discriminator, after it learned to tell ``learned`` from demonstrations."""
    for _ in range(UPDATES):
        curves = model.learn(learned)
    found = auroc(model.logits(measured.held_out), model.logits(measured.random))
    paid = [f"{model.rewards(pairs).mean():.3f}" for pairs in (measured.held_out, measured.random)]
    return [
        ["AUROC of the discriminator", f"{found:.3f}"],
        ["accuracy in the last update", f"{curves['accuracy']:.3f}"],
        ["mean reward of held-out demonstrations", paid[0]],
        ["mean reward of random play", paid[1]],
    ]


def of_near(model: EnergyReward, measured: Measured) -> list[list[str]]:
    """Return a row for each noise level: AUROC, and mean energies of held-out demonstrations with noise."""
    assert model.network is not None
    chance = np.random.default_rng(SEED)
    shape = len(measured.held_out), model.features.width
    noise = chance.standard_normal(shape).astype(np.float32)
    rows = [["level", "sigma", "AUROC", *(f"energy, noise {scale:g}" for scale in NOISE), "falls"]]
    for level, sigma in enumerate(model.network.sigmas.tolist()):
        found = auroc(model.energies(measured.held_out, level), model.energies(measured.random, level))
        means = [float(model.energies(measured.held_out, level, noise * scale).mean()) for scale in NOISE]
        falls = "yes" if means == sorted(means, reverse=True) else "no"
        rows.append([str(level), f"{sigma:.3g}", f"{found:.3f}", *(f"{mean:.3g}" for mean in means), falls])
    return rows


def measure(task: Task, section: FromDemonstrations) -> str:
    """Train the reward of ``section`` as a run of ``task`` would, and return the figures as a table."""
    task = task.with_settings(observations=section.inputs)
    space = observations_of(task.config).space
    assert isinstance(space, spaces.Dict)
    layout = MomentLayout(space, section.inputs)
    model = make_reward_model(section, Setting(space, 1, task.config.seed))
    with replayed(section, task) as samples:
        if not len(samples.held_out):
            raise UserError("intrinsic.held_out 0 leaves no demonstrations to measure with")
        shown = demonstrated(section, samples)
        model.learn_demonstrations(shown, _show)
        held_out = of_demonstrations(layout, shown, shown.held_out)
    seeds = [SEED + number for number in range(EPISODES)]
    learned, random = (random_transitions(task, layout, part) for part in (seeds[::2], seeds[1::2]))
    measured = Measured(held_out, random)
    rows = of_amp(model, learned, measured) if isinstance(model, AdversarialReward) else []
    rows = of_near(model, measured) if isinstance(model, EnergyReward) else rows
    return f"{len(held_out):,} held-out transitions, {len(random):,} of random play\n{table(rows)}"


def _show(count: int, curves: Mapping[str, float]) -> None:
    print(f"{count:,} iterations: " + ", ".join(f"{name} {value:.4g}" for name, value in curves.items()))


def main(arguments: Sequence[str]) -> int:
    """Print the figures of the config that is named. Raises UserError for wrong input."""
    if len(arguments) != 1:
        raise UserError("usage: python -m training.evaluation.imitation_rewards CONFIG")
    task = resolve_task(load_config(Path(arguments[0])))
    section = section_of(task)
    if section is None:
        raise UserError(f'{arguments[0]}: "intrinsic" has no reward from demonstrations (amp, near)')
    with threads(1):
        print(measure(task, section))
    return 0


if __name__ == "__main__":
    run_program(main)
