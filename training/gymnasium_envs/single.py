"""PokemonRed-v0 as one environment, in this process."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
from gymnasium import logger
from numpy.typing import NDArray

from envs.game_boy.emulator import Emulator
from envs.red_env import RedEnv
from training.environments.local import check_display, observations_of, reward_of
from training.gymnasium_envs.arguments import ConfigArgument, task_of


class PokemonRed(RedEnv):
    """``gymnasium.make("PokemonRed-v0")``: the game, as training plays it.

    Args:
        config: Path of a config file, a dict of settings, or a TrainConfig; None for the defaults. Settings
            of learning, such as ``learning_rate``, have no effect here.
        start: Name of a start state or path of a state file; it replaces those of the config.
        render_mode: "rgb_array": ``render`` returns an image, uint8 (144, 160, 3). "human": a window shows
            the game at its own speed. None: ``render`` returns None.
        settings: Settings that replace those of the config, such as ``max_steps=1024``.

    Raises:
        UserError: the config, the ROM or the start is wrong, or there is no display for the window.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 60 / 24}  # noqa: RUF012 - Gymnasium's own declaration

    def __init__(
        self,
        config: ConfigArgument = None,
        start: str | None = None,
        render_mode: Literal["human", "rgb_array"] | None = None,
        **settings: Any,
    ) -> None:
        if render_mode not in (None, *cast(list[str], self.metadata["render_modes"])):
            raise ValueError(f'render_mode {render_mode!r} must be "human", "rgb_array" or None')
        task = task_of(config, start, settings)
        shown = render_mode == "human"
        if shown:
            check_display('render_mode "human"')
        emulator = Emulator(
            task.game.rom, sound=task.config.sound, window="SDL2" if shown else "null", real_speed=shown
        )
        super().__init__(
            emulator, reward_of(task.config, task.game), observations_of(task.config), task.episodes
        )
        self.render_mode = cast(str, render_mode)  # None is one of Gymnasium's values

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """Return the last image, uint8 (144, 160, 3), with the render mode "rgb_array", else None."""
        if self.render_mode == "rgb_array":
            return super().render()
        if self.render_mode is None:
            logger.warn(
                'render() shows nothing: make the environment with render_mode="rgb_array" or "human"'
            )
        return None
