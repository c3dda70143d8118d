"""What a saved state says of where to read and write, checked before it is played.

PyBoy takes a state's numbers as they are and uses some of them as indices without looking (its compiled parts
check no bounds). In a state that was made to harm they reach memory of this process that is no game's: a bank
that the cartridge lacks, a line below the screen, a place outside of a table of the sound hardware. All
others are values of the game's own machine, which may be anything.

The layout is that of PyBoy's save_state methods (pyboy/core/mb.py and what it calls), version 29.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envs.errors import UserError
from envs.old_states import CURRENT, VIDEO_BYTES

SELECT_ROM_BANK = 0x2100  # a write here does it with every kind of cartridge (Pan Docs, "MBCs")
BANK = 0x4000  # bytes
RAM_BANKS = 16  # that PyBoy has room for (pyboy/core/cartridge/base_mbc.py), whatever the cartridge has

# Offsets in bytes.
VIDEO = 45
LINE = VIDEO + VIDEO_BYTES + 5
NEXT_MODE = LINE + 757  # after registers, five bytes for each of 144 lines, six flags and three clocks
CHANGE = NEXT_MODE + 1
SOUND = CHANGE + 1
LAST_LINE, LAST_SHOWN, BLANK = 153, 143, 1  # lines; the mode between two pictures
SEARCHING, NEXT_LINE = 2, 1  # the mode that begins a line; the change that goes to it
# Of the sound: within a channel of square waves, and the places of the channels after the buffer.
TONE_DUTY, TONE_FRAME, TONE_NEXT_DUTY, TONE_BYTES = 0, 41, 58, 60
SWEEP, TONE, WAVE = 69, 174, 234
WAVE_FRAME, WAVE_SAMPLE = WAVE + 47, WAVE + 66
DUTIES, TONE_FRAMES, WAVE_FRAMES = 4, 8, 32


@dataclass(frozen=True, slots=True)
class StateCheck:
    """The check of one cartridge's states. ``like`` is the first byte and the length of each, ``bank`` the
    place of the ROM bank's number, which the RAM bank's follows, ``rom_banks`` how many there are."""

    like: tuple[int, int]
    bank: int
    rom_banks: int

    def __call__(self, state: bytes) -> None:
        """Raise UserError when ``state`` is of another form, or has an index of what is not there."""
        if (state[0], len(state)) != self.like:
            raise UserError(
                f"state of {len(state)} bytes, version {state[0]}: this cartridge's have {self.like[1]},"
                f" version {self.like[0]}"
            )
        for what, value, most in self._indices(state):
            if value > most:
                raise UserError(f"state of {len(state)} bytes: its {what} is {value}, at most {most} can be")

    def _indices(self, state: bytes) -> Iterator[tuple[str, int, int]]:
        yield "ROM bank", state[self.bank], self.rom_banks - 1
        yield "RAM bank", state[self.bank + 1], RAM_BANKS - 1
        if self.like[0] == CURRENT:
            yield from _video(state)
            yield from _sound(state)


def _video(state: bytes) -> Iterator[tuple[str, int, int]]:
    mode = state[NEXT_MODE]
    yield "next mode of the screen", mode, 3
    begins = mode == SEARCHING or state[CHANGE] == NEXT_LINE
    yield "line", state[LINE], LAST_SHOWN - begins if mode != BLANK else LAST_LINE


def _sound(state: bytes) -> Iterator[tuple[str, int, int]]:
    samples = 2 * (_whole(state, SOUND + 8) + 1)
    head = _whole(state, SOUND)
    yield "place in the sound", head + head % 2, samples
    channels = SOUND + 24 + samples
    for channel in (channels + SWEEP, channels + TONE):
        yield "wave", state[channel + TONE_DUTY], DUTIES - 1
        yield "next wave", state[channel + TONE_NEXT_DUTY], DUTIES - 1
        yield "place in a wave", _whole(state, channel + TONE_FRAME), TONE_FRAMES - 1
    for place in (WAVE_FRAME, WAVE_SAMPLE):
        yield "place in the wave", _whole(state, channels + place), WAVE_FRAMES - 1


def _whole(state: bytes, place: int) -> int:
    return int.from_bytes(state[place : place + 8], "little")


def make_state_check(before: bytes, after: bytes, rom: bytes) -> StateCheck:
    """From two states of a machine with the cartridge ``rom`` that differ by a write to SELECT_ROM_BANK: what
    else they hold depends on the kind of cartridge. Raises UserError when they do not differ."""
    place = next((i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b), None)
    if place is None:
        raise UserError(f"cartridge of kind 0x{rom[0x147]:02X}: its memory banks cannot be selected")
    return StateCheck((before[0], len(before)), place, len(rom) // BANK)
