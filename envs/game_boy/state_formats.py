"""Conversion of states of other PyBoy versions, which the installed one cannot read.

Everything the game can observe is copied: the processor's registers, video memory and registers, work RAM,
and the RAM and banks of the cartridge. Sound, and the exact moment within a frame, come from the template: a
state of the installed version on the same cartridge.

A state begins with the number of its format. Offsets and sizes are those of PyBoy's save_state methods
(pyboy/core/mb.py and what it calls) in releases 1.4.7, 1.5.3, 1.6.14, 2.0.3, 2.2.2, 2.4.1, 2.5.4, 2.6.1,
2.7.0 and 2.8.1.
Conversion was tested on states written by each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from envs.errors import UserError

PYBOY_1_4, PYBOY_2_7, PYBOY_2_8 = 7, 15, 29
PLAYED = (PYBOY_2_7, PYBOY_2_8)
"""Formats of the versions that the harness supports for playing."""
WRITTEN_BY = {
    PYBOY_1_4: "1.4",  # 1.4.1 and later
    8: "1.5",
    9: "1.5.6 or 1.6",
    10: "2.0 or 2.1",
    11: "2.2 or 2.3",
    12: "2.4",
    14: "2.5",
    PYBOY_2_7: "2.6 or 2.7",
    PYBOY_2_8: "2.8",
}
# Bytes without the cartridge's RAM; the sound part may differ slightly between releases with one format.
SIZES = {
    7: 109_818,
    8: 109_842,
    9: 109_842,
    10: 132_882,
    11: 132_882,
    12: 132_906,
    14: 134_872,
    15: 134_908,
    29: 145_332,
}
SIZE_TOLERANCE = 64
HOW = "load it with pyboy 2.7.0 (pip install pyboy==2.7.0 in another environment) and save it there again"

VIDEO_BYTES = 0x2000 + 0xA0  # video RAM, then sprites
VIDEO_REGISTERS = 11  # LCDC, BGP, OBP0, OBP1, STAT, LY, LYC, SCY, SCX, WY, WX
STAT, LY = 4, 5
STAT_CHOSEN = 0b0111_1000  # bits set by the game; the others depend on the moment within the frame
WORK_BYTES = 0x2000 + 0x60 + 0x4C + 0x7F  # work RAM, unused, ports, high RAM
TIMER_REGISTERS = (0, 1, 6, 7)  # DIV, TIMA, TMA, TAC
BANKS = 4  # ROM bank, RAM bank, RAM enabled, mode
JOYPAD = 2
SERIAL = 36
BORDER = 15 - 4 + 8192 + 2048 + 128  # bytes of the Super Game Boy's border
CLOCK = 8  # bytes


@dataclass(frozen=True, slots=True)
class StateLayout:
    """Byte offsets of the parts within a state of ``size`` bytes."""

    size: int
    cpu: int  # twelve bytes of registers
    flags: tuple[int, ...]  # interrupts on, halted, stopped, interrupts enabled; not in 7: queued, requested
    video: int
    work: int
    timer: int
    timer_bytes: int  # its last eight: cycles until its next check, from 2.5 on
    cartridge: int


def layout_of(version: int, size: int, ram: int) -> StateLayout:
    """Return the layout of a state in the format ``version``; ``ram`` is the cartridge's RAM in bytes.

    Offsets are counted from both ends, because the size of the sound part between them differs by release.
    """
    if version == PYBOY_2_8:
        cartridge = size - BORDER - SERIAL - JOYPAD - ram - BANKS
        timer_bytes, selected_bank = 9 + 2 * CLOCK, 1
        timer = cartridge - timer_bytes
        work = timer - selected_bank - WORK_BYTES
        return StateLayout(size, 6, (18, 20, 21, 22, 23, 24), 45, work, timer, timer_bytes, cartridge)
    cartridge = size - (SERIAL if version >= 15 else 0) - JOYPAD - ram - BANKS
    timer_bytes, more_high_ram = 8 + CLOCK * ((version >= 12) + (version >= 13)), 0x34
    timer = cartridge - timer_bytes
    work = timer - more_high_ram - WORK_BYTES
    cpu, flags = (2, range(14, 18)) if version == PYBOY_1_4 else (5, range(17, 23))
    return StateLayout(size, cpu, tuple(flags), _video(version), work, timer, timer_bytes, cartridge)


def _video(version: int) -> int:
    if version == PYBOY_2_8:
        return 45
    return 31 if version >= 12 else 23 if version > PYBOY_1_4 else 18


def state_version(data: bytes) -> int:
    """Return the format number of the state ``data``. Raises UserError if it is empty."""
    if not data:
        raise UserError("state of 0 bytes: it is empty")
    return data[0]


def convert(data: bytes, template: bytes, ram: int) -> bytes:
    """Convert the state ``data`` to the format of ``template``.

    ``template`` is a state of the same cartridge whose screen is on if and only if the other's is (see
    ``screen_on``). ``ram`` is the cartridge's RAM in bytes. Raises UserError if either format is unknown, or
    if ``data`` is not a complete state of this cartridge.
    """
    version, wanted = check_version(data), template[0]
    if wanted not in PLAYED:
        raise UserError(
            f"state of version {version}: can be converted for PyBoy 2.7 and 2.8 (versions {PYBOY_2_7} and"
            f" {PYBOY_2_8}), not for an emulator that writes version {wanted}; install pyboy 2.8.1"
        )
    old, new = layout_of(version, len(data), ram), layout_of(wanted, len(template), ram)
    if abs(len(data) - ram - SIZES[version]) > SIZE_TOLERANCE or not _in_place(data, old, ram):
        raise UserError(
            f"state of {len(data)} bytes: a complete one of version {version} on this cartridge has about"
            f" {SIZES[version] + ram}; it is damaged, or another cartridge's"
        )
    result = bytearray(template)

    def copy(source: int, target: int, count: int) -> None:
        result[target : target + count] = data[source : source + count]

    result[1] = data[1]  # whether the start-up program is still mapped in
    copy(old.cpu, new.cpu, 12)
    # Interrupts that format 7 lacks belong to the moment within the frame, and come from the template.
    for source, target in zip(old.flags, new.flags, strict=False):
        result[target] = data[source]
    copy(old.video, new.video, VIDEO_BYTES)
    _copy_video_registers(data, old.video + VIDEO_BYTES, result, new.video + VIDEO_BYTES)
    copy(old.work, new.work, WORK_BYTES)
    for register in TIMER_REGISTERS:
        result[new.timer + register] = data[old.timer + register]
    end = new.timer + new.timer_bytes
    result[end - CLOCK : end] = (4).to_bytes(CLOCK, "little")  # cycles until the timer's next check
    copy(old.cartridge, new.cartridge, BANKS + ram)
    return bytes(result)


def _in_place(data: bytes, layout: StateLayout, ram: int) -> bool:
    """Whether the bytes with a limited range of values hold valid ones."""
    enabled, mode = data[layout.cartridge + 2 : layout.cartridge + BANKS]
    buttons = data[layout.cartridge + BANKS + ram :][:JOYPAD]
    # A bit is 0 while its button is held; nobody holds all four directions or all four other buttons.
    return enabled <= 1 and mode <= 1 and all(0 < held <= 0x0F for held in buttons)


def _copy_video_registers(data: bytes, source: int, result: bytearray, target: int) -> None:
    """Copy all registers except the current line, which depends on clocks that old versions lack."""
    for register in range(VIDEO_REGISTERS):
        value = data[source + register]
        if register == LY:
            continue
        if register == STAT:
            value = value & STAT_CHOSEN | result[target + register] & ~STAT_CHOSEN & 0xFF
        result[target + register] = value


def check_version(data: bytes) -> int:
    """Return the version of a convertible state. Raises UserError, with advice, for any other."""
    version = state_version(data)
    if version > PYBOY_2_8:
        raise UserError(
            f"state of version {version}: written by a PyBoy newer than 2.8.1, whose states have version"
            f" {PYBOY_2_8}; save it again with pyboy 2.8.1"
        )
    if version not in WRITTEN_BY:
        raise UserError(
            f"state of version {version}: written by no release of PyBoy from 1.4.1 on (versions"
            f" {', '.join(map(str, WRITTEN_BY))}); if it is older, {HOW}"
        )
    colour = slice(4, 6) if version == PYBOY_2_8 else slice(3, 5)
    if version > PYBOY_1_4 and any(data[colour]):  # 1.4 knew no other mode
        raise UserError(
            f"state of version {version}: saved in Game Boy Color mode; save it again with cgb=False"
        )
    return version


def screen_on(data: bytes) -> bool:
    """Whether the screen is on in a state (bit 7 of LCDC)."""
    register = _video(data[0]) + VIDEO_BYTES
    return len(data) > register and bool(data[register] & 0x80)
