"""The config section "intrinsic": a learned reward beside the game's, such as counts or RND."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from training.config.schedules import Schedule, within

COUNTS, RND, OWN = "counts", "rnd", "own"
Share = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]
Width = Annotated[int, Field(ge=1, le=4096)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]


class IntrinsicConfig(BaseModel):
    """What all kinds have in common: how the learned reward is mixed with the game's.

    Without ``gamma`` the learned reward, times ``coefficient``, is added to the game's. With ``gamma`` it has
    a value head of its own with that discount factor. The advantage of a step is then
    ``extrinsic_coefficient`` times that of the game's reward plus ``coefficient`` times that of the learned
    one, whose returns end with an episode only if ``episodic``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    coefficient: Annotated[Schedule, within(0, 1000)] = 1.0
    """Weight of the learned reward, or of its advantages."""
    extrinsic_coefficient: Weight = 1.0
    """Weight of the advantages of the game's reward, where there are two value heads."""
    gamma: Share | None = None
    """Discount factor of a value head for the learned reward; without one it is added to the game's."""
    episodic: bool = True
    """Whether the learned returns end with an episode."""

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
    def _mixing_has_effect(self) -> Self:
        if self.gamma is None and self.extrinsic_coefficient != 1:
            raise ValueError(
                f"extrinsic_coefficient {self.extrinsic_coefficient:g} needs gamma: without a value head of"
                " its own the learned reward is added to the game's, and coefficient is their ratio"
            )
        if self.gamma is None and not self.episodic:
            raise ValueError("episodic false needs gamma, the discount factor of a value head of its own")
        return self


class CountsConfig(IntrinsicConfig):
    """Coefficient / sqrt(N) for the N-th visit of a cell (map, tile, events)."""

    kind: Literal["counts"] = "counts"
    """The kind of learned reward."""
    coefficient: Annotated[Schedule, within(0, 1000)] = 0.1
    """Weight of the learned reward, or of its advantages."""
    over: Literal["run", "episode"] = "run"
    """Whether visits are counted over the whole run, or anew in each episode."""
    capacity: Annotated[int, Field(ge=16, le=50_000_000)] = 500_000
    """Cells that the table holds, 24 bytes each. When it is full, those visited longest ago are forgotten."""

    @property
    def needs_cells(self) -> bool:
        """See IntrinsicConfig."""
        return True


class RndConfig(IntrinsicConfig):
    """Random network distillation: the error of a network that learns to predict a fixed random one."""

    kind: Literal["rnd"] = "rnd"
    """The kind of learned reward."""
    extrinsic_coefficient: Weight = 2.0
    """Weight of the advantages of the game's reward."""
    gamma: Share = 0.99
    """Discount factor of the learned reward, which has a value head."""
    episodic: bool = False
    """Whether the learned returns end with an episode."""
    inputs: Annotated[tuple[str, ...], Field(min_length=1)] = ("screen",)
    """Observations to predict from. Of stacked pictures only the newest is used, at half size."""
    features: Width = 64
    """Numbers that are predicted."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """Learning rate of the predictor."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Minibatch of the predictor, in steps."""
    share: Share = 0.5
    """Share of each rollout's steps that the predictor learns from."""
    random_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """Steps of random play before training, from which the first statistics of the observations come."""

    def check_observations(self, names: Iterable[str]) -> None:
        """See IntrinsicConfig."""
        names = tuple(names)
        for name in self.inputs:
            if name not in names:
                raise ValueError(f'intrinsic: rnd needs "{name}", which is not among the "observations"')
        if len(set(self.inputs)) != len(self.inputs):
            raise ValueError("intrinsic.inputs names an observation twice")


class OwnConfig(IntrinsicConfig):
    """A class of the user's, FILE.py:CLASS or MODULE:CLASS. ``settings`` are its keyword arguments."""

    kind: str
    """FILE.py:CLASS or MODULE:CLASS."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Keyword arguments of the class."""

    @property
    def needs_cells(self) -> bool:
        """See IntrinsicConfig."""
        return True


INTRINSIC_KINDS: dict[str, type[IntrinsicConfig]] = {
    COUNTS: CountsConfig,
    RND: RndConfig,
    OWN: OwnConfig,
}


def is_own(kind: object) -> bool:
    """Whether ``kind`` names a class of the user's."""
    return isinstance(kind, str) and ":" in kind


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if is_own(kind):
        return OWN
    return kind if isinstance(kind, str) and kind in INTRINSIC_KINDS and kind != OWN else None


Intrinsic = Annotated[
    Annotated[CountsConfig, Tag(COUNTS)] | Annotated[RndConfig, Tag(RND)] | Annotated[OwnConfig, Tag(OWN)],
    Discriminator(
        _tag, custom_error_type="intrinsic_kind", custom_error_message="not an object of a known kind"
    ),
]
"""Type of the section."""
