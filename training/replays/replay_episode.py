"""The work of replay.py: a recorded episode played again in the real emulator, checked, and filmed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.episodes.file_format import (
    Header,
    RecordedEpisode,
    memory_hash,
    read_episode,
    read_start,
    start_path,
)
from envs.errors import UserError
from envs.game.catalog import EMBEDDED_ROM, chosen_rom
from envs.game.maps import map_name
from envs.game_boy.emulator import VERSION, Emulator
from envs.game_boy.rom import read_rom
from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.drawing.reward_overlay import PALETTE, RewardCurves, RewardOverlay, compose
from training.drawing.video import VideoWriter
from training.environments.local import make_env
from training.environments.recording import config_of
from training.environments.task import resolve_task

FRAMES = 60  # of the game, a second
LAST = 1.5  # seconds that the last picture stays


@dataclass(frozen=True)
class ReplaySource:
    """An episode with what it is played on: ``config`` names the cartridge and the start state's file."""

    path: Path
    episode: RecordedEpisode
    config: TrainConfig
    steps: int  # to play: all, or those that were asked for


@dataclass(frozen=True)
class ReplayStep:
    """What a step of a replay led to. ``sums`` are those of the reward since the start, in the order of
    COMPONENTS; ``agrees`` says whether the memory is as recorded, None where no hash was kept."""

    number: int
    sums: tuple[float, ...]
    milestones: tuple[str, ...]
    map_id: int
    agrees: bool | None


@dataclass(frozen=True)
class ReplayOutcome:
    """What came of playing an episode again."""

    curves: RewardCurves
    sums: dict[str, float]
    agreed: int  # the last step whose memory was compared and agreed
    differs: int | None  # the first step whose memory did not; the replay ended there

    def other_rewards(self, source: ReplaySource) -> list[str]:
        """Each sum of the reward that is another one than was recorded; none when only a part was played."""
        header = source.episode.header
        if source.steps < header.steps or self.differs is not None:
            return []
        return [
            f"{name} was {header.reward_components.get(name, 0.0):g} and is {value:g} now"
            for name, value in self.sums.items()
            if header.reward_components.get(name, 0.0) != value
        ]


def open_episode(
    path: Path, rom: Path | None = None, run: Path | None = None, actions: int | None = None
) -> ReplaySource:
    """The episode in the file ``path``, or its first ``actions``, ready to be played on the cartridge it was
    played on: ``rom``, or where that is found.

    ``run`` is the folder of its run. Reward terms of the user's own are code, and taken from the config of a
    run that was named as such: never from the file, nor from where it lies. Raises UserError when the file,
    its start state or the cartridge is wrong.
    """
    episode = read_episode(path)
    header = episode.header
    read_start(path.parent, header.start_sha256)  # checks it
    run_config = load_config(run / "config.json") if run is not None else None
    terms = run_config.reward_terms if run_config is not None else {}
    try:
        found = find_rom(header, rom, run_config.rom if run_config is not None else None)
        config = config_of(header, found, start_path(path.parent, header.start_sha256), terms)
    except UserError as error:
        raise UserError(f"episode {path}: {error}") from error
    return ReplaySource(path, episode, config, min(header.steps, actions or header.steps))


def find_rom(header: Header, given: Path | None, run_rom: str | None) -> Path:
    """The cartridge that the episode was played on, by its hash: ``given`` or none; else ``run_rom``, what
    POKEMON_RED_ROM names, or the embedded one. Raises UserError."""
    places = [given] if given is not None else [chosen_rom(run_rom), chosen_rom(), EMBEDDED_ROM]
    found = []
    for place in places:
        try:
            sha1 = read_rom(place).sha1
        except UserError:
            if given is not None:
                raise
            continue
        if sha1 == header.rom_sha1:
            return place
        found.append(f"{place} has {sha1}")
    raise UserError(
        f"was played on a ROM of SHA-1 {header.rom_sha1}; {found[0] if found else 'none is here'};"
        " give the right one with --rom"
    )


def play_again(source: ReplaySource, env: RedEnv) -> Iterator[ReplayStep]:
    """Play the episode in ``env``: step 0 is its start."""
    header, episode = source.episode.header, source.episode
    changes = deque(header.layer_weights)
    if changes and changes[0][0] == 0:  # in force before the episode began
        env.set_layer_weights(changes.popleft()[1])
    env.reset(options={"wait_frames": header.wait_frames})
    sums = dict.fromkeys(COMPONENTS, 0.0)
    yield ReplayStep(0, tuple(sums.values()), (), env.state.map_id, None)
    for number, action in enumerate(episode.actions[: source.steps], start=1):
        while changes and changes[0][0] < number:
            env.set_layer_weights(changes.popleft()[1])
        info = env.step(action)[4]
        for name, value in info["reward_components"].items():
            sums[name] += value
        agrees = None
        last = number == header.steps
        if last or number % header.hash_every == 0:
            recorded = episode.hashes[(number - 1) // header.hash_every]
            agrees = memory_hash(env.emulator.memory, last) == recorded
        yield ReplayStep(
            number, tuple(sums.values()), tuple(info.get("milestones", ())), env.state.map_id, agrees
        )


def verify(source: ReplaySource) -> ReplayOutcome:
    """Play the episode again and compare the memory wherever the file has a hash of it."""
    curves = RewardCurves(source.steps)
    sums: tuple[float, ...] = (0.0,) * len(COMPONENTS)
    agreed, differs = 0, None
    env = _environment(source, Emulator(source.config.rom or EMBEDDED_ROM, sound=source.config.sound))
    try:
        for step in play_again(source, env):
            sums = step.sums
            if step.number:
                curves.add(step.number, sums, step.milestones)
            if step.agrees is False:
                differs = step.number
                break
            agreed = step.number if step.agrees else agreed
    finally:
        env.close()
    return ReplayOutcome(curves, dict(zip(COMPONENTS, sums, strict=True)), agreed, differs)


def describe(source: ReplaySource, outcome: ReplayOutcome) -> str:
    """One line of what was played, one of what the comparison said, and one where rewards are others."""
    header = source.episode.header
    part = f"the first {source.steps:,} of " if source.steps < header.steps else ""
    lines = [
        f"{source.path.name}: {part}{header.steps:,} steps from {header.start}, return"
        f" {header.episode_return:g}"
    ]
    if outcome.differs is not None:
        lines.append(
            f"  memory differs at step {outcome.differs:,}; it agreed at step {outcome.agreed:,}, and no step"
            " between them was kept"
        )
        if header.emulator != VERSION:
            lines.append(f"  it was played with {header.emulator}, and this is {VERSION}")
    elif outcome.agreed:
        lines.append(f"  memory agrees up to step {outcome.agreed:,}")
    else:
        lines.append(f"  nothing to compare the memory with before step {header.hash_every:,}")
    other = outcome.other_rewards(source)
    if other:
        lines.append(f"  rewards differ: {', '.join(other)}; {_why(source)}")
    return "\n".join(lines)


def _why(source: ReplaySource) -> str:
    if source.episode.header.settings.get("reward_terms") and not source.config.reward_terms:
        return "reward terms of your own are played for a run that is named, not for a file"
    return "the code of the reward has changed since"


def film(
    source: ReplaySource, curves: RewardCurves, out: Path, speed: float, rate: int, scale: int
) -> VideoWriter:
    """Write the episode to ``out``, ``speed`` times as fast as the machine, about ``rate`` pictures a second;
    ``curves`` are those of ``verify``. Raises UserError when the file cannot be written."""
    every = max(1, round(FRAMES * speed / rate))
    pictures = Fraction(speed).limit_denominator(1000) * FRAMES / every
    header = source.episode.header
    strip, start = RewardOverlay(curves), Path(header.start).stem
    with VideoWriter(out, PALETTE, pictures, scale) as moving:
        below = strip.draw(0, "", dict.fromkeys(COMPONENTS, 0.0), start)  # until the start is known

        def show(screen: NDArray[np.uint8]) -> None:
            moving.add(compose(screen, below))

        emulator = FilmedEmulator(source.config.rom or EMBEDDED_ROM, show, every, sound=source.config.sound)
        env = _environment(source, emulator)
        try:
            for step in play_again(source, env):
                sums: dict[str, float] = dict(zip(COMPONENTS, step.sums, strict=True))
                below = strip.draw(step.number, map_name(step.map_id), sums, start)
            moving.add(compose(emulator.screen(), below), times=round(LAST * pictures))
        finally:
            env.close()
    return moving


class FilmedEmulator(Emulator):
    """An Emulator that hands every ``every``-th frame of its actions, uint8 (144, 160), to ``show``."""

    def __init__(
        self, rom: Path | str, show: Callable[[NDArray[np.uint8]], None], every: int, *, sound: bool = False
    ) -> None:
        super().__init__(rom, sound=sound)
        self._show, self._every, self._frame = show, every, 0

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """As Emulator.act, in parts that end where a picture is due, the button let go or the action over."""
        self.actions += 1
        if button is not None:
            self.press(button)
        passed = 0
        while passed < frames:
            stops = [self._every - self._frame % self._every, frames - passed]
            if button is not None and passed < held:
                stops.append(held - passed)
            part = min(stops)
            self.tick(part, render=True)
            passed, self._frame = passed + part, self._frame + part
            if button is not None and passed == min(held, frames):
                self.release(button)
            if self._frame % self._every == 0:
                self._show(self.screen())


def _environment(source: ReplaySource, emulator: Emulator) -> RedEnv:
    return make_env(resolve_task(source.config), emulator=emulator)
