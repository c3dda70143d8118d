"""The Game Boy: emulator, ROM files, memory, keyboard, saved states. No other package imports PyBoy."""
