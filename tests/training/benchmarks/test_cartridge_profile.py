"""Tests of the cartridge's profile: its statistics, and random play from a seed."""

from __future__ import annotations

from itertools import islice

import pytest

from envs.game.catalog import EMBEDDED_ROM, identify
from envs.game_boy.emulator import Emulator
from envs.ram import GameState
from envs.start_library import start_state
from training.benchmarks.cartridge_profile import (
    LongRun,
    Profile,
    ProfiledEpisode,
    Walkthrough,
    median_interval,
    play_episode,
    play_long,
    random_play,
)
from training.cli.parsing import UsageError
from training.profile_cartridge import main, rows, table


def test_median_interval_takes_the_ranks_of_the_sign_test() -> None:
    """For n = 50 the 95 % interval of the median runs from the 18th to the 33rd value."""
    assert median_interval(range(1, 51)) == (18, 33)
    assert median_interval([7]) == (7, 7)


@pytest.mark.parametrize(
    ("first", "ends", "badges", "walk", "speed"),
    [
        (299, (30, 70), 0, 5999, 701),
        (900, (14, 86), 0, 5999, 701),
        (900, (51, 49), 0, 5999, 701),
        (900, (30, 70), 1, 5999, 701),
        (900, (30, 70), 0, 6000, 701),
        (900, (30, 70), 0, 5999, 699),
    ],
)
def test_each_bound_fails_on_its_own(
    first: int, ends: tuple[int, int], badges: int, walk: int, speed: float
) -> None:
    episodes = (ProfiledEpisode(first, ends[0], ends[1], 0, first),)
    lines = rows(Profile(episodes, LongRun(1000, badges, (0,), 5), Walkthrough(walk, None), speed))
    assert [line.holds for line in lines].count(False) == 1
    assert table(lines).count("FAIL") == 1


def test_a_failed_walkthrough_fails_the_profile() -> None:
    measured = Profile(
        (ProfiledEpisode(None, 1, 2, 0, 9),), LongRun(1, 0, (0,), 5), Walkthrough(100, "stuck"), 900
    )
    failed = [line.measured for line in rows(measured) if not line.holds]
    assert len(failed) == 2 and "1 without" in failed[0] and "stuck" in failed[1]


def test_random_play_depends_on_the_seed_alone() -> None:
    start = start_state(identify(), "bedroom")

    def play(seed: int) -> list[GameState]:
        with Emulator(EMBEDDED_ROM) as emulator:
            return list(islice(random_play(emulator, start, (seed, 0)), 60))

    assert play(1) == play(1)
    assert play(1) != play(2)


def test_episodes_and_long_runs_end_in_time() -> None:
    start = start_state(identify(), "route1")
    assert play_long(EMBEDDED_ROM, start, 0, 50).actions == 50
    episode = play_episode(EMBEDDED_ROM, start, 0, 0, battles=1)
    assert episode.first_battle is not None and episode.won + episode.lost + episode.escaped == 1
    assert episode == play_episode(EMBEDDED_ROM, start, 0, 0, battles=1)


@pytest.mark.parametrize(
    "flags", [["--episodes", "0"], ["--seed", "-1"], ["--processes", "no"], ["--epsodes", "5"]]
)
def test_wrong_flags_are_named(flags: list[str]) -> None:
    with pytest.raises(UsageError, match=flags[0]):
        main(flags)
