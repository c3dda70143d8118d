"""Commands of the history page to the process that plays for it. It imports no learning library."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Do = Literal["pause", "step", "slower", "faster", "hand", "press", "release", "demonstration", "moment"]


class Command(BaseModel):
    """A command: what to do, and for press and release which button."""

    model_config = ConfigDict(extra="forbid")
    do: Do
    button: Literal["down", "left", "right", "up", "a", "b", "start"] | None = None
