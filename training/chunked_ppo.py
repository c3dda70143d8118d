"""PPO's update for a CPU: minibatches walked in chunks that stay in the cache, gradients added up.

The gradient of a minibatch is that of stable-baselines3 but for the order of floating-point sums.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import explained_variance

from envs.errors import UserError
from envs.vec_env import available_cores
from training.rollout_buffer import Indices, LastingRolloutBuffer

CHUNK = 128
"""Samples: the activations of the default network for so many fit into a core's cache."""
NAMES = {"entropy": "train/entropy_loss", "policy": "train/policy_gradient_loss", "value": "train/value_loss"}


def has_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` computes in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def require_bfloat16(device: torch.device) -> None:
    """Raise UserError where ``device`` would only imitate bfloat16, which is slower than float32."""
    if not has_bfloat16(device):
        raise UserError(f"bfloat16: this machine's {device.type} has no such arithmetic; leave it off")


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ChunkedPPO(PPO):
    """``stable_baselines3.PPO`` whose update reads a LastingRolloutBuffer in chunks of CHUNK samples.

    ``bfloat16`` computes the network in bfloat16; weights, heads and losses stay float32. Raises UserError
    where the processor or graphics card has no such arithmetic.
    """

    rollout_buffer: LastingRolloutBuffer

    def __init__(self, *arguments: Any, bfloat16: bool = False, **settings: Any) -> None:
        settings["rollout_buffer_class"] = LastingRolloutBuffer
        super().__init__(*arguments, **settings)
        self.bfloat16 = bfloat16
        if bfloat16:
            require_bfloat16(self.device)

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """In what the network is computed."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def train(self) -> None:
        """Learn from the rollout in the buffer, as PPO.train does; records the same values."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip_range = float(self.clip_range(self._current_progress_remaining))  # type: ignore[operator]
        sums: dict[str, list[float]] = defaultdict(list)
        with threads(available_cores()):
            for _ in range(self.n_epochs):
                sums["kl"].clear()  # the last epoch's is reported
                for indices in self.rollout_buffer.minibatches(self.batch_size):
                    for name, value in self._learn_from(indices, clip_range).items():
                        sums[name].append(value)
                self._n_updates += 1
        self._record(sums, clip_range)

    def _record(self, sums: dict[str, list[float]], clip_range: float) -> None:
        for name, key in NAMES.items():
            self.logger.record(key, np.mean(sums[name]))
        self.logger.record("train/approx_kl", np.mean(sums["kl"]))
        self.logger.record("train/clip_fraction", np.mean(sums["clipped"]))
        self.logger.record("train/loss", sums["loss"][-1])
        buffer = self.rollout_buffer
        explained = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        self.logger.record("train/explained_variance", explained)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)

    def _learn_from(self, indices: Indices, clip_range: float) -> dict[str, float]:
        """One step of the optimizer; the means of the minibatch."""
        self.policy.optimizer.zero_grad()
        parts = self.gradient(indices, clip_range)
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return parts

    def gradient(self, indices: Indices, clip_range: float) -> dict[str, float]:
        """Add the gradient of a minibatch to the policy's; returns the means of its losses.

        Raises ValueError when the loss is no number.
        """
        advantages = self.rollout_buffer.numbers_at("advantages", indices)
        if self.normalize_advantage and len(indices) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        total = torch.zeros(len(PARTS))
        for part in self._chunks(len(indices)):
            sums = self._losses(indices[part], advantages[part], clip_range) / len(indices)
            loss = sums[0] + self.ent_coef * sums[1] + self.vf_coef * sums[2]
            torch.autograd.backward(loss)
            total += sums.detach().cpu()
        means = dict(zip(PARTS, total.tolist(), strict=True))
        means["loss"] = means["policy"] + self.ent_coef * means["entropy"] + self.vf_coef * means["value"]
        if not np.isfinite(means["loss"]):
            raise ValueError(f"the loss of an update is {means['loss']}")
        return means

    def _chunks(self, size: int) -> Iterator[slice]:
        step = CHUNK if self.device.type == "cpu" else size
        for start in range(0, size, step):
            yield slice(start, start + step)

    def _losses(self, indices: Indices, advantages: torch.Tensor, clip_range: float) -> torch.Tensor:
        """Sums over the samples of what PARTS names."""
        buffer = self.rollout_buffer
        actions = buffer.numbers_at("actions", indices).long()
        with self.precision():
            values, log_prob, entropy = self.policy.evaluate_actions(buffer.observations_at(indices), actions)
        assert entropy is not None
        log_ratio = log_prob - buffer.numbers_at("log_probs", indices)
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
        with torch.no_grad():
            kl = (ratio - 1 - log_ratio).sum()
            share = ((ratio - 1).abs() > clip_range).float().sum()
        error = buffer.numbers_at("returns", indices) - values.float().flatten()
        policy = -torch.min(advantages * ratio, advantages * clipped).sum()
        return torch.stack([policy, -entropy.sum(), error.square().sum(), kl, share])


PARTS = ("policy", "entropy", "value", "kl", "clipped")
