"""Registers the environments with Gymnasium.

Importing this module is enough. Gymnasium 1.0 removed entry points, through which older versions found the
environments of installed projects by themselves.
"""

from __future__ import annotations

import gymnasium.envs.registration as gymnasium_registration

ENV_ID = "PokemonRed-v0"


def register() -> None:
    """Register PokemonRed-v0. May be called again."""
    if ENV_ID not in gymnasium_registration.registry:
        gymnasium_registration.register(
            ENV_ID,
            entry_point="training.gymnasium_envs.single:PokemonRed",
            vector_entry_point="training.gymnasium_envs.vector:PokemonRedVector",
        )


register()
