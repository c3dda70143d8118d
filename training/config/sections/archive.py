"""Settings of the start archive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ArchiveConfig(BaseModel):
    """The start archive: a share of the episodes begins in cells that earlier episodes reached."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    cells: Literal["milestones", "map_events", "tiles"] = "milestones"
    """Moments that count as one cell: equal milestones; equal map and number of events; equal map, block of
    8 x 8 steps and events."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the episodes that begins in the archive."""
    selection: Literal["count", "frontier", "uniform"] = "frontier"
    """Cells to begin in: few visits first, newest milestone first, or all alike."""
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Cells to keep; each takes about 40 kB of memory and of every checkpoint."""
