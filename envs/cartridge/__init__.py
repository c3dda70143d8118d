"""The embedded game: C source, world as text, compiler, the built .gb, scripted player."""
