"""Progress of each group in a rollout whose results arrive in any order, and when to stop waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LATE_SECONDS = 2.0
"""Minimum wait for the other groups once half are done, since short rollouts differ by chance."""


@dataclass
class RolloutRow:
    """The results of one step that have arrived: rewards and dones, (environments,), and infos.

    Where a result is missing, they are 0, False and empty.
    """

    rewards: NDArray[np.float32]
    dones: NDArray[np.bool_]
    infos: list[dict[str, Any]]


class AsyncRollout:
    """One rollout of ``steps`` rows over ``groups`` of environments.

    ``late_factor``: groups are late once the rollout has taken ``late_factor`` times as long as the first
    half of the groups, and LATE_SECONDS longer than they took. None: wait for all groups.
    """

    def __init__(self, groups: Sequence[slice], steps: int, late_factor: float | None) -> None:
        self.at = [0] * len(groups)
        """The row that each group fills next."""
        self.present: set[int] = set()
        """Groups that have environments."""
        self.reported = 0
        """Rows that callbacks have seen."""
        self._groups, self._steps, self._late_factor = groups, steps, late_factor
        self._envs = sum(part.stop - part.start for part in groups)
        self._rows: dict[int, RolloutRow] = {}
        self._began = time.monotonic()
        self._deadline: float | None = None

    def note(
        self, group: int, rewards: NDArray[np.float32], dones: NDArray[np.bool_], infos: list[dict[str, Any]]
    ) -> None:
        """Store the results of a group's row and move on to its next row."""
        row = self._rows.setdefault(self.at[group], self._empty())
        part = self._groups[group]
        row.rewards[part], row.dones[part], row.infos[part] = rewards, dones, infos
        self.at[group] += 1
        if self.at[group] == self._steps:
            self._set_deadline()

    def join(self, group: int) -> int:
        """Add a group that is back. Returns the row that it continues with."""
        self.present.add(group)
        self.at[group] = max(self.reported, self.at[group])
        return self.at[group]

    def unfinished(self) -> list[int]:
        """Groups that have environments and are not done."""
        return sorted(group for group in self.present if self.at[group] < self._steps)

    def over(self) -> bool:
        """Whether the rollout waits for no group any longer."""
        if not self.present:
            return False
        late = self._deadline is not None and time.monotonic() > self._deadline
        return late or not self.unfinished()

    def next_complete(self) -> RolloutRow | None:
        """Return the next row, each once, if all groups present have filled it."""
        if self.reported == self._steps or not self.present:
            return None
        return None if any(self.at[group] <= self.reported for group in self.present) else self.next_row()

    def next_row(self) -> RolloutRow:
        """Return the next row as it is, each once."""
        self.reported += 1
        return self._rows.pop(self.reported - 1, None) or self._empty()

    def _set_deadline(self) -> None:
        done = sum(self.at[group] == self._steps for group in self.present)
        if self._late_factor is not None and self._deadline is None and 2 * done >= len(self.present):
            took = time.monotonic() - self._began
            self._deadline = self._began + max(self._late_factor * took, took + LATE_SECONDS)

    def _empty(self) -> RolloutRow:
        return RolloutRow(
            np.zeros(self._envs, np.float32), np.zeros(self._envs, np.bool_), [{} for _ in range(self._envs)]
        )
