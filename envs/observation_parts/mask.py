"""The mask: which actions may be chosen next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envs.errors import UserError, known
from envs.game.masks import LEDGER, MASKS, NOTHING_PRESSED
from envs.observation_parts.base import N_ACTIONS, Picture, VectorPart
from envs.ram import GameState

EVERY_ACTION = (1 << N_ACTIONS) - 1
ALLOWED = tuple(bytes(~masked >> n & 1 for n in range(N_ACTIONS)) for masked in range(EVERY_ACTION + 1))
"""The values of the part by the bits of the masked actions."""


class MaskPart(VectorPart):
    """One flag for each action: 1 if it may be chosen next, 0 if one of the rules ``names`` of
    ``envs.game.masks`` takes it away. Raises UserError for an unknown rule."""

    shape = (N_ACTIONS,)
    high = 1
    source = "envs.game.masks"

    def __init__(self, names: Iterable[str]) -> None:
        wanted = tuple(names)
        for name in wanted:
            if name not in MASKS:
                raise UserError(f'mask "{name}": unknown; {known(name, MASKS)}')
        self._rules = {name: MASKS[name] for name in wanted}
        self._masked: dict[str, int] = {}  # bits of the actions that each rule masks now
        self._state = GameState()
        self._pressed: int | None = None  # the action since the last ``content``; None: there was none

    @property
    def acting(self) -> list[str]:
        """Names of the rules that mask something now, as they are counted among the interventions."""
        return [LEDGER + name for name in self._masked]

    @property
    def allowed(self) -> bytes:
        """The values of this moment."""
        bits = 0
        for masked in self._masked.values():
            bits |= masked
        return ALLOWED[bits]

    def reset(self, state: GameState, screen: Picture) -> None:
        self._state, self._pressed = state, NOTHING_PRESSED

    def update(self, screen: Picture, action: int) -> None:
        self._pressed = action

    def content(self, state: GameState) -> bytes:
        if self._pressed is not None:
            found = {name: rule(self._state, self._pressed, state) for name, rule in self._rules.items()}
            self._masked = {name: bits for name, bits in found.items() if bits}
            self._pressed = None
        self._state = state
        return self.allowed

    def snapshot(self) -> dict[str, int]:
        return dict(self._masked)

    def restore(self, snapshot: Any) -> None:
        """Continue from a ``snapshot``. Raises ValueError if it is not one of the same rules."""
        if not isinstance(snapshot, Mapping) or not all(
            name in self._rules and isinstance(bits, int) and 0 < bits < EVERY_ACTION
            for name, bits in snapshot.items()
        ):
            raise ValueError(f"a snapshot of masks must have bits of actions by rule, not {snapshot!r}")
        self._masked, self._pressed = dict(snapshot), None
