"""Cells of the start archive in real environments: found, begun in, and reached again by their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from envs.archive_scout import SAVE_EVERY, SAVED_AT_ONCE, ArchiveScout, Cell
from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import BUTTONS
from envs.ram import GameState
from envs.red_env import ARCHIVE, RedEnv
from envs.start_library import start_state
from envs.tree_codec import pack, unpack
from rewards.stack import DEFAULT_COEFFICIENTS

MakeEnv = Callable[..., RedEnv]
TERMS = {**DEFAULT_COEFFICIENTS, "exploration_recent_tile": 0.01, "penalty_stuck": -0.02, "stuck_after": 20}


def actions(seed: int, count: int) -> list[int]:
    return [int(action) for action in np.random.default_rng(seed).integers(0, len(BUTTONS), count)]


def followed(env: RedEnv, played: list[int]) -> list[tuple[int, Cell]]:
    """The cells found by ``played``, and the steps after which."""
    found = []
    for step, action in enumerate(played, 1):
        info = env.step(action)[4]
        if "found_cell" in info:
            found.append((step, info["found_cell"]))
    return found


@pytest.fixture
def env(make_env: MakeEnv) -> RedEnv:
    """An environment that follows cells of tiles, from the tall grass."""
    env = make_env(start="route1", coefficients=TERMS)
    env.follow_archive("tiles", {})
    env.reset(seed=4)
    return env


def test_a_cell_holds_the_way_to_it(env: RedEnv, make_env: MakeEnv) -> None:
    played = actions(0, 400)
    found = followed(env, played)
    assert len(found) >= 2
    other = make_env(start="route1")
    for step, cell in found:
        assert list(cell.way.actions) == played[:step]
        assert cell.way.start == "route1"
        other.reset(options={"wait_frames": cell.way.wait_frames})
        for action in cell.way.actions:
            other.step(action)
        assert other.emulator.save_state() == cell.start_state().data
        assert other.state.map_id == cell.map_id


def test_an_episode_in_a_cell_continues_the_one_that_led_there(env: RedEnv, make_env: MakeEnv) -> None:
    played = actions(0, 400)
    step, cell = followed(env, played)[-1]
    env.begin_next_at([None])
    env.reset(seed=4)
    for action in played[:step]:
        env.step(action)
    other = make_env(start="route1", coefficients=TERMS)
    other.follow_archive("tiles", {})
    other.begin_next_at([cell])
    observation, info = other.reset()
    assert (info["start"], info["archive_cell"], other.state) == (ARCHIVE, cell.key, env.state)
    assert all((observation[name] == array).all() for name, array in env._encode().items())
    for action in actions(1, 150):
        (seen, reward, *_, first), (again, repaid, *_, second) = env.step(action), other.step(action)
        assert reward == repaid
        assert first["reward_components"] == second["reward_components"]
        assert all((seen[name] == again[name]).all() for name in seen)
    assert (env._visited.count, env.state) == (other._visited.count, other.state)
    assert other.emulator.save_state() == env.emulator.save_state()


def test_a_way_through_two_cells_is_one_way_from_the_plain_start(env: RedEnv, make_env: MakeEnv) -> None:
    _, first = followed(env, actions(0, 400))[0]
    another = make_env(start="route1")  # one that has saved nothing yet
    another.follow_archive("tiles", {first.key: first.length})
    another.begin_next_at([first])
    another.reset()
    played = actions(0, 400)
    (step, second), *_ = followed(another, played)
    assert second.way.actions == first.way.actions + bytes(played[:step])
    plain = make_env(start="route1")
    plain.reset(options={"wait_frames": second.way.wait_frames})
    for action in second.way.actions:
        plain.step(action)
    assert plain.emulator.save_state() == second.start_state().data


def test_the_weights_of_layers_stay_those_of_now(env: RedEnv) -> None:
    _, cell = followed(env, actions(0, 400))[0]
    env.set_layer_weights({"dense": 0.25, "sparse": 0.5, "very_sparse": 2.0})
    env.begin_next_at([cell])
    env.reset()
    assert env.snapshot()["reward"]["layer_weights"]["dense"] == 0.25
    assert env.snapshot()["reward"]["in_force"]["very_sparse"] == 2.0


def test_known_cells_are_sent_only_with_a_shorter_way(make_env: MakeEnv) -> None:
    env = make_env(start="route1")
    played = actions(0, 300)
    env.follow_archive("tiles", {})
    env.reset(seed=4)
    found = {cell.key: cell.length for _, cell in followed(env, played)}

    def again(lengths: dict[str, int]) -> set[str]:
        env.follow_archive("tiles", lengths)
        env.reset(seed=4)
        return {cell.key for _, cell in followed(env, played)}

    assert again(found) == set()
    key = next(iter(found))
    assert again(found | {key: found[key] + 1}) == {key}


def test_milestones_make_a_cell_and_are_not_reached_again(make_env: MakeEnv, game: Game) -> None:
    env = make_env(start="bedroom")
    env.follow_archive("milestones", {})
    env.reset(seed=0)
    assert followed(env, [0, 1, 2, 3] * 5) == []
    env.emulator.memory[0xD74B] = 0b100  # type: ignore[index]  # the event of the starter
    ((_, cell),) = followed(env, [6, 6, 6, 6])
    starter = next(bit for bit, milestone in enumerate(game.milestones) if milestone.name == "starter")
    assert cell.held == 1 << starter
    env.begin_next_at([cell])
    env.reset()
    assert all("milestones" not in env.step(6)[4] for _ in range(4))


def test_an_environment_takes_its_starts_in_order_and_then_plain_ones(env: RedEnv) -> None:
    _, cell = followed(env, actions(0, 400))[0]
    env.begin_next_at([cell, None, cell])
    assert [env.reset()[1]["start"] for _ in range(5)] == [ARCHIVE, "route1", ARCHIVE, "route1", "route1"]


def test_episode_stats_name_the_cell(make_env: MakeEnv) -> None:
    env = make_env(start="route1", max_steps=400)
    env.follow_archive("tiles", {})
    env.reset(seed=4)
    _, cell = followed(env, actions(0, 400))[0]
    env.begin_next_at([cell])
    env.reset()
    *_, info = [env.step(0)[4] for _ in range(400)]
    assert (info["episode_stats"]["start"], info["episode_stats"]["archive_cell"]) == (ARCHIVE, cell.key)


def test_saving_is_limited_to_its_share_of_the_steps(make_env: MakeEnv) -> None:
    env = make_env(start="route1")
    env.follow_archive("tiles", {})
    env.reset(seed=4)
    assert len(followed(env, actions(0, 900))) <= SAVED_AT_ONCE + 900 / SAVE_EVERY


def test_a_restored_environment_continues_exactly(env: RedEnv, make_env: MakeEnv) -> None:
    _, cell = followed(env, actions(0, 400))[0]
    original, other = (make_env(start="route1", coefficients=TERMS) for _ in range(2))
    lengths = {cell.key: cell.length}
    original.follow_archive("tiles", lengths)
    original.begin_next_at([cell])
    original.reset()
    played = actions(0, 400)
    lengths |= {found.key: found.length for _, found in followed(original, played[:40])}
    plain, arrays = pack(original.snapshot())
    other.restore(unpack(plain, arrays))
    for env in (original, other):  # as the trainer does between rollouts, and when a run is resumed
        env.follow_archive("tiles", lengths)
    one, two = followed(original, played[40:]), followed(other, played[40:])
    assert [(step, cell.key, cell.way) for step, cell in one] == [(n, cell.key, cell.way) for n, cell in two]
    assert one
    assert other.snapshot()["archive"] == original.snapshot()["archive"]


def test_without_an_archive_nothing_is_kept(make_env: MakeEnv) -> None:
    env = make_env(start="route1")
    env.reset(seed=4)
    assert followed(env, actions(0, 100)) == []
    assert "archive" not in env.snapshot()


def test_a_cell_survives_a_checkpoint(env: RedEnv) -> None:
    _, cell = followed(env, actions(0, 400))[0]
    plain, arrays = pack(cell.plain())
    again = Cell.of(unpack(plain, arrays))
    assert (again.key, again.way, again.start_state().data) == (cell.key, cell.way, cell.start_state().data)


def test_keys_are_the_same_in_every_process(game: Game) -> None:
    state = GameState(map_id=12, x=17, y=9, event_bytes=bytes([1, 128, *[0] * 318]))
    keys: dict[str, Any] = {}
    for cells in ("milestones", "map_events", "tiles"):
        scout = ArchiveScout(game, cells)
        scout.begin(start_state(game, "power on"), 0, state)
        keys[cells] = scout._key(scout._here(state))
    assert keys == KEYS


KEYS = {"milestones": "ac989786ba3bb4d4", "map_events": "caffd4d0694a69e0", "tiles": "5e5bb6c45e12ba16"}


def test_unknown_cells_are_refused(game: Game) -> None:
    with pytest.raises(UserError, match='cells "tile" is unknown; did you mean "tiles"'):
        ArchiveScout(game, "tile")
