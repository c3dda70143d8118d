"""What the kinds of the config section "intrinsic" have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.config.schedules import Schedule, within

Share = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]
ScheduledWeight = Annotated[Schedule, within(0, 1000)]
Width = Annotated[int, Field(ge=1, le=4096)]


class IntrinsicConfig(BaseModel):
    """What all kinds have in common: how the learned reward is mixed with the game's.

    Without ``gamma`` the learned reward, times ``learned_weight``, is added to the game's, times
    ``game_weight``. With ``gamma`` it has a value head of its own with that discount factor, and the
    advantages of the two are weighted instead. Returns of the learned reward then end with an episode only if
    ``episodic``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    gamma: Share | None = None
    """Discount factor of a value head for the learned reward; without one it is added to the game's."""
    episodic: bool = True
    """Whether the learned returns end with an episode."""

    @property
    def learned_weight(self) -> Schedule:
        """Weight of the learned reward."""
        raise NotImplementedError

    @property
    def game_weight(self) -> Schedule:
        """Weight of the game's reward."""
        raise NotImplementedError

    @property
    def has_value_head(self) -> bool:
        """Whether the learned reward has a value head of its own."""
        return self.gamma is not None

    @property
    def needs_cells(self) -> bool:
        """Whether environments report the cell of each step, see envs.cells."""
        return False

    def check_observations(self, names: Iterable[str]) -> None:
        """Raise ValueError if an observation that the model needs is not among ``names``."""

    @model_validator(mode="after")
    def _episodes_have_effect(self) -> Self:
        if self.gamma is None and not self.episodic:
            raise ValueError("episodic false needs gamma, the discount factor of a value head of its own")
        return self


class CuriosityConfig(IntrinsicConfig):
    """Rewards for what is new, or of the user's own: ``coefficient`` and ``extrinsic_coefficient`` weigh."""

    coefficient: ScheduledWeight = 1.0
    """Weight of the learned reward, or of its advantages."""
    extrinsic_coefficient: Weight = 1.0
    """Weight of the advantages of the game's reward, where there are two value heads."""

    @property
    def learned_weight(self) -> Schedule:
        """See IntrinsicConfig."""
        return self.coefficient

    @property
    def game_weight(self) -> Schedule:
        """See IntrinsicConfig."""
        return self.extrinsic_coefficient

    @model_validator(mode="after")
    def _mixing_has_effect(self) -> Self:
        if self.gamma is None and self.extrinsic_coefficient != 1:
            raise ValueError(
                f"extrinsic_coefficient {self.extrinsic_coefficient:g} needs gamma: without a value head of"
                " its own the learned reward is added to the game's, and coefficient is their ratio"
            )
        return self


def check_inputs(kind: str, inputs: Sequence[str], names: Iterable[str]) -> None:
    """Raise ValueError unless ``inputs`` are different ones of the observations ``names``."""
    known = tuple(names)
    for name in inputs:
        if name not in known:
            raise ValueError(f'intrinsic: {kind} needs "{name}", which is not among the "observations"')
    if len(set(inputs)) != len(inputs):
        raise ValueError("intrinsic.inputs names an observation twice")
