"""The config section "intrinsic": a learned reward beside the game's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, JsonValue, Tag

from training.config.sections.imitation_rewards import AmpConfig, NearConfig
from training.config.sections.intrinsic_base import (
    CuriosityConfig,
    IntrinsicConfig,
    ScheduledWeight,
    Share,
    Weight,
    Width,
    check_inputs,
)

COUNTS, RND, REVERSE, AMP, NEAR, OWN = "counts", "rnd", "reverse", "amp", "near", "own"
KINDS = (COUNTS, RND, REVERSE, AMP, NEAR)
"""The kinds by name; a class of the user's is another."""


class CountsConfig(CuriosityConfig):
    """Coefficient / sqrt(N) for the N-th visit of a cell (map, tile, events)."""

    kind: Literal["counts"] = "counts"
    """The kind of learned reward."""
    coefficient: ScheduledWeight = 0.1
    """Weight of the learned reward, or of its advantages."""
    over: Literal["run", "episode"] = "run"
    """Whether visits are counted over the whole run, or anew in each episode."""
    capacity: Annotated[int, Field(ge=16, le=50_000_000)] = 500_000
    """Cells that the table holds, 24 bytes each. When it is full, those visited longest ago are forgotten."""

    @property
    def needs_cells(self) -> bool:
        """See IntrinsicConfig."""
        return True


class RndConfig(CuriosityConfig):
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
        check_inputs(self.kind, self.inputs, names)


class ReverseConfig(CuriosityConfig):
    """The error of the reverse model, which the section "reverse_model" describes."""

    kind: Literal["reverse"] = "reverse"
    """The kind of learned reward."""
    coefficient: ScheduledWeight = 0.01
    """Weight of the learned reward, or of its advantages."""


class OwnConfig(CuriosityConfig):
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
    REVERSE: ReverseConfig,
    AMP: AmpConfig,
    NEAR: NearConfig,
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
    Annotated[CountsConfig, Tag(COUNTS)]
    | Annotated[RndConfig, Tag(RND)]
    | Annotated[ReverseConfig, Tag(REVERSE)]
    | Annotated[AmpConfig, Tag(AMP)]
    | Annotated[NearConfig, Tag(NEAR)]
    | Annotated[OwnConfig, Tag(OWN)],
    Discriminator(
        _tag, custom_error_type="intrinsic_kind", custom_error_message="not an object of a known kind"
    ),
]
"""Type of the section."""
