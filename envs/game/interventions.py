"""Interventions: optional changes to the running game's memory.

Each write goes through ``Emulator.write``, which counts it. The counts are reported at the end of every
episode, because results with and without interventions are not comparable.
"""

from __future__ import annotations

from envs.game_boy.emulator import Emulator
from envs.ram import W_OPTIONS

FAST_TEXT = "fast_text"
REPEL = "repel"
TEXT_SPEED = 0x0F  # bits of wOptions: 1 fast, 3 medium, 5 slow
FAST = 1
NO_ANIMATIONS = 0x80
# Names and meaning from the public disassembly (pret/pokered). While repellent steps remain, the embedded
# game has no wild battles, and the commercial one none with creatures weaker than the first of the party. The
# second byte holds the steps before the next random battle and only counts down after a battle. While it is
# not 0 the commercial game has no wild battles at all; the embedded one does not use it. Trainer and story
# battles always happen.
W_REPEL_REMAINING_STEPS = 0xD0DB
W_NO_RANDOM_BATTLE_STEPS_LEFT = 0xD13C
REPEL_STEPS = 0xFF
REFILL_BELOW = 0x80  # steps; an action takes one or two, so few writes are needed


def keep_text_fast(emulator: Emulator) -> None:
    """Set fast text and no battle animations in the game's options, unless they are already set.

    The battle style (bit 6) does not change. A new game resets its options, so call this repeatedly.
    """
    options = emulator.memory[W_OPTIONS]
    wanted = options & ~TEXT_SPEED | FAST | NO_ANIMATIONS
    if options != wanted:
        emulator.write(W_OPTIONS, wanted, FAST_TEXT)


def keep_wild_battles_off(emulator: Emulator) -> None:
    """Prevent wild battles by refilling the remaining repellent steps. Call this before every action."""
    for address in (W_REPEL_REMAINING_STEPS, W_NO_RANDOM_BATTLE_STEPS_LEFT):
        if emulator.memory[address] < REFILL_BELOW:
            emulator.write(address, REPEL_STEPS, REPEL)


INTERVENTIONS = {FAST_TEXT: keep_text_fast, REPEL: keep_wild_battles_off}
"""Every intervention that a config can enable: name in the config and in the counts -> function."""
