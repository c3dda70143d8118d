"""Controls of PPO's update that stable-baselines3 has in ``PPO.train``, and those that it lacks."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from training.ppo.rollout_buffer import Indices, ReusedRolloutBuffer

Normalization = Literal["minibatch", "batch", "off"]
KL_MARGIN = 1.5
"""Factor of ``target_kl`` above which stable-baselines3 ends an update."""


def normalization(setting: bool | Normalization) -> Normalization:
    """Return the word for ``setting``, which may be stable-baselines3's True or False.

    Raises ValueError for another word.
    """
    if isinstance(setting, bool):
        return "minibatch" if setting else "off"
    if setting not in get_args(Normalization):
        raise ValueError(f"normalize_advantage {setting!r} must be minibatch, batch, off, True or False")
    return setting


def advantages_at(buffer: ReusedRolloutBuffer, indices: Indices, scope: Normalization) -> torch.Tensor:
    """The advantages of these steps, float32 (n,), with mean 0 and standard deviation 1 over ``scope``.

    "batch" is the whole rollout, as in rl_games; "minibatch" is these steps, as in stable-baselines3. A
    single step is not normalized. Steps of which nothing may be learned do not count.
    """
    invalid = buffer.invalid_at(indices)
    if invalid is not None:
        found = torch.zeros(len(indices), device=buffer.device)
        learned = torch.from_numpy(~invalid).to(buffer.device)
        found[learned] = advantages_at(buffer, indices[~invalid], scope)
        return found
    advantages = buffer.numbers_at("advantages", indices)
    if scope == "off":
        return advantages
    like = advantages
    if scope == "batch":
        like = torch.from_numpy(buffer.learned("advantages")).to(advantages.device)
    return (advantages - like.mean()) / (like.std() + 1e-8) if len(like) > 1 else advantages


def near(values: torch.Tensor, before: torch.Tensor, distance: float) -> torch.Tensor:
    """``values`` moved to within ``distance`` of those ``before`` the update, as in stable-baselines3."""
    return before + (values - before).clamp(-distance, distance)


def too_far(kl: float, target_kl: float | None) -> bool:
    """Whether a minibatch of KL divergence ``kl`` ends the update, as in stable-baselines3."""
    return target_kl is not None and kl > KL_MARGIN * target_kl
