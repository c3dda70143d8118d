"""Who is how far in a rollout where results come in any order, and when it has waited long enough."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LATE_SECONDS = 2.0
"""At least so long groups are waited for once half of them are done: short rollouts differ by chance."""


@dataclass
class RolloutRow:
    """One step of all environments, as far as its results have come: rewards, dones (environments,), and
    infos, empty where nothing came."""

    rewards: NDArray[np.float32]
    dones: NDArray[np.bool_]
    infos: list[dict[str, Any]]


class AsyncRollout:
    """One rollout of ``steps`` rows over ``groups`` of environments.

    ``late_factor``: once half of the groups are done, those that are not within so many times the seconds
    that this took (and LATE_SECONDS) are late. None: everybody is waited for.
    """

    def __init__(self, groups: Sequence[slice], steps: int, late_factor: float | None) -> None:
        self.at = [0] * len(groups)
        """For each group the row that it fills next."""
        self.here: set[int] = set()
        """Groups that have environments."""
        self.told = 0
        """Rows that callbacks have seen."""
        self._groups, self._steps, self._late_factor = groups, steps, late_factor
        self._envs = sum(part.stop - part.start for part in groups)
        self._rows: dict[int, RolloutRow] = {}
        self._began = time.monotonic()
        self._deadline: float | None = None

    def note(
        self, group: int, rewards: NDArray[np.float32], dones: NDArray[np.bool_], infos: list[dict[str, Any]]
    ) -> None:
        """What came of a group's row; its next row follows."""
        row = self._rows.setdefault(self.at[group], self._empty())
        part = self._groups[group]
        row.rewards[part], row.dones[part], row.infos[part] = rewards, dones, infos
        self.at[group] += 1
        if self.at[group] == self._steps:
            self._set_deadline()

    def join(self, group: int) -> int:
        """A group is here again: the row that it goes on with, from which nobody has to wait for it twice."""
        self.here.add(group)
        self.at[group] = max(self.told, self.at[group])
        return self.at[group]

    def unfinished(self) -> list[int]:
        """Groups that are here and not done."""
        return sorted(group for group in self.here if self.at[group] < self._steps)

    def over(self) -> bool:
        """Whether nobody is waited for any longer."""
        if not self.here:
            return False
        late = self._deadline is not None and time.monotonic() > self._deadline
        return late or not self.unfinished()

    def next_whole(self) -> RolloutRow | None:
        """The next row, each once, if all who are here have filled it."""
        if self.told == self._steps or not self.here:
            return None
        return None if any(self.at[group] <= self.told for group in self.here) else self.next_row()

    def next_row(self) -> RolloutRow:
        """The next row as it is, each once."""
        self.told += 1
        return self._rows.pop(self.told - 1, None) or self._empty()

    def _set_deadline(self) -> None:
        done = sum(self.at[group] == self._steps for group in self.here)
        if self._late_factor is not None and self._deadline is None and 2 * done >= len(self.here):
            took = time.monotonic() - self._began
            self._deadline = self._began + max(self._late_factor * took, took + LATE_SECONDS)

    def _empty(self) -> RolloutRow:
        return RolloutRow(
            np.zeros(self._envs, np.float32), np.zeros(self._envs, np.bool_), [{} for _ in range(self._envs)]
        )
