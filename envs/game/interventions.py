"""What a user may ask to be changed in the running game. Each write goes through ``Emulator.write``, which
counts it, and the count is told at the end of every episode: results with and without are not the same
experiment."""

from __future__ import annotations

from envs.game_boy.emulator import Emulator
from envs.ram import W_OPTIONS

FAST_TEXT = "fast_text"
REPEL = "repel"
TEXT_SPEED = 0x0F  # bits of wOptions: 1 fast, 3 medium, 5 slow
FAST = 1
NO_ANIMATIONS = 0x80
# Names and meaning from the public disassembly (pret/pokered). With steps of repellent left, the embedded
# game lets no wild creature come, and the commercial one none that is weaker than the first of the party.
# With steps left before the next random battle, which it counts down only after a battle, the commercial one
# lets none come at all; the embedded one has no such byte. Trainers and battles of the story always come.
W_REPEL_REMAINING_STEPS = 0xD0DB
W_NO_RANDOM_BATTLE_STEPS_LEFT = 0xD13C
REPEL_STEPS = 0xFF
REFILL_BELOW = 0x80  # steps; an action takes one or two, so that few writes do


def keep_text_fast(emulator: Emulator) -> None:
    """Set fast text and no battle animations in the game's options, where they are not set already.

    The battle style (bit 6) stays as it is. A new game sets its options itself, so call this again and again.
    """
    options = emulator.memory[W_OPTIONS]
    wanted = options & ~TEXT_SPEED | FAST | NO_ANIMATIONS
    if options != wanted:
        emulator.write(W_OPTIONS, wanted, FAST_TEXT)


def keep_wild_battles_off(emulator: Emulator) -> None:
    """Let no wild creature come, by refilling the steps of repellent that are left. Call this before every
    action: a step of the game may use some up."""
    for address in (W_REPEL_REMAINING_STEPS, W_NO_RANDOM_BATTLE_STEPS_LEFT):
        if emulator.memory[address] < REFILL_BELOW:
            emulator.write(address, REPEL_STEPS, REPEL)


INTERVENTIONS = {FAST_TEXT: keep_text_fast, REPEL: keep_wild_battles_off}
"""Every intervention that a config can switch on: its name there and in the ledger, and what it does."""
