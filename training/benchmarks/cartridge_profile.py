"""Measurements of the embedded cartridge: random buttons, scripted player, speed.

Every action takes 24 frames with the button held for 8 of them and the last frame rendered, as in training.
The functions run in worker processes, so nothing here imports torch.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from envs.battle_ends import battle_change
from envs.cartridge.walkthrough import WalkthroughError, run_to
from envs.game.boot import boot_to_control
from envs.game.catalog import identify
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import GameState, read_state
from envs.start_library import start_state
from envs.start_states.state_files import StartState

START = "starter"
MAX_WAIT = 30
"""Maximum frames that an episode waits before its first action. One more frame gives another game."""
EPISODE_CAP = 10_000
"""Actions after which an episode without a battle ends."""
BATTLES_PER_EPISODE = 6
SPEED_ACTIONS = 3_000


@dataclass(frozen=True, slots=True)
class ProfiledEpisode:
    """Random play from the start: actions until the first battle, and the ends of wild battles.

    ``first_battle`` is None if there was no battle within EPISODE_CAP.
    """

    first_battle: int | None
    won: int
    lost: int
    escaped: int
    actions: int


@dataclass(frozen=True, slots=True)
class LongRun:
    """Random play for many actions: badges at the end, map ids seen, highest level."""

    actions: int
    badges: int
    maps: tuple[int, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Walkthrough:
    """The scripted player from power-on: actions to the first badge, or why it failed."""

    actions: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """All measurements of the cartridge."""

    episodes: tuple[ProfiledEpisode, ...]
    long_run: LongRun
    walkthrough: Walkthrough
    actions_per_second: float


def random_play(emulator: Emulator, start: StartState, seed: Sequence[int]) -> Iterator[GameState]:
    """Press uniformly random buttons from ``start`` on, forever.

    Yields the state before the first action and after each one. The first wait and the buttons depend on
    ``seed`` alone.
    """
    rng = np.random.default_rng(seed)
    emulator.load_state(start.data)
    emulator.tick(int(rng.integers(MAX_WAIT + 1)))
    while True:
        yield read_state(emulator.memory)
        emulator.act(BUTTONS[rng.integers(len(BUTTONS))])


def play_episode(
    rom: Path, start: StartState, seed: int, number: int, battles: int = BATTLES_PER_EPISODE
) -> ProfiledEpisode:
    """Play randomly until ``battles`` wild battles have ended, or for EPISODE_CAP actions without one."""
    ends = {"won": 0, "lost": 0, "escaped": 0}
    first, last, wild, actions = None, 0, False, 0
    with Emulator(rom) as emulator:
        play = random_play(emulator, start, (seed, number))
        before = next(play)
        for actions, now in enumerate(play, start=1):
            change = battle_change(before, now)
            before = now
            if change == "started":
                first = first or actions
                wild = now.battle == 1
            elif change is not None:
                last = actions
                ends[change] += wild
            if sum(ends.values()) == battles or actions - last >= EPISODE_CAP:
                break
    return ProfiledEpisode(first, ends["won"], ends["lost"], ends["escaped"], actions)


def play_long(rom: Path, start: StartState, seed: int, actions: int) -> LongRun:
    """Play randomly for ``actions`` actions, or until a badge is earned."""
    maps, badges, level, played = set(), 0, 0, 0
    with Emulator(rom) as emulator:
        for played, state in enumerate(random_play(emulator, start, (seed, 1 << 20))):
            maps.add(state.map_id)
            badges = max(badges, state.badge_count)
            level = max([level, *(mon.level for mon in state.party)])
            if badges or played == actions:
                break
    return LongRun(played, badges, tuple(sorted(maps)), level)


def walk_through(rom: Path) -> Walkthrough:
    """Run the scripted player from power-on to the first badge."""
    with Emulator(rom) as emulator:
        emulator.tick(1)
        try:
            boot_to_control(emulator, Path(tempfile.gettempdir()) / "profile-boot.png")
            run_to(emulator, "badge1")
        except WalkthroughError as error:
            return Walkthrough(emulator.actions, str(error))
        return Walkthrough(emulator.actions, None)


def measure_speed(rom: Path, start: StartState, seed: int) -> float:
    """Return the actions of random play per second of CPU time, which other programs do not affect."""
    with Emulator(rom) as emulator:
        play = random_play(emulator, start, (seed, 1 << 21))
        for _ in range(SPEED_ACTIONS // 10):
            next(play)
        began = time.process_time()
        for _ in range(SPEED_ACTIONS):
            next(play)
        return SPEED_ACTIONS / (time.process_time() - began)


def profile(
    rom: Path | None,
    episodes: int,
    badge_actions: int,
    seed: int,
    processes: int,
    report: Callable[[str], None],
) -> Profile:
    """Measure everything, speed first and alone. Raises UserError if the ROM lacks the start state."""
    game = identify(rom) if rom else identify()
    report(f'making the start state "{START}"')
    start = start_state(game, START)
    report("measuring the emulation speed")
    speed = measure_speed(game.rom, start, seed)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        long_run = pool.submit(play_long, game.rom, start, seed, badge_actions)
        walkthrough = pool.submit(walk_through, game.rom)
        played = [pool.submit(play_episode, game.rom, start, seed, number) for number in range(episodes)]
        done = tuple(_collect(played, report))
        report("waiting for the long run and the walkthrough")
        return Profile(done, long_run.result(), walkthrough.result(), speed)


def _collect(
    futures: Sequence[Future[ProfiledEpisode]], report: Callable[[str], None]
) -> Iterator[ProfiledEpisode]:
    for number, future in enumerate(futures, start=1):
        yield future.result()
        if number % 10 == 0 or number == len(futures):
            report(f"{number} of {len(futures)} episodes")


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median for any distribution.

    It is bounded by the order statistics of the sign test: each side has probability at most 0.025 under
    the binomial distribution with ``len(values)`` trials and probability 0.5.
    """
    ordered, n = sorted(values), len(values)
    rank, below = 0, math.comb(n, 0) / 2**n
    while rank < (n - 1) // 2 and below <= 0.025:
        rank += 1
        below += math.comb(n, rank) / 2**n
    rank = max(0, rank - 1)
    return ordered[rank], ordered[n - 1 - rank]
