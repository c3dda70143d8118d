"""The world compiler: readable text under ``world/`` becomes C tables under ``build/gen/`` (standard library
only)."""
