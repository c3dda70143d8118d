"""Cells: which moments share a number, in every process, and how numbers reach the learner."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.cells import NO_CELL, CellNumbers, events_digest
from envs.ram import EVENT_BYTES, MUSEUM_TICKET, GameState
from envs.vec_env import EmulatorVecEnv
from tests.paths import ROOT
from tests.training.conftest import TINY
from training.config.loading import load_config
from training.environments.local import env_makers
from training.environments.task import resolve_task


def events(*numbers: int) -> bytes:
    flags = bytearray(EVENT_BYTES)
    for number in numbers:
        flags[number >> 3] |= 1 << (number & 7)
    return bytes(flags)


def cell(state: GameState) -> int:
    """The cell of a moment that holds for two steps."""
    return CellNumbers()(state, state)


def test_map_tile_and_events_tell_cells_apart() -> None:
    moments = [
        GameState(map_id=m, x=x, y=y, event_bytes=events(*e))
        for m in range(0, 248, 31)
        for x in range(0, 250, 25)
        for y in range(0, 250, 25)
        for e in ((), (3,), (3, 900))
    ]
    assert len({cell(moment) for moment in moments}) == len(moments)
    numbers = CellNumbers()
    assert [numbers(moment, moment) for moment in moments] == [cell(moment) for moment in moments]
    assert all(NO_CELL < cell(moment) < 2**64 for moment in moments)


def test_what_else_changes_does_not_matter() -> None:
    here = GameState(map_id=3, x=4, y=5, event_bytes=events(7))
    assert cell(here) == cell(
        here._replace(facing=4, money=20, battle=1, event_bytes=events(7, MUSEUM_TICKET))
    )


def test_a_step_that_changes_map_or_events_has_no_cell() -> None:
    """The map and the coordinates change in different frames, so such a moment may be no place at all."""
    numbers = CellNumbers()
    indoors, outdoors = GameState(map_id=40, x=3, y=4), GameState(map_id=0, x=3, y=4)
    assert numbers(indoors, outdoors) == NO_CELL
    assert numbers(outdoors, outdoors._replace(event_bytes=events(5))) == NO_CELL
    assert numbers(outdoors, outdoors._replace(x=12)) == cell(outdoors._replace(x=12))


def test_numbers_are_the_same_in_every_process() -> None:
    code = """
from envs.cells import CellNumbers
from envs.ram import GameState
here = GameState(map_id=9, x=8, y=7)
print(CellNumbers()(here, here))
"""
    said = set()
    for seed in ("1", "2"):  # of Python's own hash
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=environment,
        )
        said.add(int(done.stdout))
    assert said == {cell(GameState(map_id=9, x=8, y=7))}
    assert events_digest(bytes(EVENT_BYTES)) == 0x96E9451C7E9D6664, "kept in checkpoints"


Both = tuple[EmulatorVecEnv, DummyVecEnv]


@pytest.fixture
def both() -> Iterator[Both]:
    """Three games that report cells, in workers and in this process."""
    config = load_config(None, {**TINY, "num_envs": 3, "max_steps": 12, "intrinsic": {"kind": "counts"}})
    makers: list[Any] = list(env_makers(resolve_task(config), 3))
    envs = EmulatorVecEnv(makers, 2), DummyVecEnv(makers)
    yield envs
    for env in envs:
        env.close()


def test_cells_reach_the_learner_through_shared_memory(both: Both) -> None:
    for env in both:
        env.seed(5)
        env.reset()
    cells, generator = [], np.random.default_rng(0)
    for _ in range(30):
        actions = generator.integers(0, 7, 3)
        (_, _, _, ours), (_, _, _, theirs) = (env.step(actions) for env in both)
        assert [info.get("cell") for info in ours] == [info.get("cell") for info in theirs]
        cells += [info["cell"] for info in ours if "cell" in info]
    assert len(cells) > 60
    assert 3 <= len(set(cells)) < len(cells), "tiles are visited more than once"


def test_without_a_learned_reward_there_are_no_cells() -> None:
    config = load_config(None, {**TINY, "num_envs": 1})
    env = DummyVecEnv(list(env_makers(resolve_task(config), 1)))  # type: ignore[arg-type]
    env.reset()
    assert not any("cell" in env.step(np.array([n % 7]))[3][0] for n in range(20))
    env.close()
