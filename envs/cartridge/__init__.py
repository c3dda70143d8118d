"""The embedded cartridge "Clover": C source, world as text, tools and scripted walkthrough."""
