"""Replaying a recorded episode, and verifying it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
from envs.game_boy.emulator import BUTTONS, VERSION, Emulator
from envs.game_boy.rom import read_rom
from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from training.cli.progress import shown
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.drawing.reward_overlay import RewardCurves
from training.environments.local import make_env
from training.environments.recording import config_of
from training.environments.task import resolve_task
from training.replays.episode_folder import CELL


@dataclass(frozen=True)
class ReplaySource:
    """An episode to replay, with a ``config`` that names its cartridge and start state file.

    ``shows_progress``: on stderr, if it takes more than a few seconds.
    """

    path: Path
    episode: RecordedEpisode
    config: TrainConfig
    steps: int  # to play
    shows_progress: bool = False


@dataclass(frozen=True)
class ReplayStep:
    """The result of a step of a replay.

    ``sums`` are the reward sums since the start, in the order of COMPONENTS. ``agrees``: whether the memory
    is as recorded; None if no hash was kept. ``button`` is the pressed one, "" at the start.
    """

    number: int
    sums: tuple[float, ...]
    milestones: tuple[str, ...]
    map_id: int
    agrees: bool | None
    button: str = ""
    battle: bool = False


@dataclass(frozen=True)
class ReplayOutcome:
    """The result of replaying an episode."""

    curves: RewardCurves
    sums: dict[str, float]
    agreed: int  # the last compared step whose memory agreed
    differs: int | None  # the first compared step whose memory differed, where the replay ended

    def other_rewards(self, source: ReplaySource) -> list[str]:
        """Describe the reward sums that differ from the recorded ones; empty if only a part was played."""
        header = source.episode.header
        if source.steps < header.steps or self.differs is not None or CELL in header.stats:
            return []  # an episode that continues another one is not paid what that one was paid
        return [
            f"{name} was {header.reward_components.get(name, 0.0):g} and is now {value:g}"
            for name, value in self.sums.items()
            if header.reward_components.get(name, 0.0) != value
        ]


def open_episode(
    path: Path, rom: Path | None = None, run: Path | None = None, actions: int | None = None
) -> ReplaySource:
    """Open the episode in the file ``path``, or its first ``actions``, to replay it on its cartridge.

    ``rom`` is the cartridge (default: search for it) and ``run`` the folder of its run. Custom reward terms
    are code, so they are loaded only from the config of an explicitly named run, never because of the file
    or its location. Raises UserError if the file, its start state or the cartridge is wrong.
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
    """Find the episode's cartridge by its hash.

    Only ``given`` is tried, if set; otherwise ``run_rom``, POKEMON_RED_ROM and the embedded cartridge. Raises
    UserError if it is not found.
    """
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
        f"was played on a ROM with SHA-1 {header.rom_sha1}; {found[0] if found else 'no ROM was found'};"
        " give the right one with --rom"
    )


def play_again(source: ReplaySource, env: RedEnv) -> Iterator[ReplayStep]:
    """Replay the episode in ``env``. Yields its steps; step 0 is its start."""
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
        reached, fights = tuple(info.get("milestones", ())), env.state.battle > 0
        yield ReplayStep(
            number, tuple(sums.values()), reached, env.state.map_id, agrees, BUTTONS[action], fights
        )


def verify(source: ReplaySource) -> ReplayOutcome:
    """Replay the episode and compare the memory wherever the file has a hash."""
    curves = RewardCurves(source.steps)
    sums: tuple[float, ...] = (0.0,) * len(COMPONENTS)
    agreed, differs = 0, None
    env = environment_of(source, Emulator(source.config.rom or EMBEDDED_ROM, sound=source.config.sound))
    try:
        for step in steps_of(source, env, "verifying"):
            sums = step.sums
            if step.number:
                curves.add(step.number, sums, step.milestones, step.battle)
            if step.agrees is False:
                differs = step.number
                break
            agreed = step.number if step.agrees else agreed
    finally:
        env.close()
    return ReplayOutcome(curves, dict(zip(COMPONENTS, sums, strict=True)), agreed, differs)


def describe(source: ReplaySource, outcome: ReplayOutcome) -> str:
    """Describe the episode, the comparison, and rewards that differ, a line each."""
    header = source.episode.header
    part = f"the first {source.steps:,} of " if source.steps < header.steps else ""
    lines = [
        f"{source.path.name}: {part}{header.steps:,} steps from {header.start}, return"
        f" {header.episode_return:g}"
    ]
    if outcome.differs is not None:
        lines.append(
            f"  memory differs at step {outcome.differs:,}; it agreed at step {outcome.agreed:,}, and no hash"
            " was kept between them"
        )
        if header.emulator != VERSION:
            lines.append(f"  it was played with {header.emulator}, but this is {VERSION}")
    elif outcome.agreed == source.steps:
        lines.append(f"  memory agrees up to step {outcome.agreed:,}")
    elif outcome.agreed:
        lines.append(
            f"  memory agrees up to step {outcome.agreed:,}; the {source.steps - outcome.agreed:,} after it"
            f" cannot be compared: the file has a hash for every {header.hash_every:,} steps and the last"
        )
    else:
        lines.append(f"  memory was not compared: the first hash is at step {header.hash_every:,}")
    other = outcome.other_rewards(source)
    if other:
        lines.append(f"  rewards differ: {', '.join(other)}; {_why(source)}")
    return "\n".join(lines)


def _why(source: ReplaySource) -> str:
    if source.episode.header.settings.get("reward_terms") and not source.config.reward_terms:
        return "custom reward terms are loaded only for a named run, not for a file"
    return "the code of the reward has changed"


def steps_of(source: ReplaySource, env: RedEnv, what: str) -> Iterator[ReplayStep]:
    """Replay the episode in ``env``, with a progress bar that is called ``what`` if the source shows one."""
    steps = play_again(source, env)
    return shown(steps, what, source.steps + 1, "step") if source.shows_progress else steps


def environment_of(source: ReplaySource, emulator: Emulator) -> RedEnv:
    """Make the environment in which the episode is replayed on ``emulator``. Raises UserError."""
    return make_env(resolve_task(source.config), emulator=emulator)
