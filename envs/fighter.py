"""The own creature in battle: its party slot and its numbers."""

from __future__ import annotations

from dataclasses import replace

from envs.ram import GameState, PartyMon


def fighting_slot(state: GameState) -> int | None:
    """Return the party slot (0 to 5) of the creature in battle, or None if no slot matches it.

    No slot matches until the first creature of a battle is sent out. The game's own slot number is used if
    level and maximum HP in battle are those of that slot: a game that does not maintain the number leaves 0
    there. Otherwise it is the first slot with the same level, maximum HP and HP, or failing that the first
    with the same level and maximum HP.
    """
    alike = [
        slot
        for slot, mon in enumerate(state.party)
        if (mon.level, mon.max_hp) == (state.own_level, state.own_max_hp)
    ]
    if state.active_slot in alike:
        return state.active_slot
    return min(alike, key=lambda slot: state.party[slot].hp != state.own_hp, default=None)


def fighter(state: GameState) -> PartyMon:
    """Return the creature in battle with its HP in battle; the party's HP lag behind during a turn.

    Before a creature is sent out, it is the first that can fight. Without a party, it has the level and HP
    that memory holds for the creature in battle.
    """
    slot = fighting_slot(state)
    if slot is not None:
        return replace(state.party[slot], hp=state.own_hp)
    nobody = PartyMon(level=state.own_level, hp=state.own_hp, max_hp=state.own_max_hp)
    return next((mon for mon in state.party if mon.hp), nobody)
