"""Settings of normalisation, and of the rewards that PPO learns from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from training.config.roles import Flag, Role, Settings

Positive = Annotated[float, Field(gt=0, le=1_000_000)]


class NormalizationSettings(Settings):
    """What PPO learns from is scaled; rewards as they are reported and evaluated never are."""

    normalize_value: Annotated[bool, Role.NETWORK, Flag()] = False
    """Learn values of normalised returns (PopArt), so that the size of rewards does not matter."""
    normalize_input: Annotated[bool, Role.NETWORK, Flag()] = False
    """Divide each number of the observations by its standard deviation so far, less its mean."""
    reward_shift: Annotated[float, Field(ge=-1_000_000, le=1_000_000), Role.LEARNING, Flag()] = 0.0
    """Added to every reward that PPO learns from, before reward_scale."""
    reward_scale: Annotated[Positive, Role.LEARNING, Flag()] = 1.0
    """Factor of every reward that PPO learns from, after reward_shift."""
    clip_reward: Annotated[Positive | None, Role.LEARNING, Flag()] = None
    """Bound of every reward that PPO learns from, up and down, after reward_scale; left out: no bound."""
