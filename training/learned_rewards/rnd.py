"""Random network distillation (Burda, Edwards, Storkey and Klimov 2018, arXiv 1810.12894).

The reward of a step is the error of a predictor that learns the output of a fixed random network on the
observation that follows. Where the paper leaves a choice, the authors' program is followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs.workers.cpu_affinity import available_cores
from training.config.sections.intrinsic import RndConfig
from training.learned_rewards.interface import Observations, RewardModel, Rollout, Scores, Setting
from training.learned_rewards.return_scale import ReturnScale
from training.learned_rewards.rnd_networks import Bytes, InputLayout, RandomFeatures
from training.learned_rewards.running_moments import RunningMoments
from training.learned_rewards.torch_state import (
    module_state,
    optimizer_state,
    restore_module,
    restore_optimizer,
)

BOUND = 5.0
"""Normalised observations are clipped to this, as in the paper."""
LEAST_STD = 1.0
"""Lower bound of the deviation of a byte: one grey level. A pixel that never changed would else explode."""
CHUNK = 256
"""Rows computed together by one thread."""
SEED = 0x524E44
"""Added to the run's seed, so that these networks and the policy's begin with different numbers."""


class RandomNetworkDistillation(RewardModel):
    """Rewards observations that the predictor has not learned yet.

    Observations are normalised with running statistics, which begin with random play, and clipped. Rewards
    are divided by the deviation of their returns (see ReturnScale). The networks are small and always on the
    CPU. The step that ends an episode is rewarded for the first observation of the next one.
    """

    def __init__(self, config: RndConfig, setting: Setting) -> None:
        self._config, self._layout = config, InputLayout(setting.space, config.inputs)
        self._moments = RunningMoments((self._layout.width,))
        self._scale = ReturnScale(setting.n_envs, config.gamma)
        self._chance = np.random.default_rng([SEED, setting.seed])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED + setting.seed)
            self._target = RandomFeatures(self._layout, config.features, deeper=False).requires_grad_(False)
            self._predictor = RandomFeatures(self._layout, config.features, deeper=True)
        self._optimizer = torch.optim.Adam(self._predictor.parameters(), lr=config.learning_rate)
        self._threads = ThreadPoolExecutor(
            available_cores(), initializer=torch.set_num_threads, initargs=(1,)
        )
        self._rows: Bytes = np.empty((0, self._layout.width), np.uint8)  # what the last rollout led to
        self._errors = np.zeros(0, np.float32)

    @property
    def random_steps(self) -> int:
        """See RewardModel."""
        return 0 if self._moments.count else self._config.random_steps

    def warm_up(self, observations: Observations) -> None:
        """See RewardModel."""
        self._moments.add(self._layout.rows(observations))

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel. Updates the statistics of the returns."""
        self._rows = self._rows_after(rollout)
        if not self._moments.count:  # training began without random play
            self._add(self._rows[rollout.valid.ravel()])
        found = self._threads.map(self._errors_of, _chunks(self._rows))
        self._errors = np.concatenate(list(found))
        return self._scale.scaled(self._errors.reshape(rollout.shape), rollout.valid)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Train the predictor on a share of the steps. See RewardModel."""
        valid = np.flatnonzero(rollout.valid)
        number = int(np.ceil(self._config.share * len(valid)))
        chosen = self._chance.permutation(valid)[:number]
        losses = [
            self._learn(self._rows[chosen[start : start + self._config.batch_size]])
            for start in range(0, number, self._config.batch_size)
        ]
        self._add(self._rows[valid])
        errors = self._errors[valid]
        return {
            "prediction_error": float(errors.mean()) if len(errors) else 0.0,
            "predictor_loss": float(np.mean(losses)) if losses else 0.0,
            "return_std": self._scale.std,
        }

    def _rows_after(self, rollout: Rollout) -> Bytes:
        """Return the row of what followed each step, uint8 (n_steps x n_envs, width)."""
        steps, envs = rollout.shape
        rows = np.empty((steps * envs, self._layout.width), np.uint8)
        for step in range(steps):
            after = {name: rollout.after(name, step) for name in self._layout.names}
            rows[step * envs : (step + 1) * envs] = self._layout.rows(after)
        return rows

    def _add(self, rows: Bytes) -> None:
        for part in _chunks(rows):
            self._moments.add(part)

    def _normalised(self, rows: Bytes) -> torch.Tensor:
        mean = torch.from_numpy(self._moments.mean.astype(np.float32))
        std = torch.from_numpy(np.maximum(self._moments.std, LEAST_STD).astype(np.float32))
        return torch.from_numpy(rows).float().sub_(mean).div_(std).clamp_(-BOUND, BOUND)

    def _errors_of(self, rows: Bytes) -> NDArray[np.float32]:
        """Return the mean squared error of each row's prediction, (n,)."""
        with torch.inference_mode():
            inputs = self._normalised(rows)
            errors: NDArray[np.float32] = _errors(self._predictor(inputs), self._target(inputs)).numpy()
        return errors

    def _learn(self, rows: Bytes) -> float:
        inputs = self._normalised(rows)
        loss = _errors(self._predictor(inputs), self._target(inputs)).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.item()

    def state(self) -> dict[str, Any]:
        """See RewardModel. The fixed network is included: it must never change during a run."""
        return {
            "moments": self._moments.state(),
            "scale": self._scale.state(),
            "target": module_state(self._target),
            "predictor": module_state(self._predictor),
            "optimizer": optimizer_state(self._optimizer),
            "chance": self._chance.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel."""
        self._moments.restore(state["moments"])
        self._scale.restore(state["scale"])
        restore_module(self._target, state["target"])
        restore_module(self._predictor, state["predictor"])
        restore_optimizer(self._optimizer, state["optimizer"])
        generator = np.random.PCG64()
        generator.state = state["chance"]
        self._chance = np.random.Generator(generator)


def _errors(predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return (predicted - wanted).square().mean(dim=1)


def _chunks(rows: Bytes) -> Iterator[Bytes]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
