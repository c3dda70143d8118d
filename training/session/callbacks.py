"""The callbacks of a training session, in calling order."""

from __future__ import annotations

import math
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.agent_stats import AgentStatsCallback
from callbacks.episode_metrics import EpisodeMetrics
from callbacks.farm_alarm import FarmAlarm
from callbacks.graceful_stop import GracefulStop
from callbacks.health.callback import HealthCallback
from callbacks.interventions import InterventionLedger
from callbacks.layer_weights import LayerWeights
from callbacks.log_updates import LogUpdates
from callbacks.performance import Performance
from callbacks.progress_bar import ProgressBar
from callbacks.run_totals import RunTotals
from callbacks.schedules import Schedules
from callbacks.start_metrics import StartMetrics
from callbacks.update_state import UpdateState
from envs.red_env import ARCHIVE
from training.checkpoints.callback_states import callbacks_by_key
from training.environments.vectorized import task_vec_env
from training.evaluation.callback import EvalCallback
from training.history_db.recorder import RunHistory
from training.replays.episode_folder import FOLDER, MB
from training.replays.prune_callback import PruneEpisodes
from training.session.checkpoint_callback import CheckpointCallback
from training.session.exploration_pictures import exploration_picture
from training.session.plan import Plan
from training.start_archive.callback import StartArchive


class SessionCallbacks:
    """The callbacks of the session that ``plan`` describes.

    ``in_order`` holds all of them. Those that the session accesses directly are attributes too.
    """

    def __init__(self, plan: Plan) -> None:
        config, folder = plan.config, plan.folder
        self.stop = GracefulStop(plan.stop_after)
        self.totals = RunTotals()
        self.interventions = InterventionLedger(plan.task.interventions)
        policies, steering = config.health.policies(), config.health.steering()
        self.health = HealthCallback(folder, policies, self.stop.request, steering)
        self.history = RunHistory(folder, plan.first_step, lambda: self.stop.reason)
        self.episodes = PruneEpisodes(folder / FOLDER, config.episodes_mb * MB, config.record_every > 0)
        self.checkpoints = CheckpointCallback(
            folder / "checkpoints", config.checkpoint_steps, config.keep_checkpoints, self.stop,
            plan.task.game.sha1, self._extra,
        )  # fmt: skip
        self.checkpoints.others = self._others(plan)
        self.in_order: list[BaseCallback] = [*self.checkpoints.others, self.checkpoints]
        callbacks_by_key(self.in_order)  # refuses duplicate keys before anything is written

    def _others(self, plan: Plan) -> list[BaseCallback]:
        """Return all callbacks except CheckpointCallback, which comes last.

        Callbacks that record an update's metrics come before LogUpdates.
        """
        config = plan.config
        rate, curves = config.adaptive_rate(), config.schedules()
        if rate is not None:
            curves["learning_rate"] = lambda _: rate.rate
        return [
            Performance(),
            self.stop,
            self.totals,
            UpdateState(rate),
            Schedules(curves, self.health.rate_factor),
            LayerWeights(config.layers.curve(config.training_steps)),
            EpisodeMetrics(),
            *self._of_each_start(plan),
            *self._archive(plan),
            FarmAlarm(config.farm_alarm_share, config.farm_alarm_episodes),
            self.interventions,
            AgentStatsCallback(plan.folder, config.agent_stats_kept, config.checkpoint_steps),
            exploration_picture(plan.task, plan.folder),
            self.health,
            self.history,
            ProgressBar(_last_step(plan)),
            self.episodes,
            self._evaluation(plan),
            LogUpdates(),
        ]

    def _of_each_start(self, plan: Plan) -> list[BaseCallback]:
        names = [start.name for start, _ in plan.task.starts]
        names += [ARCHIVE] if plan.config.archive is not None else []
        return [StartMetrics(names)] if len(names) > 1 else []

    def _archive(self, plan: Plan) -> list[BaseCallback]:
        config = plan.config
        if config.archive is None:
            return []
        return [StartArchive(config.archive, config.n_steps, config.max_steps, config.seed)]

    def _evaluation(self, plan: Plan) -> EvalCallback:
        return EvalCallback(
            plan.config,
            plan.folder,
            lambda n: task_vec_env(plan.task.at_first_start().on_this_machine(), n),
            on_best=lambda: self.checkpoints.save("best"),
            stopping=lambda: self.stop.reason is not None,
            won=self.stop.request,
        )

    def _extra(self) -> dict[str, Any]:
        """Return information for readers of trainer.json; nothing is restored from it."""
        return {"counts": self.totals.counts, "interventions": self.interventions.snapshot()}


def _last_step(plan: Plan) -> int:
    """Return the step at which the session ends unless stopped, rounded up to whole rollouts."""
    config, first = plan.config, plan.first_step
    return first + math.ceil((config.training_steps - first) / config.rollout_steps) * config.rollout_steps
