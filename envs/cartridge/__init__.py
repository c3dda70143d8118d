"""The embedded cartridge "Clover": its C source, its world as text, its tools and its scripted walkthrough."""
