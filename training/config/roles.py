"""Metadata of settings: the role, from which all lists of settings are derived, and whether it has a flag."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Role(Enum):
    """What a setting affects. Each field of TrainConfig has exactly one role."""

    BOOKKEEPING = "names, logs and supervision of workers: does not affect learning"
    SAMPLE = "may differ between runs that are samples of one config, such as the seed"
    LEARNING = "how the policy learns from the episodes"
    NETWORK = "the policy's network"
    OBSERVATIONS = "the policy's input"
    EPISODE = "how an episode proceeds from a start, and its rewards"
    CARTRIDGE = "the cartridge and the start state: records keep their hashes instead"


SAME_CONFIG = (Role.BOOKKEEPING, Role.SAMPLE)
"""May differ between runs that are grouped as samples of one config."""
POLICY = (Role.OBSERVATIONS, Role.NETWORK)
"""Determines which weights fit."""
TASK = (Role.CARTRIDGE, Role.OBSERVATIONS, Role.EPISODE)
"""Runs that differ in one of these have different environments or rewards."""


@dataclass(frozen=True)
class Flag:
    """Marks a setting that train_ppo.py has a flag for.

    ``metavar`` is the placeholder for the value in ``--help``. The default is N for an integer, X for a
    float, and the choices for a Literal.
    """

    metavar: str = ""
    alias: str = ""
    """Another name of the flag, such as --track."""


class Settings(BaseModel):
    """Settings with roles: frozen, strictly validated, without unknown keys.

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
        """Return the role of a setting. Raises KeyError for an unknown one."""
        roles = [entry for entry in cls.model_fields[key].metadata if isinstance(entry, Role)]
        if len(roles) != 1:
            raise TypeError(
                f"{cls.__name__}.{key} has {len(roles)} roles, must have one: Annotated[..., Role.X]"
            )
        return roles[0]

    @classmethod
    def keys_with(cls, *roles: Role) -> tuple[str, ...]:
        """Return the settings whose role is one of ``roles``, in field order."""
        return tuple(key for key in cls.model_fields if cls.role_of(key) in roles)
