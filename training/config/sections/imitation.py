"""The config section "init": demonstrations from which a policy is cloned before training starts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class InitConfig(BaseModel):
    """Behaviour cloning as a start, see docs/imitation.md.

    The set is replayed through the config's observations, and the policy learns the actions by cross entropy.
    With ``bc_coef`` training goes on to imitate them.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    demonstrations: Annotated[str, Field(min_length=1)]
    """Folder of the set, made by demonstrate.py."""
    epochs: Annotated[int, Field(ge=0, le=10_000)] = 8
    """Passes over the samples; with 0 only ``bc_coef`` imitates."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Learning rate of Adam at the start of cloning; it falls linearly to 0."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Minibatch in samples, also that of ``bc_coef``."""
    held_out: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of the episodes, at least one, from which nothing is learned; they measure accuracy."""
