"""The config section "reverse_model": a model of what came before a step, trained beside actor and critic."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ReverseModelConfig(BaseModel):
    """A network that predicts what came before each step, trained beside actor and critic.

    It has hidden layers as the actor's. Its inputs are the features of a state, the action that led there and
    the state's value; it predicts the features of the state before. See docs/policies.md.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    coefficient: Annotated[float, Field(ge=0, le=1000)] = 0.1
    """Weight of its error in the loss of updates, from which the policy's encoders learn; 0: they do not."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-4
    """Learning rate of Adam for the model itself."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Transitions that it learns from in each minibatch of an update; with memory, rounded to sequences."""
