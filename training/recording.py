"""The work of record.py: an emulator that keeps pictures between the frames of an action, GIF and MP4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.emulator import Emulator
from envs.errors import UserError
from training.config import TrainConfig
from training.episodes import FIRST_EVALUATION_SEED, SEEDS_APART, policy_choice
from training.evaluation import load_policy, run_checkpoint
from training.make_env import env_config, make_env

Picture = NDArray[np.uint8]
GIF_TICK = 0.01  # seconds: the unit of a GIF's delays


class RecordingEmulator(Emulator):
    """An Emulator that keeps a picture, uint8 (144, 160, 3), of every ``every``-th frame of its actions."""

    def __init__(self, rom: Path | str, *, every: int, sound: bool = False) -> None:
        super().__init__(rom, sound=sound)
        self.every = every
        self.pictures: list[Picture] = []
        self._frame = 0

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """As Emulator.act, with pictures on the way."""
        for frame in range(frames):
            if button is not None and frame == 0:
                self.press(button)
            elif button is not None and frame == held:
                self.release(button)
            wanted = self._frame % self.every == 0
            self.tick(1, render=wanted or frame == frames - 1)
            if wanted:
                self.pictures.append(self.screen_rgb())
            self._frame += 1
        if button is not None and held >= frames:
            self.release(button)


def play_and_record(
    run: Path, config: TrainConfig, actions: int, every: int, seed: int, greedy: bool, checkpoint: str | None
) -> list[Picture]:
    """Pictures of ``actions`` actions of the run's policy, every ``every``-th frame.

    Raises:
        UserError: the checkpoint, the ROM or the start state is wrong.
    """
    found = run_checkpoint(run, checkpoint)
    episodes = env_config(config)
    emulator = RecordingEmulator(episodes.game.rom, every=every, sound=config.sound)
    env = DummyVecEnv([lambda: make_env(config, episodes, emulator=emulator)])
    try:
        choose = policy_choice(load_policy(config, env, found), greedy)
        torch.manual_seed(seed)
        env.seed(FIRST_EVALUATION_SEED + seed * SEEDS_APART)
        observations = env.reset()
        for _ in range(actions):
            observations, _, _, _ = env.step(choose(observations))  # type: ignore[arg-type]
    finally:
        env.close()
    return emulator.pictures


def write_moving_picture(path: Path, pictures: list[Picture], rate: float, scale: int = 1) -> None:
    """Write uint8 (144, 160, 3) pictures, ``rate`` a second, as GIF or MP4 by the ending of ``path``.

    Raises:
        UserError: the file cannot be written.
    """
    larger = [picture.repeat(scale, axis=0).repeat(scale, axis=1) for picture in pictures]
    try:
        if path.suffix == ".gif":
            _write_gif(path, larger, rate)
        else:
            _write_mp4(path, larger, rate)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_gif(path: Path, pictures: list[Picture], rate: float) -> None:
    """Delays are whole hundredths of a second, so each ends where the exact time line says."""
    images = [Image.fromarray(picture).quantize(colors=8, dither=Image.Dither.NONE) for picture in pictures]
    ends = [round((index + 1) / rate / GIF_TICK) for index in range(len(images))]
    delays = [10 * max(2, end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=delays, loop=0, optimize=True)


def _write_mp4(path: Path, pictures: list[Picture], rate: float) -> None:
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
