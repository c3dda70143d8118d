"""Check of the indices in a saved state, before it is played.

PyBoy loads a state's numbers unchecked and uses some of them as indices (its compiled modules do no bounds
checks). In a malicious state they can reach memory of this process outside the emulated machine: a bank the
cartridge lacks, a line below the screen, an entry beyond a table of the sound hardware. All other numbers are
values of the emulated machine and may be anything.

The layouts are those of PyBoy's save_state methods (pyboy/core/mb.py and what it calls), versions 15 and 29.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envs.errors import UserError
from envs.game_boy.state_formats import PYBOY_2_7, PYBOY_2_8, VIDEO_BYTES

SELECT_ROM_BANK = 0x2100  # a write here selects the ROM bank on every kind of cartridge (Pan Docs, "MBCs")
BANK = 0x4000  # bytes
RAM_BANKS = 16  # number that PyBoy allocates (pyboy/core/cartridge/base_mbc.py) for any cartridge

LAST_LINE, LAST_SHOWN, BLANK = 153, 143, 1  # lines; the mode between two frames (vertical blank)
SEARCHING, NEXT_LINE = 2, 1  # the mode that begins a line; the change that leads to it
DUTIES, TONE_FRAMES, WAVE_FRAMES = 4, 8, 32


@dataclass(frozen=True, slots=True)
class Indices:
    """Byte offsets of the indices in a format."""

    line: int
    next_mode: int
    change: int | None  # action at the start of the next mode
    sound: int
    # In the sound part: offsets of the channels after the buffer, and within a square wave channel.
    sweep: int
    tone: int
    next_duty: int | None
    wave_places: tuple[int, ...]


TONE_DUTY, TONE_FRAME = 0, 41
LINE_27, LINE_28 = 31 + VIDEO_BYTES + 5, 45 + VIDEO_BYTES + 5
INDICES = {
    # After the line registers, five bytes for each of 144 lines, flags and three clocks.
    PYBOY_2_7: Indices(
        LINE_27, LINE_27 + 755, None, LINE_27 + 756, sweep=68, tone=145, next_duty=None, wave_places=(249,)
    ),
    PYBOY_2_8: Indices(
        LINE_28, LINE_28 + 757, LINE_28 + 758, LINE_28 + 759, sweep=69, tone=174, next_duty=58,
        wave_places=(281, 300),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateCheck:
    """Check of one cartridge's states.

    ``like``: first byte and length of each state. ``bank``: offset of the ROM bank's number, which is
    followed by the RAM bank's. ``rom_banks``: number of ROM banks.
    """

    like: tuple[int, int]
    bank: int
    rom_banks: int

    def __call__(self, state: bytes) -> None:
        """Raise UserError if ``state`` has another format or length, or an index out of range."""
        if (state[0], len(state)) != self.like:
            raise UserError(
                f"state of {len(state)} bytes, version {state[0]}: this cartridge's states have"
                f" {self.like[1]} bytes, version {self.like[0]}"
            )
        for what, value, most in self._indices(state):
            if value > most:
                raise UserError(f"state of {len(state)} bytes: its {what} is {value}, must be at most {most}")

    def _indices(self, state: bytes) -> Iterator[tuple[str, int, int]]:
        yield "ROM bank", state[self.bank], self.rom_banks - 1
        yield "RAM bank", state[self.bank + 1], RAM_BANKS - 1
        places = INDICES.get(self.like[0])
        if places is not None:
            yield from _video(state, places)
            yield from _sound(state, places)


def _video(state: bytes, at: Indices) -> Iterator[tuple[str, int, int]]:
    mode = state[at.next_mode]
    yield "next mode of the screen", mode, 3
    begins = mode == SEARCHING or (at.change is not None and state[at.change] == NEXT_LINE)
    yield "line", state[at.line], LAST_SHOWN - begins if mode != BLANK else LAST_LINE


def _sound(state: bytes, at: Indices) -> Iterator[tuple[str, int, int]]:
    samples = 2 * (_whole(state, at.sound + 8) + 1)
    head = _whole(state, at.sound)
    yield "place in the sound", head + head % 2, samples
    channels = at.sound + 24 + samples
    for channel in (channels + at.sweep, channels + at.tone):
        yield "wave", state[channel + TONE_DUTY], DUTIES - 1
        if at.next_duty is not None:
            yield "next wave", state[channel + at.next_duty], DUTIES - 1
        yield "place in a wave", _whole(state, channel + TONE_FRAME), TONE_FRAMES - 1
    for place in at.wave_places:
        yield "place in the wave", _whole(state, channels + place), WAVE_FRAMES - 1


def _whole(state: bytes, place: int) -> int:
    return int.from_bytes(state[place : place + 8], "little")


def make_state_check(before: bytes, after: bytes, rom: bytes) -> StateCheck:
    """Make the check for the cartridge ``rom`` from two states that differ by a write to SELECT_ROM_BANK.

    The rest of their contents depends on the kind of cartridge. Raises UserError if they do not differ.
    """
    place = next((i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b), None)
    if place is None:
        raise UserError(f"cartridge of kind 0x{rom[0x147]:02X}: its memory banks cannot be selected")
    return StateCheck((before[0], len(before)), place, len(rom) // BANK)
