"""Farm alarm, layer weights and intervention counts in real runs of a small game."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from callbacks.episode_metrics import KEYS, MONITORED, EpisodeMetrics
from callbacks.farm_alarm import FarmAlarm, farmed
from callbacks.interventions import InterventionLedger
from callbacks.layer_weights import LayerWeights
from tests.callbacks.conftest import Corridor
from tests.callbacks.reading import points

Learn = Callable[..., Any]
Curves = Callable[[], Any]

WALK, FIGHT = (10.0, 0.0, 0.0), (0.5, 20.0, 0.0)


@pytest.mark.parametrize(
    ("episodes", "component"),
    [
        ([WALK] * 20, "exploration"),
        ([FIGHT] * 20, "battle"),
        ([WALK] * 10 + [FIGHT] * 10, None),  # no single component
        ([(10.0, 0.0, 0.4)] * 20, "exploration"),  # milestones, but no more than before
        ([(10.0, 0.0, 0.3)] * 10 + [(10.0, 0.0, 0.4)] * 10, None),  # milestones rise
        ([(10.0, 0.0, 2.0)] * 20, None),  # a sixth of what is earned
        ([WALK] * 18 + [(10.0, 9.0, 0.0)] * 2, "exploration"),  # nine in ten
        ([WALK] * 17 + [(10.0, 9.0, 0.0)] * 3, None),
        ([(0.0, 0.0, 0.0)] * 20, None),
        ([(-5.0, -1.0, 0.0)] * 20, None),  # nothing is earned at all
    ],
)
def test_one_component_while_milestones_stagnate(
    episodes: list[tuple[float, float, float]], component: str | None
) -> None:
    assert farmed(episodes, 0.95) == component


def test_the_alarm_is_logged_and_printed_once_per_period(learn: Learn, curves: Curves) -> None:
    out = io.StringIO()
    alarm = FarmAlarm(0.9, 4, stream=out)
    learn([alarm], steps=512)
    logged = [value for _, value in points(curves, "health/farm_alarm")]
    assert logged[0] == 0, "the window is not full yet"
    assert logged[-1] == 1
    assert alarm.component == "exploration"
    assert out.getvalue().count("\n") == 1
    assert "exploration made up more than 90% of what the last 4 episodes earned" in out.getvalue()


def test_the_alarm_continues_from_a_snapshot(learn: Learn) -> None:
    out = io.StringIO()
    first, second = FarmAlarm(0.9, 4, stream=out), FarmAlarm(0.9, 4, stream=out)
    learn([first], steps=512)
    kept = json.loads(json.dumps(first.snapshot()))
    assert len(kept["recent"]) == 4
    second.restore(kept)
    assert second.snapshot() == kept
    learn([second], steps=64)
    assert out.getvalue().count("\n") == 1, "the alarm continues, and was already printed"


def test_invalid_alarm_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share 1\.5 must be between 0 and 1"):
        FarmAlarm(1.5, 100)


class Weighed(Corridor):
    """The corridor with the methods of the game's environment that these callbacks call."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[dict[str, float]] = []
        self.taken = 0

    def set_layer_weights(self, weights: dict[str, float]) -> None:
        self.weights.append(weights)

    def take_interventions(self) -> dict[str, int]:
        new, self.taken = self.steps - self.taken, self.steps
        return {"repel": new} if new > 0 else {}


def test_weights_depend_on_the_step_count_at_the_start_of_a_rollout(learn: Learn, curves: Curves) -> None:
    env = DummyVecEnv([Weighed, Weighed])
    learn([LayerWeights(lambda steps: {"dense": 1 - steps / 256, "sparse": 1.0})], env=env)
    wanted = [{"dense": 1 - steps / 256, "sparse": 1.0} for steps in (0, 64, 128, 192)]
    assert env.get_attr("weights") == [wanted, wanted]
    assert points(curves, "schedule/layer_dense") == [(64, 1.0), (128, 0.75), (192, 0.5), (256, 0.25)]
    assert points(curves, "schedule/layer_sparse")[-1] == (256, 1.0)


def test_interventions_of_running_episodes_count_too(learn: Learn) -> None:
    ledger = InterventionLedger(["fast_text"])
    learn([ledger], steps=32, n_steps=16, batch_size=16, env=DummyVecEnv([Weighed, Weighed]))
    assert ledger.counts == {"fast_text": 0, "repel": 2 * 16}
    again = InterventionLedger()
    again.restore(json.loads(json.dumps(ledger.snapshot())))
    assert again.counts == ledger.counts


def test_nothing_is_written_before_an_episode_has_ended(learn: Learn, curves: Curves) -> None:
    """TensorBoard would mark NaN with triangles; the callbacks after it still find the keys."""
    seen: dict[str, float] = {}

    class Reader(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            seen.update(self.logger.name_to_value)

    learn([EpisodeMetrics(), Reader()], steps=32, n_steps=16, batch_size=16)
    keys = {*KEYS, *MONITORED}
    assert not keys & set(curves().Tags()["scalars"])
    assert all(math.isnan(seen[key]) for key in keys)


def test_the_window_of_episodes_continues_from_a_snapshot(learn: Learn) -> None:
    metrics, again = EpisodeMetrics(window=5), EpisodeMetrics(window=5)
    learn([metrics], steps=512)
    kept = json.loads(json.dumps(metrics.snapshot()))
    again.restore(kept)
    assert (list(again.recent), again.episodes, again.battles) == (
        list(metrics.recent),
        metrics.episodes,
        metrics.battles,
    )
    assert len(kept["recent"]) == 5
