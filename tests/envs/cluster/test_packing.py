"""Tests of messages between machines: round trips of step results, and invalid bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.cluster.actor import DONE, ActorSpec, EmulatorActor
from envs.cluster.messages import BadMessage, decode, encode
from envs.cluster.packing import Packing
from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.workers.shared_memory import BUFFERS, OUTCOME, OUTCOMES, ArrayLayout, make_layout, outcomes, view
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

WHOLE = slice(0, 3)
NOBODY, ALL = np.zeros(3, np.bool_), np.ones(3, np.bool_)


@pytest.fixture(scope="module")
def packing() -> tuple[Packing, ArrayLayout]:
    space = Observations().space
    layout = make_layout(space, 3)
    return Packing(layout, space), layout


def blank(layout: ArrayLayout) -> dict[str, NDArray[Any]]:
    return view(np.zeros(layout.size, np.uint8), layout)


def test_numpy_and_struct_read_the_same_record(packing: tuple[Packing, ArrayLayout]) -> None:
    block = np.zeros(packing[1].size, np.uint8)
    arrays, records = view(block, packing[1]), outcomes(block, packing[1])
    OUTCOME.pack_into(records, OUTCOME.size, 0.5, True, False, True, 2**64 - 1, 1.0, 2.0, 3.0, 4.0)
    assert [arrays[name][1].tolist() for name in OUTCOMES.names or ()] == [
        0.5, True, False, True, 2**64 - 1, [1.0, 2.0, 3.0, 4.0]
    ]  # fmt: skip
    assert not any(arrays[name][[0, 2]].any() for name in arrays if name in (OUTCOMES.names or ()))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda a: a["rewards"].__setitem__(1, np.nan), "rewards is not finite"),
        (lambda a: a["components"].__setitem__((2, 0), np.inf), "components is not finite"),
        (lambda a: a["truncated"].view(np.uint8).__setitem__(0, 7), "truncated is neither true nor false"),
        (lambda a: a["obs/recent_actions"].__setitem__((0, 1, 0), 200), "obs/recent_actions must be 0 to"),
    ],
)
def test_invalid_results_are_refused(
    packing: tuple[Packing, ArrayLayout], spoil: Callable[[Any], None], line: str
) -> None:
    pack, layout = packing
    arrays = blank(layout)
    message = pack.step(arrays, 0, WHOLE, {1: {"info": {"milestones": ["x"]}}}, NOBODY)
    assert pack.take_step(message, blank(layout), 1, WHOLE) == {1: {"info": {"milestones": ["x"]}}}
    spoil(arrays)
    with pytest.raises(BadMessage, match=line):
        pack.take_step(pack.step(arrays, 0, WHOLE, {}, NOBODY), blank(layout), 0, WHOLE)


@given(st.data())
def test_stacked_frames_arrive_whole(packing: tuple[Packing, ArrayLayout], data: st.DataObject) -> None:
    """Whether or not a stack only gained a frame, and whether or not the previous one is known.

    A step that only adds a frame to known stacks is small.
    """
    pack, layout = packing
    generator = np.random.default_rng(data.draw(st.integers(0, 9)))
    here, there = blank(layout), blank(layout)
    here["obs/screen"][0] = generator.integers(256, size=here["obs/screen"][0].shape)
    known = NOBODY
    for step in range(1, 5):
        now = step % BUFFERS
        new, old = here["obs/screen"][now], here["obs/screen"][1 - now]
        new[:, :-1] = old[:, 1:]
        new[:, -1] = generator.integers(256, size=new[:, -1].shape)
        others = np.array(data.draw(st.lists(st.booleans(), min_size=3, max_size=3)))
        new[others] = generator.integers(256, size=new[others].shape)
        message = pack.step(here, now, WHOLE, {}, known)
        pack.take_step(message, there, now, WHOLE)
        assert (there["obs/screen"][now] == new).all()
        missing = int((others | ~known).sum()) * new[0, :-1].size
        assert len(message) == pack.step_size(3) + missing
        known = ALL


def test_an_actor_sends_whole_stacks_only_when_needed(game: Game) -> None:
    """In the first step after a reset or a request; otherwise only the newest frame."""
    config = EnvConfig(game, start_state(game, "starter"), max_steps=100)

    def make() -> RedEnv:
        return RedEnv(Emulator(game.rom), RewardStack(DEFAULT_COEFFICIENTS), Observations(), config)

    space = Observations().space
    actor = EmulatorActor(
        ActorSpec(lambda indices, episodes: [make for _ in indices], space, 1, 30.0, compress=False)
    )
    assert actor.start(encode({"indices": [0, 1, 2], "episodes": [0, 0, 0]}))[:1] == DONE
    assert actor.reset(encode({"seeds": [1, 2, 3], "options": [{}, {}, {}]}))[:1] == DONE
    order = b"\x00" + np.zeros(3, np.int64).tobytes()
    sizes = [len(actor.step(order)) for _ in range(3)]
    about = {"request": ["get", "max_steps"], "chosen": [0], "last": []}
    actor.ask(encode(about))
    sizes += [len(actor.step(order)) for _ in range(2)]
    actor.end()
    small = 1 + Packing(make_layout(space, 3), space).step_size(3)
    assert [size - small for size in sizes] == [3 * 2 * 72 * 80, 0, 0, 3 * 2 * 72 * 80, 0]


@given(st.data())
def test_damaged_messages_are_refused_or_valid(
    packing: tuple[Packing, ArrayLayout], data: st.DataObject
) -> None:
    """A valid message with bytes changed, cut off or added."""
    pack, layout = packing
    infos = {0: {"info": {"agent_stats": {"x": 1.5}}}}
    whole = bytearray(pack.step(blank(layout), 0, WHOLE, infos, ALL))
    tail = pack.step_size(3)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, 5), st.integers(tail, len(whole) - 1)))
        whole[place] = data.draw(st.integers(0, 255))
    cut = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=40))
    with contextlib.suppress(BadMessage):
        rest = pack.take_step(bytes(cut), blank(layout), 0, WHOLE)
        assert all(0 <= index < 3 and isinstance(infos, dict) for index, infos in rest.items())


@pytest.mark.parametrize("text", [b"[NaN,{}]", b"[1e999,{}]", b'[{"$array":"0"},{"0":["|O",[1]]}]', b"[[[["])
def test_trees_hold_only_plain_finite_values(text: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(len(text).to_bytes(4, "little") + text)
