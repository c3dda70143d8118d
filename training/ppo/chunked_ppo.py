"""PPO's update for a CPU: minibatches are cut into chunks, one thread per chunk.

The gradient of a minibatch is the sum of its chunks' gradients, always added in the same order. It equals
stable-baselines3's up to the order of floating-point sums. torch's own threads would split every single
operation and wait for each other some hundred times per chunk. On two cores shared with other programs an
update then takes ten times as long.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import FloatSchedule, explained_variance, update_learning_rate

from callbacks.adaptive_rate import AdaptiveRate
from envs.errors import UserError
from envs.workers.cpu_affinity import available_cores
from training.policies.popart import normalized
from training.policies.tile_policy import GamePolicy
from training.ppo.imitation import Imitation
from training.ppo.learned_discounts import LearnedDiscounts
from training.ppo.normalization import follow_inputs, follow_returns, value_statistics
from training.ppo.reverse_model import ReverseModel
from training.ppo.rollout_buffer import Indices, ReusedRolloutBuffer
from training.ppo.update_controls import advantages_at, near, normalization, too_far
from training.resources.chunk_sizes import chunk_size, sequence_chunk
from training.resources.malloc import keep_freed_memory, return_freed_memory

PARTS = ("policy", "entropy", "value", "kl", "clipped", "intrinsic")
"""The sums that ``_losses`` returns; the last is the loss of a learned reward's own value head, if any."""
NAMES = {"entropy": "train/entropy_loss", "policy": "train/policy_gradient_loss", "value": "train/value_loss"}
Chunk = tuple[torch.Tensor, tuple[torch.Tensor, ...]]
Result = TypeVar("Result")


def has_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has bfloat16 arithmetic in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    known = torch.cpu.get_capabilities()
    if known["architecture"] == "x86_64":  # oneDNN also says yes for plain AVX-512, and then emulates it
        return bool(known["avx512_bf16"] or known["amx_bf16"])
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def require_bfloat16(device: torch.device) -> None:
    """Raise UserError if ``device`` would only emulate bfloat16, which is slower than float32."""
    if not has_bfloat16(device):
        raise UserError(f"bfloat16: this machine's {device.type} has no bfloat16 arithmetic; leave it off")


def _use_one_thread() -> None:
    torch.set_num_threads(1)


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use ``number`` threads of its own inside the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ChunkedPPO(PPO):
    """``stable_baselines3.PPO`` whose update reads a ReusedRolloutBuffer in chunks of ``chunk_size``.

    ``bfloat16`` computes the network in bfloat16, while weights, heads and losses stay float32. Raises
    UserError if the device has no bfloat16 arithmetic. ``normalize_advantage`` may also be a word of
    ``update_controls.Normalization``.
    """

    rollout_buffer: ReusedRolloutBuffer
    policy: GamePolicy
    learns_intrinsic_values = False
    """Whether the second value head learns from the buffer's ``intrinsic_returns``."""
    imitation: Imitation | None = None
    """Demonstrations that updates imitate."""
    bc_coef = 0.0
    """Coefficient of the loss of ``imitation``."""
    reverse_model: ReverseModel | None = None
    """Model of what came before each step, whose error may be part of the loss."""
    truncate_grads = True
    """Whether to clip the norm of a gradient to ``max_grad_norm``."""
    adaptive_rate: AdaptiveRate | None = None
    """Control that sets the learning rate, instead of ``lr_schedule``."""
    learned_discounts: LearnedDiscounts | None = None
    """Control that learns gamma or lambda."""

    def __init__(self, *arguments: Any, bfloat16: bool = False, **settings: Any) -> None:
        settings["rollout_buffer_class"] = ReusedRolloutBuffer
        self.advantage_scope = normalization(settings.pop("normalize_advantage", True))
        settings["normalize_advantage"] = self.advantage_scope == "minibatch"
        super().__init__(*arguments, **settings)
        self.bfloat16 = bfloat16
        on_cpu = self.device.type == "cpu"
        self._cores = available_cores() if on_cpu else 1
        self._chunk = chunk_size(self.batch_size, self._cores) if on_cpu else self.batch_size
        if on_cpu:
            keep_freed_memory()  # until the end of each update
        self._threads = ThreadPoolExecutor(self._cores, initializer=_use_one_thread)
        if bfloat16:
            require_bfloat16(self.device)

    def learn_from_sequences(self, length: int, state_size: int, window: int = 1) -> None:
        """Let updates learn from sequences of ``length`` steps, which a chunk never cuts.

        ``window``: see ``sequence_chunk``.
        """
        self.rollout_buffer.add_states(length, state_size)
        self._chunk = sequence_chunk(self._chunk, length, window)

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which the network is computed: bfloat16 autocast or nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()

    def train(self) -> None:
        """Learn from the rollout in the buffer and record the same values as PPO.train."""
        self.policy.set_training_mode(True)
        if self.adaptive_rate is not None:
            self.lr_schedule = FloatSchedule(self.adaptive_rate.rate)
        follow_returns(self.policy, self.rollout_buffer)
        self._update_learning_rate(self.policy.optimizer)
        clip_range = float(self.clip_range(self._current_progress_remaining))  # type: ignore[operator]
        sums: dict[str, list[float]] = defaultdict(list)
        gamma, gae_lambda = self.rollout_buffer.gamma, self.rollout_buffer.gae_lambda
        with threads(1):
            if self.reverse_model is not None:
                self.reverse_model.begin(self.rollout_buffer)
            if self.learned_discounts is not None:
                self.learned_discounts.learn(self)
            for _ in range(self.n_epochs):
                goes_on = self._epoch(sums, clip_range)
                self._n_updates += 1
                if not goes_on:
                    break
        follow_inputs(self.policy, self.rollout_buffer)
        return_freed_memory()
        self._record(sums, clip_range)
        self.logger.record("train/gamma", gamma)
        self.logger.record("train/gae_lambda", gae_lambda)
        self._adapt_rate("update", float(np.mean(sums["kl"])))

    def _epoch(self, sums: dict[str, list[float]], clip_range: float) -> bool:
        """Learn from every minibatch once. Returns False if the policy moved too far for another step."""
        first = not sums["kl"]
        sums["kl"].clear()  # the last epoch's is reported
        for indices in self.rollout_buffer.minibatches(self.batch_size):
            parts = self.gradient(indices, clip_range)
            for name, value in parts.items():
                sums[name].append(value)
            if too_far(parts["kl"], self.target_kl):
                return False
            if not first:  # the policy is still the one that acted: its KL divergence is 0
                self._adapt_rate("minibatch", parts["kl"])
            first = False
            self._take_step()
        return True

    def _adapt_rate(self, per: str, kl: float) -> None:
        """Let an adaptive learning rate follow the KL divergence of an update or a minibatch."""
        if self.adaptive_rate is not None and self.adaptive_rate.per == per:
            update_learning_rate(self.policy.optimizer, self.adaptive_rate.follow(kl))

    def _record(self, sums: dict[str, list[float]], clip_range: float) -> None:
        for name, key in NAMES.items():
            self.logger.record(key, np.mean(sums[name]))
        self.logger.record("train/approx_kl", np.mean(sums["kl"]))
        self.logger.record("train/clip_fraction", np.mean(sums["clipped"]))
        self.logger.record("train/loss", sums["loss"][-1])
        if sums["imitation"]:
            self.logger.record("train/bc_loss", np.mean(sums["imitation"]))
        if sums["reverse_error"]:
            self.logger.record("reverse_model/error", np.mean(sums["reverse_error"]))
        if self.learns_intrinsic_values:
            self.logger.record("intrinsic/value_loss", np.mean(sums["intrinsic"]))
        buffer = self.rollout_buffer
        explained = explained_variance(buffer.learned("values"), buffer.learned("returns"))
        self.logger.record("train/explained_variance", explained)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)
        for key, number in value_statistics(self.policy).items():
            self.logger.record(key, number)
        if self.clip_range_vf is not None:
            self.logger.record("train/clip_range_vf", self._value_distance())

    def _take_step(self) -> None:
        """Take one step of the optimizer with the policy's gradient."""
        if self.truncate_grads:
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()

    def _value_distance(self) -> float:
        return float(self.clip_range_vf(self._current_progress_remaining))  # type: ignore[operator,misc]

    def gradient(self, indices: Indices, clip_range: float) -> dict[str, float]:
        """Set the policy's gradient to that of a minibatch. Returns the means of its losses.

        Raises ValueError if the loss is not finite.
        """
        advantages = advantages_at(self.rollout_buffer, indices, self.advantage_scope)
        total = torch.zeros(len(PARTS))
        self.policy.optimizer.zero_grad()
        parameters = list(self.policy.parameters())
        for sums, gradients in self._each_chunk(indices, advantages, clip_range):
            total += sums
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        means = dict(zip(PARTS, total.tolist(), strict=True))
        if self.imitation is not None and self.bc_coef:
            means["imitation"] = self.imitation.add_gradient(self, self.bc_coef)
        if self.reverse_model is not None:
            error = self.reverse_model.learn(self)
            means |= {} if error is None else {"reverse_error": error}
        value = means["value"] + means["intrinsic"]
        means["loss"] = means["policy"] + self.ent_coef * means["entropy"] + self.vf_coef * value
        means["loss"] += self.bc_coef * means.get("imitation", 0.0)
        if self.reverse_model is not None:
            means["loss"] += self.reverse_model.coefficient * means.get("reverse_error", 0.0)
        if not np.isfinite(means["loss"]):
            raise ValueError(f"the loss of an update is {means['loss']}")
        return means

    def _each_chunk(self, indices: Indices, advantages: torch.Tensor, clip_range: float) -> Iterator[Chunk]:
        """Yield the sums and the gradient of every chunk, in order."""
        invalid = self.rollout_buffer.invalid_at(indices)
        number = len(indices) if invalid is None else int(np.count_nonzero(~invalid))

        def work(part: slice) -> Chunk:
            sums = self._losses(indices[part], advantages[part], clip_range) / number
            loss = sums[0] + self.ent_coef * sums[1] + self.vf_coef * (sums[2] + sums[5])
            return sums.detach().cpu(), torch.autograd.grad(loss, list(self.policy.parameters()))

        yield from self.by_chunks(work, len(indices))

    def by_chunks(self, work: Callable[[slice], Result], size: int, evenly: bool = False) -> Iterator[Result]:
        """Yield ``work`` of every chunk of ``size`` samples, in order, one thread per chunk.

        ``evenly``: in at least as many chunks as there are cores.
        """
        chunk = min(self._chunk, -(-size // self._cores)) if evenly else self._chunk
        parts = [slice(start, start + chunk) for start in range(0, size, chunk)]
        if self._cores == 1:
            yield from map(work, parts)
            return
        for start in range(0, len(parts), self._cores):  # so that few gradients are in memory at a time
            yield from self._threads.map(work, parts[start : start + self._cores])

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_threads", "reverse_model"]

    def _losses(self, indices: Indices, advantages: torch.Tensor, clip_range: float) -> torch.Tensor:
        """Return the sums over the samples that PARTS names."""
        buffer = self.rollout_buffer
        actions = buffer.numbers_at("actions", indices).long()
        with self.precision():
            values, log_prob, entropy = self.policy.evaluate_all(buffer.seen_at(indices), actions)
        invalid = buffer.invalid_at(indices)
        if invalid is not None:  # a sequence is computed as a whole
            kept = torch.from_numpy(~invalid).to(values.device)
            values, log_prob, entropy, advantages = (x[kept] for x in (values, log_prob, entropy, advantages))
            indices = indices[~invalid]
        log_ratio = log_prob - buffer.numbers_at("log_probs", indices)
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
        with torch.no_grad():
            kl = (ratio - 1 - log_ratio).sum()
            share = ((ratio - 1).abs() > clip_range).float().sum()
        head = self.policy.value_net
        predicted = normalized(head, values[:, 0].float())
        if self.clip_range_vf is not None:
            before = normalized(head, buffer.numbers_at("values", indices))
            predicted = near(predicted, before, self._value_distance())
        error = normalized(head, buffer.numbers_at("returns", indices)) - predicted
        policy = -torch.min(advantages * ratio, advantages * clipped).sum()
        intrinsic = self._intrinsic_loss(values, indices)
        return torch.stack([policy, -entropy.sum(), error.square().sum(), kl, share, intrinsic])

    def _intrinsic_loss(self, values: torch.Tensor, indices: Indices) -> torch.Tensor:
        """The loss of the second value head, whose values are the second column; 0 without one."""
        if not self.learns_intrinsic_values:
            return values.new_zeros(())
        error = self.rollout_buffer.numbers_at("intrinsic_returns", indices) - values[:, 1].float()
        return error.square().sum()
