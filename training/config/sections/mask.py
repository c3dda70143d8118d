"""The config section "mask": rules that take away actions which would do nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class MaskConfig(BaseModel):
    """Rules of ``envs.game.masks``. Each action that one takes away is counted as an intervention."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    start: bool = True
    """No START in battle and while a menu is open."""
    wall: bool = True
    """Not again in the direction that was just pressed and led nowhere, until another action was taken."""
    b_outside_battle: bool = False
    """No B outside of battles and menus; texts go on with A."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that are on."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))
