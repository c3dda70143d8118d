"""The config section "ray": how environments on a Ray cluster are supervised."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3600)]


class RayConfig(BaseModel):
    """Timeouts and processes of environments on a Ray cluster; see docs/ray.md."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    processors: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processors and worker processes per actor."""
    compress: bool = False
    """Compress results: 1/14 of the bytes for 10 % more of a worker's time."""
    answer_timeout: Annotated[float, Field(ge=1, le=3600)] = 15.0
    """Seconds until a silent actor counts as lost."""
    start_timeout: Seconds = 60.0
    """Seconds until an actor that does not start is requested elsewhere."""
    lost_timeout: Annotated[float, Field(gt=0, le=1_000_000)] = 600.0
    """Seconds until a run without actors ends."""
    retry_every: Seconds = 2.0
    """Seconds between two searches for room."""
    late_factor: Annotated[float, Field(gt=1, le=1000)] | None = 1.5
    """A rollout ends without groups that take this many times as long as half of them; null: it waits."""
