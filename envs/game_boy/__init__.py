"""The machine: emulator, ROM files, memory, keyboard, saved states. The one room that imports PyBoy."""
