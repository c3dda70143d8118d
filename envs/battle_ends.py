"""How battles begin and end, from two moments of the game.

The rules are those of the original game, from its public disassembly (pret/pokered).
"""

from __future__ import annotations

from typing import Literal

from envs.ram import BATTLE_LOST, SAFARI, TRAINER, GameState

BattleChange = Literal["started", "won", "lost", "escaped"]


def battle_change(before: GameState, now: GameState) -> BattleChange | None:
    """Return how a battle began or ended between two moments, or None.

    "started", or for a battle that was under way "won", "lost", or "escaped" for any other end (somebody
    ran, or the wild creature was caught). When ``battle`` goes from -1 (just lost) to 0, that is not a second
    loss.
    """
    if now.battle > 0:
        return "started" if before.battle <= 0 else None
    if before.battle <= 0:
        return None
    if _is_lost(before, now):
        return "lost"
    return "won" if _is_won(before, now) else "escaped"


def _is_lost(before: GameState, now: GameState) -> bool:
    """Return whether a battle that ended was lost.

    The result byte is 1 as soon as an own creature faints. One can still run from a wild battle then, so the
    byte means nothing there while another creature stands.
    """
    standing = any(mon.hp for mon in now.party)
    if now.battle == BATTLE_LOST or (now.party and not standing):
        return True
    if now.battle_result == 1:
        return before.battle == TRAINER or not standing
    return _blacked_out(before, now)


def _blacked_out(before: GameState, now: GameState) -> bool:
    """Return whether a blackout passed within one action.

    About 40 frames after a loss the result byte and wIsInBattle are 0, half of the money is gone and the team
    is healed.
    """
    healed = all(mon.hp == mon.max_hp and not mon.status for mon in now.party)
    if not now.party or not healed or now.money != before.money // 2:
        return False
    return before.money > 0 or (now.map_id == now.blackout_map != before.map_id)


def _is_won(before: GameState, now: GameState) -> bool:
    """Return whether a battle that ended without a loss was won.

    A wild enemy must have fainted: the result byte is also 0 when it runs or the last safari ball is thrown.
    """
    if now.battle_result != 0 or before.escaped or now.escaped:
        return False
    if before.battle == TRAINER:
        return True
    return before.battle_type != SAFARI and 0 in (before.enemy_hp, now.enemy_hp)
