"""The own creature that fights: which slot of the party it is, and its numbers."""

from __future__ import annotations

from dataclasses import replace

from envs.ram import GameState, PartyMon


def fighting_slot(state: GameState) -> int | None:
    """The party slot (0 to 5) of the creature in battle; None when no slot holds it, which is so until the
    first creature of a battle is sent out.

    The game's own slot number counts when level and maximal HP in battle are those of that slot: a game
    that does not keep the number leaves 0 there. Otherwise it is the first slot with this level and maximal
    HP, one with the same HP before others.
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
    """The creature that fights, with the HP that it has in battle: the party's are behind while a turn runs.

    Before one is sent out it is the first that can fight; without a party, what memory says of level and HP.
    """
    slot = fighting_slot(state)
    if slot is not None:
        return replace(state.party[slot], hp=state.own_hp)
    nobody = PartyMon(level=state.own_level, hp=state.own_hp, max_hp=state.own_max_hp)
    return next((mon for mon in state.party if mon.hp), nobody)
