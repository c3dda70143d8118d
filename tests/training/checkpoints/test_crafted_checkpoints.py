"""Malicious checkpoints: no code runs, nothing outside is read, and the user gets one line."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save as save_tensors
from stable_baselines3 import PPO

from envs.game.catalog import EMBEDDED_ROM
from envs.game_boy.emulator import Emulator
from tests.training.conftest import TINY
from training.checkpoints.applying import apply_weights, policy_tensors
from training.checkpoints.training_state import training_state_of
from training.checkpoints.writing import (
    OPTIMIZER,
    POLICY,
    STATE,
    STATE_ARRAYS,
    TRAINER,
    Checkpoint,
    CheckpointError,
    apply_training_state,
    read_checkpoint,
    save_checkpoint,
)
from training.config.loading import load_config
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.session.resume import restore_games

SHA1 = "0" * 40
ALL = (POLICY, OPTIMIZER, TRAINER, STATE, STATE_ARRAYS)


@pytest.fixture(scope="module")
def model() -> Iterator[PPO]:
    """A model trained on one rollout."""
    config = load_config(None, TINY)
    made = build_model(config, make_vec_env(config))
    made.learn(64)
    yield made
    assert made.env is not None
    made.env.close()


@pytest.fixture
def folder(model: PPO, tmp_path: Path) -> Path:
    """A complete checkpoint of the model."""
    return save_checkpoint(model, tmp_path / "64", {}, training_state_of(model, [], SHA1))


def put(folder: Path, name: str, data: bytes) -> None:
    """Replace the content of one file and its hash, so that only the check of its type can refuse it."""
    (folder / name).write_bytes(data)
    if name != TRAINER:
        trainer = json.loads((folder / TRAINER).read_text())
        trainer["sha256"][name] = hashlib.sha256(data).hexdigest()
        (folder / TRAINER).write_text(json.dumps(trainer))


def line_of(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class _Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", ALL)
def test_a_pickle_in_any_file_runs_nothing(folder: Path, tmp_path: Path, name: str, protocol: int) -> None:
    mark = tmp_path / "ran"
    bomb = pickle.dumps(_Bomb(mark), protocol=protocol)
    put(folder, name, bomb)
    assert "not a safetensors file" in line_of(folder) or "not valid JSON" in line_of(folder)
    assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists(), "the bomb would have worked"


@pytest.mark.parametrize("name", [TRAINER, STATE])
@pytest.mark.parametrize("data", [b"[" * 1_000_000, b'{"a":' * 1_000_000, b"\xff\xfe", b"", b"1" * 5000])
def test_invalid_json(folder: Path, name: str, data: bytes) -> None:
    put(folder, name, data)
    assert "not valid JSON" in line_of(folder)


def tensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


HUGE = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
FOUR = b'{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
OVERLAP = b'{"a":' + FOUR + b',"b":' + FOUR + b"}"


@pytest.mark.parametrize("name", [POLICY, OPTIMIZER, STATE_ARRAYS])
@pytest.mark.parametrize(
    "data",
    [
        tensors(b"{}", length=2**60),
        tensors(b"{}", length=2**63 + 5),
        tensors(HUGE, b"\0" * 4),
        tensors(OVERLAP, b"\0" * 4),
        tensors(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"\0" * 4),
        tensors(b'{"a":{"dtype":"OBJECT","shape":[1],"data_offsets":[0,8]}}', b"\0" * 8),
    ],
)
def test_absurd_tensors(folder: Path, name: str, data: bytes) -> None:
    put(folder, name, data)
    assert "not a safetensors file" in line_of(folder)


TRAINER_CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda t: t.update(steps=float("nan")),
    lambda t: t.update(steps=True),
    lambda t: t.update(steps=1e99),
    lambda t: t.update(format=True) or t.update(steps=None),
    lambda t: t.update(sha256=[]),
    lambda t: t["sha256"].update({POLICY: None}),
    lambda t: t["sha256"].update({STATE: {"a": 1}}),
    lambda t: t["sha256"].pop(STATE_ARRAYS),
]


@pytest.mark.parametrize("change", TRAINER_CHANGES)
def test_wrong_kinds(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    trainer = json.loads((folder / TRAINER).read_text())
    change(trainer)
    (folder / TRAINER).write_text(json.dumps(trainer))
    assert line_of(folder).startswith("checkpoint ")


@pytest.fixture(scope="module")
def normalized_model() -> Iterator[PPO]:
    """A model with running statistics of returns and observations."""
    config = load_config(None, {**TINY, "normalize_value": True, "normalize_input": True})
    made = build_model(config, make_vec_env(config))
    yield made
    assert made.env is not None
    made.env.close()


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("value_net.weight", float("nan"), "finite"),
        ("value_net.returns.mean", float("inf"), "finite"),
        ("value_net.returns.variance", -1.0, "finite and at least 0"),
        ("value_net.returns.count", -1, "finite and at least 0"),
    ],
)
def test_numbers_that_no_network_holds(
    normalized_model: PPO, tmp_path: Path, name: str, number: float, said: str
) -> None:
    folder = save_checkpoint(normalized_model, tmp_path / "0")
    checkpoint = read_checkpoint(folder)
    before = checkpoint.policy[name].clone()
    checkpoint.policy[name].view(-1)[0] = number
    put(folder, POLICY, save_tensors(dict(checkpoint.policy)))
    line = f"^checkpoint {folder}: {name} holds a number that is not {said}$"
    with pytest.raises(CheckpointError, match=line):
        apply_weights(read_checkpoint(folder), normalized_model)
    assert policy_tensors(normalized_model)[name].equal(before)


def test_names_that_lead_outside_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    trainer = json.loads((folder / TRAINER).read_text())
    trainer["sha256"]["../secret"] = hashlib.sha256(b"x").hexdigest()
    (folder / TRAINER).write_text(json.dumps(trainer))
    read_checkpoint(folder)  # hashes of files outside must not matter
    state = json.loads((folder / STATE).read_text())
    state["environments"]["count"] = {"$array": "../secret"}
    put(folder, STATE, json.dumps(state).encode())
    assert "an array is missing or damaged" in line_of(folder)


def games(state: Any) -> list[dict[str, Any]]:
    return state["environments"]["emulators"]["environments"]  # type: ignore[no-any-return]


STATE_CHANGES: list[Callable[[Any], object]] = [
    lambda s: s.pop("machine"),
    lambda s: s.update(machine=[1, 2]),
    lambda s: s.update(environments=None),
    lambda s: s.update(episodes=[{"r": "much"}]),
    lambda s: s["environments"].update(returns=[1e999, "x"]),
    lambda s: games(s)[0].pop("reward"),
    lambda s: games(s)[0]["emulator"].update(state="text"),
    lambda s: games(s)[1]["stats"].update(had_events="zz"),
    lambda s: games(s)[1]["visited"].update(maps=[[0, 2**62, 2**62, [0]]]),
    lambda s: games(s)[0]["random"].update(
        state={"bit_generator": "PCG64", "state": {"state": -1, "inc": 1}}
    ),
    lambda s: games(s)[0].update(random="x"),
]


@pytest.mark.parametrize("change", STATE_CHANGES)
def test_invalid_environments(model: PPO, folder: Path, change: Callable[[Any], object]) -> None:
    state = json.loads((folder / STATE).read_text())
    change(state)
    put(folder, STATE, json.dumps(state).encode())
    checkpoint = read_checkpoint(folder)
    with pytest.raises(CheckpointError, match="environments are damaged") as caught:
        restore_games(checkpoint, model, SHA1, seed=0, changed=False)
    assert "\n" not in str(caught.value)
    restore_games(read_checkpoint_again(model, folder), model, SHA1, seed=0, changed=False)


def read_checkpoint_again(model: PPO, folder: Path) -> Checkpoint:
    """Restore a valid checkpoint: after a refusal the games still work."""
    model._last_obs = None
    assert model.env is not None
    model.env.reset()
    return read_checkpoint(
        save_checkpoint(model, folder.with_name("sound"), {}, training_state_of(model, [], SHA1))
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: s["machine"].update(emulator="pyboy-0"), "its emulator was pyboy-0, here it is"),
        (lambda s: s["machine"].update(rom_sha1="f" * 40), "its rom_sha1 was fff"),
        (lambda s: games(s).append(games(s)[0]), "it had 3 environments, now there are 2"),
    ],
)
def test_other_machines_start_new_episodes_and_say_why(
    model: PPO, folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], object], why: str
) -> None:
    state = json.loads((folder / STATE).read_text())
    change(state)
    put(folder, STATE, json.dumps(state).encode())
    restore_games(read_checkpoint(folder), model, SHA1, seed=0, changed=False)
    assert f"warning: new episodes start: {why}" in capsys.readouterr().err
    assert model._last_obs is None


def test_a_pipe_or_a_device_instead_of_a_file_is_refused(folder: Path) -> None:
    """An untrusted folder may hold links and pipes: reading them would never end, or block."""
    for name in ALL:
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")
        assert "not a plain file" in line_of(folder)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        assert "not a plain file" in line_of(folder)
        (folder / name).unlink()
        (folder / name).write_bytes(whole)
    read_checkpoint(folder)


def test_a_game_state_with_indices_out_of_range_is_refused(model: PPO, folder: Path) -> None:
    """PyBoy would read ROM bank 255 of 16, outside its memory."""
    checkpoint = read_checkpoint(folder)
    assert checkpoint.state is not None
    emulator = games(checkpoint.state)[1]["emulator"]
    crafted = bytearray(zlib.decompress(emulator["state"]))
    with Emulator(EMBEDDED_ROM) as other:
        crafted[other._check.bank] = 255
    emulator["state"] = zlib.compress(bytes(crafted))
    with pytest.raises(CheckpointError, match="ROM bank is 255, must be at most 15"):
        restore_games(checkpoint, model, SHA1, seed=0, changed=False)


@pytest.mark.parametrize("position", [-1, 625, 10**8])
def test_a_random_generator_with_a_position_out_of_range_is_refused(
    model: PPO, folder: Path, position: int
) -> None:
    """numpy reads at any position; far enough outside, the process ends with SIGSEGV."""
    trainer = json.loads((folder / TRAINER).read_text())
    trainer["random"]["numpy"]["pos"] = position
    put(folder, TRAINER, json.dumps(trainer).encode())
    with pytest.raises(CheckpointError, match=f"training state is damaged .* position {position}"):
        apply_training_state(read_checkpoint(folder), model)


OPTIMIZERS: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("moments of parameter 0", lambda t: t.update({"0.exp_avg_sq": t["0.exp_avg_sq"][:1]})),
    ("moments of parameter 1", lambda t: t.pop("1.step")),
    ("moments of parameter 2", lambda t: t.update({"2.step": t["2.step"].bool()})),
    ("moments of parameter 3", lambda t: t.update({"3.more": t["3.step"].clone()})),
    ("99", lambda t: t.update({"99.step": t["0.step"].clone()})),
]


@pytest.mark.parametrize(("line", "change"), OPTIMIZERS)
def test_moments_of_another_shape_are_refused(
    model: PPO, folder: Path, line: str, change: Callable[[dict[str, Any]], object]
) -> None:
    moments = dict(read_checkpoint(folder).optimizer)
    change(moments)
    put(folder, OPTIMIZER, save_tensors(moments))
    with pytest.raises(CheckpointError, match=f"training state is damaged .*{line}"):
        apply_training_state(read_checkpoint(folder), model)


def test_options_of_the_optimizer_do_not_come_from_the_file(model: PPO, folder: Path) -> None:
    own = model.policy.optimizer.state_dict()["param_groups"]
    trainer = json.loads((folder / TRAINER).read_text())
    trainer["optimizer_groups"][0].update(eps="x", betas=[7, 8], lr=0.125, more="y")
    put(folder, TRAINER, json.dumps(trainer).encode())
    apply_training_state(read_checkpoint(folder), model)
    assert model.policy.optimizer.state_dict()["param_groups"] == [{**own[0], "lr": 0.125}]


def test_an_optimizer_of_another_network_is_refused(model: PPO, folder: Path) -> None:
    trainer = json.loads((folder / TRAINER).read_text())
    trainer["optimizer_groups"][0]["params"] = [0]
    (folder / TRAINER).write_text(json.dumps(trainer))
    with pytest.raises(CheckpointError, match="training state is damaged"):
        apply_training_state(read_checkpoint(folder), model)
