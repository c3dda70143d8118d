"""One training session: environments, model and callbacks from a plan, until it ends, stops or is stopped."""

from __future__ import annotations

import math
import time

from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from callbacks.agent_stats import AgentStatsCallback
from callbacks.episode_metrics import EpisodeMetrics
from callbacks.farm_alarm import FarmAlarm
from callbacks.graceful_stop import GracefulStop
from callbacks.health.callback import WEIGHTS_BROKEN, HealthCallback
from callbacks.health.report import lines
from callbacks.interventions import InterventionLedger
from callbacks.layer_weights import LayerWeights
from callbacks.log_updates import LogUpdates
from callbacks.performance import Performance
from callbacks.progress_bar import ProgressBar
from callbacks.run_totals import RunTotals
from callbacks.schedules import Schedules
from envs.files import write_json
from training.checkpoints.writing import Checkpoint, apply_training_state, apply_weights
from training.environments.vectorized import task_vec_env
from training.evaluation.callback import EvalCallback
from training.event_logs.trackers import check_trackers, open_trackers
from training.event_logs.writer import EventLog
from training.history_db.recorder import RunHistory
from training.ppo.build import build_model, resolve_device
from training.ppo.chunked_ppo import require_bfloat16
from training.replays.episode_folder import FOLDER, MB
from training.replays.prune_callback import PruneEpisodes
from training.runs.config_source import config_source
from training.runs.folder import TENSORBOARD, add_session, create_run, lock_run, session_record
from training.runs.summary import RunSummary, opening, pays
from training.session.checkpoint_callback import CheckpointCallback
from training.session.exploration_pictures import exploration_picture
from training.session.plan import Plan
from training.session.resume import cut_back, restore_games
from training.session.sizing import check_memory


class Diverged(RuntimeError):
    """Weights became NaN or infinite; health.json says what to change."""


class NotSaved(RuntimeError):
    """The disk refused the session's last checkpoint."""


class Session:
    """A planned session with its parts made: build it, ``run()`` it once."""

    def __init__(self, plan: Plan, env: VecEnv) -> None:
        self.plan, self.env = plan, env
        self.model = build_model(plan.config, env)
        if plan.weights is not None:
            apply_weights(plan.weights, self.model)
        self.tally = RunTotals()
        config = plan.config
        self.ledger = InterventionLedger(plan.task.interventions)
        sha1 = plan.task.game.sha1
        if plan.resume is not None:
            self._restore(plan.resume, sha1)
        self.stop = GracefulStop(plan.stop_after)
        self.keep = CheckpointCallback(
            plan.folder / "checkpoints", config.save_interval, config.keep_checkpoints, self.stop, sha1,
            self._extra, plan.resume,
        )  # fmt: skip
        self.episodes = PruneEpisodes(plan.folder / FOLDER, config.episodes_mb * MB, config.record_every > 0)
        policies, steering = config.health.policies(), config.health.steering()
        self.health = HealthCallback(plan.folder, policies, self.stop.request, steering)
        self.history = RunHistory(plan.folder, plan.first_step, lambda: self.stop.reason)

    def _extra(self) -> dict[str, object]:
        return {"counts": self.tally.counts, "interventions": self.ledger.snapshot()}

    def _restore(self, checkpoint: Checkpoint, rom_sha1: str) -> None:
        apply_training_state(checkpoint, self.model)
        restore_games(checkpoint, self.model, rom_sha1, self.plan.config.seed, self.plan.accept_changes)
        if checkpoint.state is None:  # what callbacks remember is restored when training starts, but for this
            extra = checkpoint.trainer["extra"]
            self.tally.restore({"counts": extra.get("counts", {})})
            self.ledger.restore(extra.get("interventions", {}))

    def run(self) -> RunSummary:
        """Make or continue the run's folder, train, save, and say what happened."""
        self._open_folder()
        with self.plan.lock or lock_run(self.plan.folder), self.stop, self.history:
            print(opening(self.plan.folder, self.plan.config, self.plan.first_step), flush=True)
            log = EventLog(self.plan.folder / TENSORBOARD, self.plan.first_step)
            writers = [log, *open_trackers(self.plan.config, self.plan.folder)]
            self.model.set_logger(Logger(str(self.plan.folder / TENSORBOARD), writers))
            started = time.monotonic()
            try:
                self._learn()
            except KeyboardInterrupt:  # at once, and with nothing that is half done
                raise
            except Exception:  # an environment failed: what was learned until then is kept
                self._settle_and_save()
                raise
            else:
                finished = self._settle_and_save()
            finally:
                self.episodes.tidy()
                self.model.logger.close()
            if self.keep.refused:
                raise NotSaved(f"run {self.plan.folder.name}: its last checkpoint could not be written")
            return self._summary(time.monotonic() - started, finished)

    def _settle_and_save(self) -> bool:
        self.stop.settle()
        finished = self.model.num_timesteps >= self.plan.config.training_steps
        if not self.health.diverged(self.model):  # the last checkpoint before is worth more than NaN
            self.keep.save_last(finished)
        return finished

    def _open_folder(self) -> None:
        plan = self.plan
        session = session_record(plan.first_step)
        if plan.resume is not None:
            cut_back(plan.folder, plan.first_step)
            write_json(plan.folder / "config.json", plan.config.model_dump(mode="json"))
            add_session(plan.folder, session)
            return
        manifest = {
            "name": plan.folder.name,
            **plan.task.facts(),
            "seed": plan.config.seed,
            "sweep": plan.config.sweep,
            "training_steps": plan.config.training_steps,
            "init_from": str(plan.weights.folder) if plan.weights else None,
            "config_source": config_source(plan.config_file, plan.config),
            "sessions": [session],
        }
        create_run(plan.folder, plan.config, manifest)

    def _learn(self) -> None:
        remaining = self.plan.config.training_steps - self.plan.first_step
        try:
            self.model.learn(remaining, callback=self._callbacks(), reset_num_timesteps=False)
        except ValueError as error:  # what torch raises for a policy whose weights are no numbers
            if self.health.diverged(self.model):
                raise Diverged(f"training diverged: {WEIGHTS_BROKEN}") from error
            raise
        if self.health.diverged(self.model):
            raise Diverged(f"training diverged: {WEIGHTS_BROKEN}")

    def _callbacks(self) -> CallbackList:
        config, folder = self.plan.config, self.plan.folder
        parts: list[BaseCallback] = [
            Performance(),
            self.stop,
            self.tally,
            Schedules(config.schedules(), self.health.rate_factor),
            LayerWeights(config.layers.curve(config.training_steps)),
            EpisodeMetrics(),
            FarmAlarm(config.farm_alarm_share, config.farm_alarm_episodes),
            self.ledger,
            AgentStatsCallback(folder, config.agent_stats_kept, config.save_interval),
            exploration_picture(self.plan.task, folder),
            self.health,
            self.history,
            ProgressBar(self._last_step()),
            self.episodes,
        ]
        if config.eval_every_steps:
            parts.append(self._evaluation())
        self.keep.others = [*parts, LogUpdates()]
        return CallbackList([*self.keep.others, self.keep])

    def _last_step(self) -> int:
        """Where the session ends when nothing stops it: updates learn from whole rollouts."""
        config, first = self.plan.config, self.plan.first_step
        return (
            first + math.ceil((config.training_steps - first) / config.rollout_steps) * config.rollout_steps
        )

    def _evaluation(self) -> EvalCallback:
        config = self.plan.config
        return EvalCallback(
            config,
            self.plan.folder,
            lambda n: task_vec_env(self.plan.task.on_this_machine(), n),
            on_best=lambda: self.keep.save("best"),
            stopping=lambda: self.stop.reason is not None,
        )

    def _summary(self, seconds: float, finished: bool) -> RunSummary:
        return RunSummary(
            folder=self.plan.folder,
            steps=self.model.num_timesteps,
            wanted_steps=self.plan.config.training_steps,
            session_steps=self.model.num_timesteps - self.plan.first_step,
            seconds=seconds,
            updates=self.tally.counts["updates"],
            counts=self.tally.counts,
            start=self.plan.task.describe_start(),
            interventions=dict(self.ledger.counts),
            mean_return=self.tally.mean_return,
            metrics=self.health.last,
            verdict=self.health.verdict,
            findings=lines(self.health.run),
            stopped_by=None if finished else self.stop.reason,
            signal=self.stop.signal,
            dropped_steps=self.stop.dropped_steps,
            episodes=self.episodes.line,
        )


def train(plan: Plan) -> RunSummary:
    """Carry ``plan`` out; nothing of the run is written before its parts are made.

    Raises:
        UserError: the device, ROM, start state or a checkpoint is wrong, or the memory too small.
        WorkerFailed: an environment raised; what was learned until then is saved.
        Diverged: weights became NaN or infinite; the checkpoint before is kept.
        NotSaved: the disk refused the last checkpoint.
    """
    device = resolve_device(plan.config.device)
    if plan.config.bfloat16:
        require_bfloat16(device)
    check_trackers(plan.config)
    memory = check_memory(plan.config, plan.ignore_memory)
    env = task_vec_env(plan.task, use_graphics=plan.use_graphics, record=plan.folder / FOLDER)
    try:
        print(memory, flush=True)
        print(pays(plan.config), flush=True)
        return Session(plan, env).run()
    finally:
        env.close()
