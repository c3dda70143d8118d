"""The config section "ray": how environments on a Ray cluster are supervised."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3600)]


class RayConfig(BaseModel):
    """Timeouts and processes of environments on a Ray cluster; see docs/ray.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    processors: Annotated[int, Field(ge=1, le=1024)] = 1  # processors and worker processes per actor
    compress: bool = False  # results: 1/14 of the bytes for 10 % more worker time
    answer_timeout: Annotated[float, Field(ge=1, le=3600)] = 15.0  # until a silent actor counts as lost
    start_timeout: Seconds = 60.0  # until an actor that does not start is requested elsewhere
    lost_timeout: Annotated[float, Field(gt=0, le=1_000_000)] = 600.0  # until a run without actors ends
    retry_every: Seconds = 2.0  # between two searches for room
    late_factor: Annotated[float, Field(gt=1, le=1000)] | None = 1.5  # None: rollouts wait for all games
