"""Tests of RayVecEnv on two nodes of a real cluster: equal to EmulatorVecEnv, and robust to lost actors."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.cluster.actor import ActorSpec
from envs.cluster.ray_api import Cluster
from envs.cluster.ray_vec_env import ClusterLayout, RayVecEnv
from envs.episodes.receiver import EpisodeReceiver
from envs.errors import UserError
from envs.game.catalog import EMBEDDED_SHA1, Game
from envs.game_boy.rom import ROM_VARIABLE, read_rom
from envs.observations import Observations
from envs.red_env import RedEnv
from envs.start_library import start_state
from tests.envs.transitions import actions, assert_same_infos, gone, same
from tests.ray_nodes import RayNodes
from training.config.loading import load_config
from training.environments.remote import RemoteMakers, game_here
from training.environments.task import resolve_task
from training.make_env import make_vec_env

# Not imported here: Ray reads the location of its token when it is imported.
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="Ray is not installed; pip install -e '.[ray]'"
    ),
]
NODES = ("127.0.0.3", "127.0.0.4")
SETTINGS: dict[str, Any] = {
    "start": "bedroom",
    "max_steps": 20,
    "device": "cpu",
    "n_steps": 20,
    "batch_size": 20,
}
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head and two nodes of two processors each, which this process can connect to."""
    cluster = RayNodes()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        try:
            for address in NODES:
                cluster.add(address, 2)
            cluster.wait_for(*NODES)
            yield cluster
        finally:
            cluster.close()


@pytest.fixture
def make(nodes: RayNodes) -> Iterator[Make]:
    """make(number, each, record=, **settings): environments on the cluster; make(number) on this machine."""
    made: list[Any] = []

    def envs(number: int, each: int | None = None, record: Path | None = None, **settings: Any) -> Any:
        ray = {"start_timeout": 300.0, **settings.pop("ray", {})}  # a busy machine is slow
        cluster = {"ray_address": nodes.address, "envs_per_actor": each, "ray": ray}
        place = cluster if each else {"workers": 2}
        config = load_config(None, {**SETTINGS, "num_envs": number, **place, **settings})
        made.append(make_vec_env(config, record=record))
        return made[-1].venv

    yield envs
    for env in made:
        env.close()


def step_alike(ours: Any, theirs: Any, plan: NDArray[np.int64]) -> None:
    for chosen in plan:
        (o, r, d, i), (o2, r2, d2, i2) = ours.step(chosen), theirs.step(chosen)
        assert same(o, o2)
        assert (r.dtype, r.tobytes(), d.tolist()) == (r2.dtype, r2.tobytes(), d2.tolist())
        assert_same_infos(i, i2)


@pytest.mark.parametrize(("number", "each", "compress"), [(5, 3, False), (17, 16, True)])
def test_same_transitions_as_emulator_vec_env(make: Make, number: int, each: int, compress: bool) -> None:
    """Also when an actor steps in halves, and with compressed results."""
    ours, theirs = make(number, each, ray={"compress": compress}), make(number)
    for env in (ours, theirs):
        env.seed(7)
    assert same(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    assert len(ours.groups) == (2 if each == 3 else 3)
    step_alike(ours, theirs, actions(number, 45))
    assert ours.reset_infos == theirs.reset_infos, "those of the episodes begun meanwhile"
    assert ours.get_attr("render_mode") == theirs.get_attr("render_mode")
    assert ours.env_method("take_interventions") == theirs.env_method("take_interventions")
    with pytest.raises(AttributeError):
        ours.get_attr("nothing")


def test_masks_come_with_the_observations(make: Make) -> None:
    ours, theirs = make(4, 2, mask={"b_outside_battle": True}), make(4, mask={"b_outside_battle": True})
    for env in (ours, theirs):
        env.seed(7)
    assert same(ours.reset(), theirs.reset())
    step_alike(ours, theirs, actions(4, 25))
    assert ours.has_attr("action_masks") and not ours.has_attr("nothing")
    masks = np.stack(ours.env_method("action_masks"))
    np.testing.assert_array_equal(masks, theirs.env_method("action_masks"))
    assert masks.dtype == np.bool_ and not masks.all()
    counts = ours.env_method("take_interventions")
    assert counts == theirs.env_method("take_interventions") and any(counts)


def test_a_snapshot_continues_on_the_cluster_and_on_this_machine(make: Make) -> None:
    """In the middle of an episode, from the cluster to this machine and back."""
    far, near = make(4, 2), make(4)
    far.seed(3)
    far.reset()
    for chosen in actions(4, 13):
        far.step(chosen)
    assert same(near.restore(far.snapshot()), far._all_observations())
    step_alike(near, far, actions(4, 10, seed=1))
    assert same(far.restore(near.snapshot()), near._all_observations())
    step_alike(far, near, actions(4, 10, seed=2))


def test_results_come_in_the_order_of_their_arrival(make: Make, nodes: RayNodes) -> None:
    """While one actor is suspended, the other continues alone."""
    env = make(4, 2)
    env.seed(1)
    env.reset()
    slow = int(np.flatnonzero([handle.where == NODES[0] for handle in env._pool.actors])[0])
    for group in (0, 1):
        env.step_group(group, np.zeros(2, np.int64))
    (actor,) = nodes.actors(NODES[0])
    env.wait_group(slow)
    actor.suspend()
    try:
        env.step_group(slow, np.zeros(2, np.int64))
        fast = 1 - slow
        for _ in range(10):
            assert env.next_news(10) == (fast, True)
            env.wait_group(fast)
            env.step_group(fast, np.ones(2, np.int64))
    finally:
        actor.resume()
    assert {env.next_news(10), env.next_news(10)} == {(0, True), (1, True)}
    assert not env.wait_group(slow)[2].any(), "late is not lost"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_lost_actor_is_started_again(
    make: Make, nodes: RayNodes, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    env, unharmed = make(4, 2, ray={"answer_timeout": 3.0}), make(4)
    for one in (env, unharmed):
        one.seed(5)
        one.reset()
    plan = actions(4, 12)
    for chosen in plan[:4]:
        last, *_ = env.step(chosen)
        unharmed.step(chosen)
    last = {key: array.copy() for key, array in last.items()}
    (handle,) = [handle for handle in env._pool.actors if handle.where == NODES[1]]
    lost = list(handle.indices)
    alive = [index for index in range(4) if index not in lost]
    (actor,) = nodes.actors(NODES[1])
    os.kill(actor.pid, number)
    with caplog.at_level(logging.WARNING):
        observations, rewards, dones, infos = env.step(plan[4])
    expected = unharmed.step(plan[4])
    assert len([r for r in caplog.records if "2 episodes end as truncated" in r.getMessage()]) == 1
    assert len([r for r in caplog.records if f"actor {handle.number} continues on" in r.getMessage()]) == 1
    for index in lost:
        assert dones[index] and infos[index]["TimeLimit.truncated"] and infos[index]["lost"]
        assert rewards[index] == 0
        assert same(infos[index]["terminal_observation"], {k: a[index] for k, a in last.items()})
        assert env.reset_infos[index]["start"] == "bedroom"
    for chosen in (None, *plan[5:8]):
        if chosen is not None:
            observations, rewards, dones, infos = env.step(chosen)
            expected = unharmed.step(chosen)
            assert not dones.any()
        assert rewards[alive].tolist() == expected[1][alive].tolist()
        assert all((observations["screen"][i] == expected[0]["screen"][i]).all() for i in alive)
    assert gone([actor.pid]), "even if it was frozen"


def test_another_cartridge_is_refused_with_both_hashes(nodes: RayNodes, make: Make) -> None:
    """No machine has the trainer's cartridge, start state or emulator version."""
    config = load_config(None, {**SETTINGS, "num_envs": 2})
    makers = RemoteMakers.of(resolve_task(config), record=False)
    space = Observations(config.observations).space

    def refused(**wrong: Any) -> str:
        spec = ActorSpec(replace(makers, **wrong), space, 1, 4.0, compress=False)
        with pytest.raises(UserError) as error:
            RayVecEnv(ClusterLayout(nodes.address, 2, 2), spec, RedEnv.actions())
        return str(error.value)

    message = refused(rom_sha1="0" * 40)
    for part in ("machine 127.0.0.", "0" * 40, EMBEDDED_SHA1.read_text().split()[0], ROM_VARIABLE):
        assert part in message
    started = f"start state {makers.starts[0][0].name}: its SHA-256 is"
    assert started in refused(starts_sha256=("1" * 64,))
    assert "install that version" in refused(emulator="0.0.0")


def test_a_users_own_cartridge_is_found_by_its_hash(
    unknown_rom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha1 = read_rom(unknown_rom).sha1
    assert game_here(sha1, "red", unknown_rom).rom == unknown_rom, "at the trainer's path"
    monkeypatch.setenv(ROM_VARIABLE, str(unknown_rom))
    assert game_here(sha1, "red", Path("elsewhere.gb")).rom == unknown_rom, "at the variable's path"
    ours = EMBEDDED_SHA1.read_text().split()[0]
    assert game_here(ours, "clover", Path("elsewhere.gb")).embedded, "whatever the variable's value"


def test_a_missing_cluster_or_room_gives_one_line(nodes: RayNodes, make: Make) -> None:
    for address, line in (
        ("somewhere", "must be HOST:PORT"),
        ("ray://127.0.0.1:10001", "must be HOST:PORT"),
        ("127.0.0.9:1", "ray_address 127.0.0.9:1: cannot be reached"),
    ):
        with pytest.raises(UserError, match=line):
            Cluster(address)
    with pytest.raises(UserError, match=r"room for 4 of 5 actors of 1 processors .*lower num_envs"):
        make(5, 1)


def test_recorded_episodes_are_sent_to_the_trainer(make: Make, tmp_path: Path) -> None:
    """With the same names and contents as on one machine."""
    for folder, each in (("far", 2), ("near", None)):
        env = make(4, each, record=tmp_path / folder)
        env.seed(11)
        env.reset()
        for chosen in actions(4, 45):
            *_, infos = env.step(chosen)
            assert not any("episode_file" in info for info in infos)
    far, near = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("far", "near")
    )
    assert len(far) == 4 * 2 + 1
    assert far == near


def test_invalid_episodes_are_not_kept(tmp_path: Path, game: Game, caplog: pytest.LogCaptureFixture) -> None:
    receiver = EpisodeReceiver(tmp_path, [start_state(game, "bedroom")], game.sha1, 2)
    with caplog.at_level(logging.WARNING):
        receiver.ended(0, b"../../evil")
        receiver.ended(0, b"again")
    assert len(caplog.records) == 1 and "cannot be kept" in caplog.text
    assert list(tmp_path.iterdir()) == []
    assert receiver.next_numbers([0, 1]) == [2, 0]
