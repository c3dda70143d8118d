"""The config section "policy": the kind of the policy, and the settings of each kind."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from training.config.presets import divisors_near

TILES, NATURE, LSTM, GPT2, OWN = "tiles", "nature", "lstm", "gpt2", "own_policy"
LONGEST = 64
"""Steps of a sequence, unless "sequence" is set: a longer one costs time for each layer, a shorter one learns
less of what happened long ago."""


class PolicyConfig(BaseModel):
    """What all kinds have in common."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    kind: str
    """The kind of policy."""

    @property
    def cnn(self) -> Literal["tiles", "nature"] | None:
        """Encoder of pictures that the kind stands for; None: that of "network"."""
        return None


class TilesConfig(PolicyConfig):
    """The default: layers that fit the game's tiles, as "network" describes them."""

    kind: Literal["tiles"] = "tiles"
    """The kind of policy."""

    @property
    def cnn(self) -> Literal["tiles", "nature"]:
        """See PolicyConfig."""
        return "tiles"


class NatureConfig(PolicyConfig):
    """The same with the network of Mnih et al. (2015) for pictures."""

    kind: Literal["nature"] = "nature"
    """The kind of policy."""

    @property
    def cnn(self) -> Literal["tiles", "nature"]:
        """See PolicyConfig."""
        return "nature"


class SequenceConfig(PolicyConfig):
    """A policy that may remember, and so learns from sequences of steps."""

    sequence: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    """Steps of a sequence in updates. It must divide n_steps and batch_size; when left out, it is the largest
    number up to 64 that does."""

    @property
    def window(self) -> int:
        """Steps that the policy reads to compute one."""
        return 1

    def sequence_steps(self, n_steps: int, batch_size: int) -> int:
        """Return the steps of a sequence.

        Raises ValueError if ``sequence`` does not divide both, or no number above 1 does.
        """
        both = math.gcd(n_steps, batch_size)
        if self.sequence is None:
            found = max(size for size in range(1, LONGEST + 1) if both % size == 0)
        else:
            found = self.sequence if both % self.sequence == 0 else 1
        if found == 1:
            given = "" if self.sequence is None else f"policy.sequence {self.sequence}: "
            raise ValueError(
                f"{given}a policy with memory learns from sequences of at least 2 steps, whose length divides"
                f" n_steps {n_steps} and batch_size {batch_size}"
            )
        return found


class LstmConfig(SequenceConfig):
    """The default's encoders, and on top of them an LSTM of ``layers`` layers of ``width`` units."""

    kind: Literal["lstm"] = "lstm"
    """The kind of policy."""
    layers: Annotated[int, Field(ge=1, le=8)] = 1
    """Layers of the LSTM."""
    width: Annotated[int, Field(ge=1, le=4096)] = 128
    """Units of each layer."""
    separate: bool = False
    """Whether actor and critic have an LSTM each."""


class Gpt2Config(SequenceConfig):
    """The default's encoders, and GPT-2 over the last ``max_input_states`` steps of the episode."""

    kind: Literal["gpt2"] = "gpt2"
    """The kind of policy."""
    max_input_states: Annotated[int, Field(ge=2, le=1024)] = 16
    """Steps in the window, the newest among them."""
    d_model: Annotated[int, Field(ge=1, le=4096)] = 256
    """Numbers that describe a step: the width of the transformer. A multiple of num_heads."""
    num_layers: Annotated[int, Field(ge=1, le=48)] = 5
    """Layers of the transformer."""
    num_heads: Annotated[int, Field(ge=1, le=64)] = 8
    """Heads of the attention."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Only 0: PPO compares log-probabilities of updates and rollouts, which dropout changes by chance."""

    @property
    def window(self) -> int:
        """See SequenceConfig."""
        return self.max_input_states

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.d_model % self.num_heads:
            sizes = ", ".join(map(str, divisors_near(self.d_model, self.num_heads)))
            raise ValueError(
                f"policy.num_heads {self.num_heads} does not divide policy.d_model {self.d_model};"
                f" nearest numbers that do: {sizes}"
            )
        return self

    @model_validator(mode="after")
    def _no_dropout(self) -> Self:
        if self.dropout:
            raise ValueError(
                f"policy.dropout {self.dropout:g} must be 0: PPO compares the log-probabilities of updates"
                " with those of rollouts, and dropout would change them by chance"
            )
        return self


class OwnPolicyConfig(SequenceConfig):
    """A class of the user's, FILE.py:CLASS or MODULE:CLASS. ``settings`` are its keyword arguments."""

    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Keyword arguments of the class."""


POLICY_KINDS: dict[str, type[PolicyConfig]] = {
    TILES: TilesConfig,
    NATURE: NatureConfig,
    LSTM: LstmConfig,
    GPT2: Gpt2Config,
    OWN: OwnPolicyConfig,
}


def is_own_policy(kind: object) -> bool:
    """Whether ``kind`` names a class of the user's."""
    return isinstance(kind, str) and ":" in kind


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if is_own_policy(kind):
        return OWN
    return kind if isinstance(kind, str) and kind in POLICY_KINDS and kind != OWN else None


Policy = Annotated[
    Annotated[TilesConfig, Tag(TILES)]
    | Annotated[NatureConfig, Tag(NATURE)]
    | Annotated[LstmConfig, Tag(LSTM)]
    | Annotated[Gpt2Config, Tag(GPT2)]
    | Annotated[OwnPolicyConfig, Tag(OWN)],
    Discriminator(
        _tag, custom_error_type="policy_kind", custom_error_message="not an object of a known kind"
    ),
]
"""Type of the section."""
