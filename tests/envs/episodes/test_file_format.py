"""Tests of recorded episodes: their files, damaged files, and recorders restored in mid-episode."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.episodes.file_format import (
    MAGIC,
    MAX_STEPS,
    STARTS,
    decode,
    encode,
    memory_hash,
    read_episode,
    read_header,
    read_start,
    start_path,
)
from envs.episodes.recorder import HASH_EVERY, EpisodeRecorder
from envs.errors import UserError
from envs.files import write_atomically
from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

ABOUT = {"game": "clover", "rom_sha1": "0" * 40, "settings": {"max_steps": 130}}


@pytest.fixture
def record(game: Game, tmp_path: Path) -> Any:
    """record(recorder, max_steps): an environment whose episodes ``recorder`` records."""
    made: list[RedEnv] = []

    def make(recorder: EpisodeRecorder, max_steps: int = 130) -> RedEnv:
        config = EnvConfig(game, start_state(game, "bedroom"), max_steps=max_steps)
        reward = RewardStack(DEFAULT_COEFFICIENTS)
        env = RedEnv(Emulator(game.rom), reward, Observations(("badges",)), config, recorder)
        made.append(env)
        return env

    yield make
    for env in made:
        env.close()


def play(env: RedEnv, steps: int, first: int = 0) -> dict[str, Any]:
    """The info of the last of ``steps`` steps, with a fixed sequence of buttons."""
    info: dict[str, Any] = {}
    for number in range(first, first + steps):
        info = env.step(number * 5 % 7)[4]
    return info


@pytest.fixture
def whole(record: Callable[..., RedEnv], tmp_path: Path) -> tuple[Path, RedEnv, dict[str, Any]]:
    """The file of an episode of 130 steps, the environment just after it, and its last info."""
    env = record(EpisodeRecorder(tmp_path, 3, ABOUT))
    env.reset(seed=5)
    info = play(env, 130)
    return tmp_path / "0003-000000.episode", env, info


def test_a_file_holds_the_whole_episode(whole: tuple[Path, RedEnv, dict[str, Any]], game: Game) -> None:
    path, env, info = whole
    episode = read_episode(path)
    header = episode.header
    assert episode.actions == bytes(number * 5 % 7 for number in range(130))
    assert (header.environment, header.number, header.steps, header.seed) == (3, 0, 130, 5)
    assert (header.start, header.end, header.hash_every) == ("bedroom", "truncated", HASH_EVERY)
    assert header.settings == ABOUT["settings"]
    stats = info["episode_stats"]
    assert header.episode_return == stats["return"]
    assert header.reward_components == stats["reward_components"]
    assert header.stats["coord_count"] == stats["coord_count"]
    assert len(episode.hashes) == 3
    assert episode.hashes[-1] == memory_hash(env.emulator.memory, last=True)
    assert read_start(path.parent, header.start_sha256) == start_state(game, "bedroom").data
    assert [entry.name for entry in (path.parent / STARTS).iterdir()] == [f"{header.start_sha256[:16]}.state"]
    assert read_header(path) == header


def test_hashes_are_taken_at_their_steps(record: Callable[..., RedEnv], tmp_path: Path) -> None:
    env = record(EpisodeRecorder(tmp_path, 0, ABOUT), max_steps=128)
    env.reset(seed=5)
    play(env, 64)
    first = memory_hash(env.emulator.memory)
    play(env, 64, first=64)
    hashes = read_episode(tmp_path / "0000-000000.episode").hashes
    assert hashes == (first, memory_hash(env.emulator.memory, last=True))
    assert first != memory_hash(env.emulator.memory)


def test_the_hash_covers_every_range(emulator: Emulator) -> None:
    for address, last in ((0xC000, False), (0xDFFF, False), (0xFE00, False), (0xFFFE, False), (0x8000, True)):
        before = memory_hash(emulator.memory, last)
        emulator.memory[address] = emulator.memory[address] ^ 0xFF  # type: ignore[index]
        assert memory_hash(emulator.memory, last) != before, hex(address)


def test_only_every_kth_episode_is_written_and_only_if_it_ended(
    record: Callable[..., RedEnv], tmp_path: Path
) -> None:
    env = record(EpisodeRecorder(tmp_path, 0, ABOUT, every=2), max_steps=3)
    for _ in range(5):
        env.reset()
        play(env, 3)
    env.reset()
    play(env, 2)
    env.reset()  # the previous episode was cut off: its number is reused
    play(env, 3)
    names = sorted(path.name for path in tmp_path.glob("*.episode"))
    assert names == ["0000-000000.episode", "0000-000002.episode", "0000-000004.episode"]


def test_a_replacing_recorder_overwrites_nothing(record: Callable[..., RedEnv], tmp_path: Path) -> None:
    for _ in range(2):  # the second is that of a replaced worker
        env = record(EpisodeRecorder(tmp_path, 0, ABOUT), max_steps=3)
        for _ in range(2):
            env.reset()
            play(env, 3)
    assert len(list(tmp_path.glob("0000-*.episode"))) == 4


def test_a_restored_recorder_continues_exactly(record: Callable[..., RedEnv], tmp_path: Path) -> None:
    recorder = EpisodeRecorder(tmp_path, 0, ABOUT)
    env = record(recorder)
    env.reset(seed=1)
    play(env, 130)
    env.set_layer_weights({"dense": 0.5})
    env.reset()
    play(env, 70)
    env.set_layer_weights({"dense": 0.25})
    kept = recorder.snapshot()
    binary = {key for key, value in kept.items() if isinstance(value, bytes)}
    json.dumps({key: value for key, value in kept.items() if key not in binary})
    assert len(kept["start_state"]) < 40_000
    play(env, 60, first=70)
    straight = {path.name: path.read_bytes() for path in tmp_path.glob("*.episode")}
    later = tmp_path / "0000-000007.episode"
    later.write_bytes(straight["0000-000001.episode"])

    other = EpisodeRecorder(tmp_path, 0, ABOUT)
    other.restore(json.loads(json.dumps({k: v for k, v in kept.items() if k not in binary})) | {
        key: kept[key] for key in binary
    })  # fmt: skip
    assert [path.name for path in tmp_path.glob("*.episode")] == ["0000-000000.episode"]
    start_path(tmp_path, read_header(tmp_path / "0000-000000.episode").start_sha256).unlink()
    # Replay the first 70 steps unrecorded: the recorder then sees the same last 60 steps as before.
    replay = record(other)
    replay._recorder = None
    replay.reset(options={"wait_frames": read_wait(straight["0000-000001.episode"])})
    play(replay, 70)
    replay._recorder = other
    info = play(replay, 60, first=70)
    again = decode((tmp_path / "0000-000001.episode").read_bytes(), "again")
    first = decode(straight["0000-000001.episode"], "first")
    assert (again.actions, again.hashes) == (first.actions, first.hashes)
    assert (
        again.header.layer_weights
        == first.header.layer_weights
        == [(0, {"dense": 0.5}), (70, {"dense": 0.25})]
    )
    assert again.header.stats == first.header.stats
    assert info["episode_stats"]["length"] == 130
    assert read_start(tmp_path, again.header.start_sha256)


def read_wait(data: bytes) -> int:
    return decode(data, "an episode").header.wait_frames


def test_a_failing_disk_costs_only_the_file(
    record: Callable[..., RedEnv],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EpisodeRecorder, "_warned", False)
    (tmp_path / "taken").write_text("no folder")
    env = record(EpisodeRecorder(tmp_path / "taken", 0, ABOUT), max_steps=3)
    for _ in range(3):
        env.reset()
        play(env, 3)
    assert len(caplog.messages) == 1, "warned once"
    assert "cannot be recorded" in caplog.messages[0]


def _resealed(data: bytes, old: bytes, new: bytes) -> bytes:
    """``data`` with ``old`` replaced by ``new`` of any length, and lengths and digest updated."""
    length = struct.unpack("<I", data[8:12])[0]
    header, rest = data[12 : 12 + length], data[12 + length : -16]
    assert old in header
    header = header.replace(old, new)
    body = data[:8] + struct.pack("<I", len(header)) + header + rest
    return body + hashlib.blake2b(body, digest_size=16).digest()


CRAFTED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "not a recorded episode"),
    "another kind of file": (lambda _: b"PK\x03\x04" * 100, "not a recorded episode"),
    "a later version": (lambda d: d[:7] + b"\x02" + d[8:], "format version 2"),
    "a huge header": (
        lambda d: d[:8] + struct.pack("<I", 2**32 - 1) + d[12:],
        "a header of 4294967295 bytes",
    ),
    "a header past the end": (
        lambda d: d[:8] + struct.pack("<I", 900_000) + d[12:],
        "ends within its header",
    ),
    "cut short": (lambda d: d[:-1], "by its header"),
    "one byte more": (lambda d: d + b"\0", "by its header"),
    "one bit of an action": (lambda d: d[:-60] + bytes([d[-60] ^ 1]) + d[-59:], "do not match its digest"),
    "not JSON": (lambda d: _resealed(d, b'{"game"', b"('game'"), "its header is wrong (JSON"),
    "deep JSON": (lambda d: _resealed(d, b"{", b"[" * 100_000), "its header is wrong (JSON"),
    "an extra key": (
        lambda d: _resealed(d, b'"game"', b'"x\\u001b[2J":1,"game"'),
        "its header is wrong (x",
    ),
    "a missing key": (lambda d: _resealed(d, b'"wait_frames"', b'"wait"'), "wait_frames"),
    "too many steps": (
        lambda d: _resealed(d, b'"steps":130', f'"steps":{MAX_STEPS + 1}'.encode()),
        "(steps: Input should be less",
    ),
    "many steps": (lambda d: _resealed(d, b'"steps":130', b'"steps":9000000'), "by its header"),
    "no steps": (lambda d: _resealed(d, b'"steps":130', b'"steps":0'), "(steps: Input should be greater"),
    "a hash every 0 steps": (lambda d: _resealed(d, b'"hash_every":64', b'"hash_every":0'), "(hash_every:"),
    "another folder": (
        lambda d: _resealed(d, b'"start_sha256":"', b'"start_sha256":"../../../etc/'),
        "(start_sha256:",
    ),
    "a return that is NaN": (
        lambda d: _resealed(d, b'"episode_return":', b'"episode_return":NaN,"x":'),
        "its header is wrong",
    ),
    "control characters": (lambda d: _resealed(d, b'"bedroom"', b'"\\u001b[2J"'), "(start:"),
}


@pytest.mark.parametrize("how", CRAFTED, ids=str)
def test_damaged_files_are_refused_with_one_line(
    how: str, whole: tuple[Path, RedEnv, dict[str, Any]]
) -> None:
    path = whole[0]
    craft, words = CRAFTED[how]
    path.write_bytes(craft(path.read_bytes()))
    with pytest.raises(UserError) as error:
        read_episode(path)
    line = str(error.value)
    assert words in line
    assert line.startswith(f"episode {path}: ")
    assert line.isprintable(), "one line without control characters"


def test_an_unknown_action_is_refused(whole: tuple[Path, RedEnv, dict[str, Any]]) -> None:
    episode = read_episode(whole[0])
    header = episode.header.model_dump(mode="json")
    data = encode(header, episode.actions[:-1] + b"\x07", b"".join(episode.hashes))
    with pytest.raises(UserError, match="action 7: must be 0 to 6"):
        decode(data, "crafted")
    assert data.startswith(MAGIC)


def test_a_damaged_or_missing_start_state_is_refused(whole: tuple[Path, RedEnv, dict[str, Any]]) -> None:
    path = whole[0]
    sha256 = read_header(path).start_sha256
    state = start_path(path.parent, sha256)
    write_atomically(state, state.read_bytes()[:-1] + b"\xff")
    with pytest.raises(UserError, match="its SHA-256 is not the episode's"):
        read_start(path.parent, sha256)
    state.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_start(path.parent, sha256)
