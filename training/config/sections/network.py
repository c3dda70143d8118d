"""The config section "network": sizes, encoders and hidden layers of the usual policies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Width = Annotated[int, Field(ge=1, le=4096)]


class NetworkConfig(BaseModel):
    """The policy's network: sizes in units, the encoders, and the hidden layers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    picture: Width = 256
    """Features of the observation "screen"."""
    visited: Width = 64
    """Features of the pictures of visited tiles together."""
    events: Width = 32
    """Features of the observation "events"."""
    numbers: Width = 64
    """Features of all other observations together."""
    facts: Width = 64
    """Features of the observations with ids together, such as "place" and "team"."""
    embedding: Annotated[int, Field(ge=1, le=256)] = 16
    """Width of the vector of an id."""
    hidden: Annotated[tuple[Width, ...], Field(max_length=8)] = (128,)
    """Units of the hidden layers, which actor and critic have each of their own."""
    cnn: Literal["tiles", "nature"] = "tiles"
    """Encoder of pictures: layers that fit the game's tiles, or the network of Mnih et al. (2015)."""
    separate: bool = False
    """Whether actor and critic have encoders of their own too."""
    activation: Literal["relu", "tanh", "elu"] = "relu"
    """Activation function of the hidden layers; encoders have ReLU."""
    init: Literal["orthogonal", "default"] = "orthogonal"
    """Initial weights: orthogonal, as in stable-baselines3, or torch's default."""

    @model_validator(mode="after")
    def _activation_has_layers(self) -> Self:
        if self.activation != "relu" and not self.hidden:
            raise ValueError(f'activation "{self.activation}" has no effect: hidden is empty')
        return self
