"""What a field's metadata says of a setting: its role, from which every list of settings follows, and whether
it has a flag."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Role(Enum):
    """What a setting decides. Each field of TrainConfig has exactly one."""

    BOOKKEEPING = "names, logs, and how workers are looked after: nothing that is learned"
    SAMPLE = "what may differ between runs that are samples of one config, such as the seed"
    LEARNING = "what is learned from the episodes that are played"
    NETWORK = "the policy's network"
    OBSERVATIONS = "what the policy sees"
    EPISODE = "how an episode goes on a cartridge from a start, and what it pays"
    CARTRIDGE = "which cartridge is played from which start: records keep their hashes instead"


SAME_CONFIG = (Role.BOOKKEEPING, Role.SAMPLE)
"""May differ between runs that are put together as samples of one config."""
POLICY = (Role.OBSERVATIONS, Role.NETWORK)
"""Decides which weights fit."""
TASK = (Role.CARTRIDGE, Role.OBSERVATIONS, Role.EPISODE)
"""Runs that differ in one of these play in another environment or are paid for other things."""


@dataclass(frozen=True)
class Flag:
    """Marks a setting that train_ppo.py has a flag for.

    ``metavar`` stands for its value in ``--help``; empty: N for a whole number, X for any other, or the
    choices of a Literal.
    """

    metavar: str = ""


class Settings(BaseModel):
    """Settings with roles: frozen, checked strictly, unknown keys refused.

    Raises TypeError when a subclass is defined with a field that does not have exactly one role.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for key in cls.model_fields:
            cls.role_of(key)

    @classmethod
    def role_of(cls, key: str) -> Role:
        """The role of a setting. Raises KeyError for one that does not exist."""
        roles = [entry for entry in cls.model_fields[key].metadata if isinstance(entry, Role)]
        if len(roles) != 1:
            raise TypeError(
                f"{cls.__name__}.{key} has {len(roles)} roles, must have one: Annotated[..., Role.X]"
            )
        return roles[0]

    @classmethod
    def keys_with(cls, *roles: Role) -> tuple[str, ...]:
        """The settings whose role is one of ``roles``, in the order of the fields."""
        return tuple(key for key in cls.model_fields if cls.role_of(key) in roles)
