"""Runs one training session: builds environments, model and callbacks from a plan, and trains."""

from __future__ import annotations

import contextlib
import time

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from callbacks.health.callback import WEIGHTS_BROKEN
from callbacks.health.report import lines
from envs.errors import UserError
from envs.files import write_json
from training.checkpoints.applying import apply_weights
from training.demonstrations.samples import Samples
from training.environments.local import observations_of
from training.environments.vectorized import task_vec_env
from training.event_logs.trackers import check_trackers, open_trackers
from training.event_logs.writer import EventLog
from training.learned_rewards.random_play import warm_up
from training.learned_rewards.registry import check_reward_model
from training.policies.registry import check_policy
from training.ppo.build import build_model, resolve_device
from training.ppo.chunked_ppo import require_bfloat16
from training.ppo.demonstrated import show_demonstrations
from training.replays.episode_folder import FOLDER
from training.resources.out_of_memory import OutOfMemory, in_one_line, is_out_of_memory
from training.runs.config_source import config_source
from training.runs.folder import TENSORBOARD, create_run, lock_run, session_record
from training.runs.manifest import DEMONSTRATIONS, add_session, demonstrations_behind, demonstrations_of
from training.runs.summary import RunSummary, opening, pays
from training.session.callbacks import SessionCallbacks
from training.session.imitation import (
    check_demonstrations,
    clone_first,
    demonstration_facts,
    samples_for,
)
from training.session.notices import notices
from training.session.plan import Plan
from training.session.resume import cut_back, restore_session
from training.session.sizing import check_memory


class Diverged(RuntimeError):
    """Weights became NaN or infinite; health.json says what to change."""


class NotSaved(RuntimeError):
    """The session's last checkpoint could not be written."""


class Session:
    """A training session built from a plan. Call ``run()`` once."""

    def __init__(self, plan: Plan, env: VecEnv) -> None:
        self.plan = plan
        self.samples: Samples | None = None
        """Demonstrations, which ``run`` needs if the config has some."""
        self.model = build_model(plan.config, env)
        learned = self.model.intrinsic
        self.callbacks = SessionCallbacks(
            plan,
            learned.model if learned is not None else None,
            self.model.imitation,
            self.model.reverse_model,
        )
        self._finish_restore: list[BaseCallback] = []
        if plan.weights is not None:
            apply_weights(plan.weights, self.model)
        if plan.resume is not None:
            self._finish_restore = [restore_session(plan, self.model, self.callbacks.in_order)]

    def give(self, samples: Samples | None) -> None:
        """Take the demonstrations that ``run`` clones and updates imitate."""
        self.samples = samples
        if self.model.imitation is not None:
            self.model.imitation.samples = samples

    def run(self) -> RunSummary:
        """Create or continue the run's folder, train, save, and return a summary."""
        self._open_folder()
        with self.plan.lock or lock_run(self.plan.folder), self.callbacks.stop, self.callbacks.history:
            plan = self.plan
            print(opening(plan.folder, plan.config, plan.first_step, plan.last_step), flush=True)
            log = EventLog(self.plan.folder / TENSORBOARD, self.plan.first_step)
            writers = [log, *open_trackers(self.plan.config, self.plan.folder)]
            self.model.set_logger(Logger(str(self.plan.folder / TENSORBOARD), writers))
            started = time.monotonic()
            try:
                self._learn()
            except KeyboardInterrupt:  # end at once, without saving
                raise
            except Exception:  # an environment failed: keep what was learned so far
                self._settle_and_save()
                raise
            else:
                finished = self._settle_and_save()
            finally:
                self.callbacks.episodes.tidy()
                self.model.logger.close()
            if self.callbacks.checkpoints.refused:
                raise NotSaved(f"run {self.plan.folder.name}: its last checkpoint could not be written")
            return self._summary(time.monotonic() - started, finished)

    def _settle_and_save(self) -> bool:
        self.callbacks.stop.settle()
        finished = self.model.num_timesteps >= self.plan.config.training_steps
        if not self.callbacks.health.diverged(self.model):  # never replaces a checkpoint with NaN
            self.callbacks.checkpoints.save_last(finished)
        return finished

    def _open_folder(self) -> None:
        plan = self.plan
        session = session_record(plan.first_step)
        if plan.resume is not None:
            cut_back(plan.folder, plan.first_step)
            write_json(plan.folder / "config.json", plan.config.model_dump(mode="json"))
            add_session(plan.folder, session, plan.last_step)
            return
        behind = demonstration_facts(plan) or (plan.weights and demonstrations_behind(plan.weights.folder))
        facts = plan.task.facts()
        manifest = {
            "name": plan.folder.name,
            **facts,
            **({DEMONSTRATIONS: behind} if behind else {}),
            "interventions": [*plan.task.interventions, *([DEMONSTRATIONS] if behind else [])],
            "seed": plan.config.seed,
            "sweep": plan.config.sweep,
            "training_steps": plan.last_step,
            "init_from": str(plan.weights.folder.resolve()) if plan.weights else None,
            "config_source": config_source(plan.config_file, plan.config),
            "sessions": [session],
        }
        create_run(plan.folder, plan.config, manifest)

    def _learn(self) -> None:
        if self.model.intrinsic is not None:
            warm_up(self.model.intrinsic.model, self.plan.task)
            show_demonstrations(self.model.intrinsic.model, self.model, self.plan.task)
        remaining = self.plan.config.training_steps - self.plan.first_step
        callbacks = [*self.callbacks.in_order, *self._finish_restore]
        if self.samples is not None:
            clone_first(self.plan, self.model, self.samples, lambda: self.callbacks.stop.reason is not None)
        try:
            self.model.learn(remaining, callback=callbacks, reset_num_timesteps=False)
        except ValueError as error:  # torch raises it for a policy whose weights are not finite
            if self.callbacks.health.diverged(self.model):
                raise Diverged(f"training diverged: {WEIGHTS_BROKEN}") from error
            raise
        if self.callbacks.health.diverged(self.model):
            raise Diverged(f"training diverged: {WEIGHTS_BROKEN}")

    def _summary(self, seconds: float, finished: bool) -> RunSummary:
        seen, stop = self.callbacks, self.callbacks.stop
        return RunSummary(
            folder=self.plan.folder,
            steps=self.model.num_timesteps,
            wanted_steps=self.plan.last_step,
            session_steps=self.model.num_timesteps - self.plan.first_step,
            seconds=seconds,
            updates=seen.totals.counts["updates"],
            counts=seen.totals.counts,
            start=self.plan.task.describe_start(),
            interventions={**seen.interventions.counts, **demonstrations_of(self.plan.folder)},
            mean_return=seen.totals.mean_return,
            metrics=seen.health.run.means(),
            verdict=seen.health.verdict,
            findings=lines(seen.health.run),
            stopped_by=None if finished else stop.reason,
            signal=stop.signal,
            dropped_steps=stop.dropped_steps,
            episodes=seen.episodes.line,
        )


def train(plan: Plan) -> RunSummary:
    """Train according to ``plan``. Nothing is written before environments and model are built.

    Raises:
        UserError: the device, ROM, start state or a checkpoint is wrong, or there is too little memory.
        WorkerFailed: an environment raised, or workers died again and again; what was learned so far is
            saved.
        OutOfMemory: memory ran out while learning; what was learned so far is saved.
        Diverged: weights became NaN or infinite; the previous checkpoint is kept.
        NotSaved: the last checkpoint could not be written.
    """
    device = resolve_device(plan.config.device)
    if plan.config.bfloat16:
        require_bfloat16(device)
    check_trackers(plan.config)
    check_reward_model(plan.config)
    check_policy(plan.config, observations_of(plan.config).space)
    check_demonstrations(plan)
    memory = check_memory(plan.config, plan.ignore_memory)
    lines_before = [memory, *notices(plan), pays(plan.config)]
    env = task_vec_env(plan.task, use_graphics=plan.use_graphics, record=plan.folder / FOLDER)
    with contextlib.closing(env):
        session = _session(plan, env)
        print("\n".join(lines_before), flush=True)
        with samples_for(plan) or contextlib.nullcontext() as samples:
            session.give(samples)
            return _run(session)


def _run(session: Session) -> RunSummary:
    try:
        return session.run()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        name = session.plan.folder.name
        raise OutOfMemory(
            f"run {name}: memory ran out while training ({in_one_line(error)}); close other programs and go"
            f" on with --resume {name}, or start again with a smaller --batch-size"
        ) from error


def _session(plan: Plan, env: VecEnv) -> Session:
    """Build the session. Raises UserError if there is no memory for it."""
    try:
        return Session(plan, env)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"memory: there is not enough for the rollout buffer and the model ({in_one_line(error)}); use a"
            " smaller --num-envs or --n-steps"
        ) from error
