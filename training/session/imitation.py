"""Demonstrations in a session: their samples, cloning before the first step, and the state of imitation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from training.demonstrations.demo_set import DemonstrationSet
from training.demonstrations.samples import Samples, make_samples, open_demonstrations
from training.ppo.cloning import clone
from training.ppo.demonstrated import section_of
from training.ppo.imitation import Imitation
from training.ppo.pipelined_ppo import PipelinedPPO
from training.session.plan import Plan


def demonstration_facts(plan: Plan) -> dict[str, Any] | None:
    """Return what the manifest tells about the demonstrations of a new run, or None without any.

    Raises UserError if the set is damaged or does not fit the run.
    """
    sections = [section for section in (plan.config.init, section_of(plan.task)) if section is not None]
    found = {one.sha256: one for one in (open_demonstrations(section, plan.task) for section in sections)}
    if not found:
        return None
    first, *others = (_facts(one) for one in found.values())
    return {**first, **({"others": others} if others else {})}


def _facts(found: DemonstrationSet) -> dict[str, Any]:
    manifest = found.manifest
    facts = {"episodes": len(found), "steps": manifest.steps, "player": manifest.player}
    return {**facts, "source": dict(manifest.source), "sha256": found.sha256}


def check_demonstrations(plan: Plan) -> None:
    """Raise UserError if the session needs demonstrations and they are damaged or do not fit the run."""
    if _needed(plan) and plan.config.init is not None:
        open_demonstrations(plan.config.init, plan.task)
    section = section_of(plan.task)
    if section is not None and plan.resume is None:
        open_demonstrations(section, plan.task)


def _needed(plan: Plan) -> bool:
    """Whether the session clones, or updates imitate."""
    section = plan.config.init
    clones = section is not None and section.epochs > 0 and plan.resume is None
    return clones or plan.config.imitates


def samples_for(plan: Plan) -> Samples | None:
    """Replay the demonstrations of the plan, or return None if the session needs none.

    Raises UserError if the set is damaged or does not fit the run.
    """
    config, section = plan.config, plan.config.init
    if section is None or not _needed(plan):
        return None
    found = open_demonstrations(section, plan.task)
    print(f"demonstrations: replaying {len(found)} episodes, {found.manifest.steps:,} steps", flush=True)
    return make_samples(found, plan.task, section.held_out, config.seed)


def clone_first(plan: Plan, model: PipelinedPPO, samples: Samples, stopping: Callable[[], bool]) -> None:
    """Clone the demonstrations before the first step of a new run. Records ``clone/*`` by epoch."""
    section = plan.config.init
    if section is None or not section.epochs or plan.resume is not None:
        return

    def log(epochs: int, curves: Mapping[str, float]) -> None:
        for name, value in curves.items():
            model.logger.record(f"clone/{name}", value)
        model.logger.dump(epochs)

    cloned = clone(model, samples, section, plan.config.seed, log, stopping)
    text = f"cloned {len(samples.learned):,} actions in {cloned.epochs} epochs"
    if len(samples.held_out):
        text += (
            f"; of {len(samples.held_out):,} held-out ones {cloned.accuracy:.1%} are the most likely, mean"
            f" log-likelihood {cloned.log_likelihood:.3f}"
        )
    print(text, flush=True)
    if cloned.epochs < section.epochs:
        print(f"warning: cloning stopped before epoch {section.epochs}; a resumed run does not go on with it")


class ImitationState(BaseCallback):
    """Makes the state of ``imitation`` part of checkpoints. See training.checkpoints.callback_states."""

    state_key = "imitation"

    def __init__(self, imitation: Imitation) -> None:
        super().__init__()
        self._imitation = imitation

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the random generator."""
        return self._imitation.snapshot()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        self._imitation.restore(snapshot)

    def _on_step(self) -> bool:
        return True
