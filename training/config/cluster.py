"""How environments on a Ray cluster are looked after: the config's section "ray"."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3600)]


class RayConfig(BaseModel):
    """How environments on a Ray cluster are looked after; see docs/ray.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    processors: Annotated[int, Field(ge=1, le=1024)] = 1  # of an actor, and its worker processes
    compress: bool = False  # results: a fourteenth of the bytes for a tenth more of the workers' time
    answer_timeout: Annotated[float, Field(ge=1, le=3600)] = 15.0  # an actor that owes an answer is lost
    start_timeout: Seconds = 60.0  # until one that was asked for and is not there is asked for elsewhere
    lost_timeout: Annotated[float, Field(gt=0, le=1_000_000)] = 600.0  # with all lost, until the run ends
    retry_every: Seconds = 2.0  # between two looks for a place
    late_factor: Annotated[float, Field(gt=1, le=1000)] | None = 1.5  # None: rollouts wait for everybody
