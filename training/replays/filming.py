"""Filming a recorded episode: the screen, and below it rewards, milestones and the pressed button."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.game.catalog import EMBEDDED_ROM
from envs.game.maps import map_name
from envs.game_boy.emulator import BUTTONS, FRAMES_PER_SECOND
from envs.reward_components import COMPONENTS
from training.drawing.reward_overlay import PALETTE, Decision, RewardCurves, RewardOverlay, compose
from training.drawing.video import VideoWriter
from training.environments.filmed_emulator import FilmedEmulator
from training.evaluation.insight import Thoughts
from training.replays.replay_episode import ReplaySource, environment_of, steps_of

LAST = 1.5  # seconds that the last picture is shown


@dataclass(frozen=True)
class Film:
    """A video to write to ``out``: at ``speed`` times the speed of the real machine, with about ``rate``
    pictures per second, ``scale`` times as large as the screen. ``thoughts`` are those of the policy that
    played, if one did."""

    out: Path
    speed: float
    rate: int
    scale: int
    thoughts: Thoughts | None = None


def film(source: ReplaySource, curves: RewardCurves, wanted: Film) -> VideoWriter:
    """Write the episode as a video.

    ``curves`` come from ``verify``. Raises UserError if the file cannot be written.
    """
    every = max(1, round(FRAMES_PER_SECOND * wanted.speed / wanted.rate))
    pictures = Fraction(wanted.speed).limit_denominator(1000) * FRAMES_PER_SECOND / every
    strip, start = RewardOverlay(curves), Path(source.episode.header.start).stem
    with VideoWriter(wanted.out, PALETTE, pictures, wanted.scale) as video:
        below = strip.draw(0, "", dict.fromkeys(COMPONENTS, 0.0), start)  # until the start is known

        def show(screen: NDArray[np.uint8]) -> None:
            video.add(compose(screen, below))

        emulator = FilmedEmulator(source.config.rom or EMBEDDED_ROM, show, every, sound=source.config.sound)
        env = environment_of(source, emulator)
        try:
            for step in steps_of(source, env, "filming"):
                sums: dict[str, float] = dict(zip(COMPONENTS, step.sums, strict=True))
                decision = _decision(source, step.number + 1, wanted.thoughts)
                below = strip.draw(step.number, map_name(step.map_id), sums, start, decision)
            video.add(compose(emulator.screen(), below), times=round(LAST * pictures))
        finally:
            env.close()
    return video


def _decision(source: ReplaySource, step: int, thoughts: Thoughts | None) -> Decision | None:
    """Return what is to be shown while ``step`` (from 1) is played; None beyond the end."""
    if step > source.steps:
        return None
    pressed = BUTTONS[source.episode.actions[step - 1]]
    thought = thoughts.at(step) if thoughts is not None else None
    if thought is None:
        return Decision(BUTTONS, pressed)
    return Decision(BUTTONS, pressed, thought[0].tolist(), thought[1])
