"""Compiler of the world: readable text in ``world/`` to C tables in ``build/gen/``; standard library only."""
