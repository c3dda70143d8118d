"""The callbacks of a training session, in calling order."""

from __future__ import annotations

from functools import partial
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.adaptive_rate import AdaptiveRate
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
from training.config.schedules import ScheduleFunction
from training.config.schema import TrainConfig
from training.environments.vectorized import task_vec_env
from training.evaluation.callback import EvalCallback, EvalHooks
from training.history_db.recorder import RunHistory
from training.learned_rewards.interface import RewardModel
from training.learned_rewards.state_callback import LearnedRewardState
from training.ppo.imitation import Imitation
from training.ppo.learned_discounts import LearnedDiscounts, learned_discounts
from training.ppo.reverse_model import ReverseModel, ReverseModelState
from training.replays.episode_folder import FOLDER, MB
from training.replays.prune_callback import PruneEpisodes
from training.session.checkpoint_callback import CheckpointCallback
from training.session.exploration_pictures import exploration_picture
from training.session.imitation import ImitationState
from training.session.plan import Plan
from training.start_archive.callback import StartArchive


class SessionCallbacks:
    """The callbacks of the session that ``plan`` describes.

    ``in_order`` holds all of them. Those that the session accesses directly are attributes too. The state of
    ``reward``, ``imitation`` and ``reverse_model``, which are the run's, belongs to its checkpoints.
    """

    def __init__(
        self,
        plan: Plan,
        reward: RewardModel | None = None,
        imitation: Imitation | None = None,
        reverse_model: ReverseModel | None = None,
    ) -> None:
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
        if reward is not None:
            self.checkpoints.others.append(LearnedRewardState(reward))
        if imitation is not None:
            self.checkpoints.others.append(ImitationState(imitation))
        if reverse_model is not None:
            self.checkpoints.others.append(ReverseModelState(reverse_model))
        self.in_order: list[BaseCallback] = [*self.checkpoints.others, self.checkpoints]
        callbacks_by_key(self.in_order)  # refuses duplicate keys before anything is written

    def _others(self, plan: Plan) -> list[BaseCallback]:
        """Return all callbacks except CheckpointCallback, which comes last.

        Callbacks that record an update's metrics come before LogUpdates.
        """
        config = plan.config
        rate, discounts = config.adaptive_rate(), learned_discounts(config)
        return [
            Performance(),
            self.stop,
            self.totals,
            UpdateState(rate, discounts),
            Schedules(_curves(config, rate, discounts), self.health.rate_factor),
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
            ProgressBar(plan.last_step),
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
        hooks = EvalHooks(
            make=lambda n: task_vec_env(plan.task.at_first_start().on_this_machine(), n),
            start=plan.task.start.name,
            on_best=lambda: self.checkpoints.save("best"),
            won=self.stop.request,
            stopping=lambda: self.stop.reason is not None,
        )
        return EvalCallback(plan.config, plan.folder, hooks)

    def _extra(self) -> dict[str, Any]:
        """Return information for readers of trainer.json; nothing is restored from it."""
        return {"counts": self.totals.counts, "interventions": self.interventions.snapshot()}


def _curves(
    config: TrainConfig, rate: AdaptiveRate | None, discounts: LearnedDiscounts | None
) -> dict[str, ScheduleFunction]:
    """Return the config's schedules, in which what adapts itself has its current value."""
    curves = config.schedules()
    if rate is not None:
        curves["learning_rate"] = lambda _: rate.rate
    if discounts is not None:
        curves |= {name: partial(discounts.value_at, name) for name in discounts.numbers}
    return curves
