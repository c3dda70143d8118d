"""Tests of replays: exact, even for interrupted runs; verified, refused, filmed."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.episodes.file_format import (
    STARTS,
    RecordedEpisode,
    encode,
    file_name,
    read_episode,
    start_path,
)
from envs.errors import UserError
from envs.files import write_atomically
from envs.game_boy.emulator import BUTTONS, Emulator
from tests.training.conftest import TINY, Program
from training.config.loading import load_config
from training.drawing.reward_overlay import STRIP
from training.environments.task import resolve_task
from training.make_env import make_vec_env
from training.replays.episode_folder import BLOCK, EpisodeFolder
from training.replays.episode_list import chosen, listing, verify_all
from training.replays.filming import Film, film
from training.replays.replay_episode import ReplaySource, describe, open_episode, verify

pytestmark = pytest.mark.slow

RUN = {
    **TINY,
    "start": "route1",
    "max_steps": 70,
    "workers": 2,
    "fast_text": True,
    "sound": True,
    "total_steps": 448,
    "eval_every_steps": 192,
    "eval_episodes": 1,
    "layers": {"dense": {"kind": "linear", "start": 1.0, "end": 0.1}},
    "rewards": {"exploration_new_tile": 0.1, "battle_start_bonus": 1.0, "penalty_step": -0.001},
}


@pytest.fixture(scope="module")
def run(program: Program, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run stopped and resumed within episodes, with fast text, sound, evaluation, and layer weights that
    change within episodes."""
    path = tmp_path_factory.mktemp("replay") / "run.json"
    path.write_text(json.dumps(RUN))
    stopped = program("train_ppo", "--config", path, "--run-name", "recorded", "--stop-after", 192)
    assert stopped.returncode == 0, stopped.stderr
    before = {p.name: p.read_bytes() for p in (runs / "recorded" / "episodes").glob("*.episode")}
    assert sorted(before) == ["0000-000000.episode", "0001-000000.episode"]
    resumed = program("train_ppo", "--resume", "recorded")
    assert resumed.returncode == 0, resumed.stderr
    assert "episodes:   6 episodes, 0.2 MB in " in resumed.stdout
    for name, data in before.items():
        assert (runs / "recorded" / "episodes" / name).read_bytes() == data
    return runs / "recorded"


def _played(folder: Path, **settings: Any) -> Path:
    """Make a run's folder with a few recorded episodes of random buttons, without learning."""
    config = load_config(None, {**TINY, **settings})
    env = make_vec_env(config, record=folder / "episodes")
    buttons = np.random.default_rng(0)
    try:
        env.seed(1)
        env.reset()
        for _ in range(2 * config.max_steps):
            env.step(buttons.integers(0, len(BUTTONS), config.num_envs))
    finally:
        env.close()
    (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    return folder


def test_every_episode_of_a_resumed_run_replays_exactly(run: Path, program: Program) -> None:
    result = program("replay", "recorded", "--all", "--verify-only", fresh=True)
    assert result.stdout == ("6 episodes: 6 agree in memory (420 steps), 0 do not; rewards of 6 agree\n"), (
        result.stdout + result.stderr
    )
    assert result.returncode == 0
    trainer = json.loads((run / "checkpoints" / "final" / "trainer.json").read_text())
    assert trainer["extra"]["counts"]["episodes"] == 6, (
        "each training episode once, and no evaluation episodes"
    )
    headers = [read_episode(path).header for path in sorted((run / "episodes").glob("*.episode"))]
    assert [(h.environment, h.number) for h in headers] == [(e, n) for e in (0, 1) for n in (0, 1, 2)]
    assert all(len(header.layer_weights) > 1 for header in headers), "weights changed within episodes"
    assert {header.start for header in headers} == {"route1"}
    assert headers[0].stats["interventions"] == {"fast_text": 1}


def test_a_killed_worker_leaves_no_unfinished_episode(tmp_path: Path) -> None:
    config = load_config(None, {**TINY, "max_steps": 20, "workers": 2})
    env = make_vec_env(config, record=tmp_path / "episodes")
    try:
        env.reset()
        for number in range(110):
            if number in (35, 75):
                os.kill(env.venv.worker_pids[0], signal.SIGKILL)
            env.step(np.array([number % 7, number % 5]))
    finally:
        env.close()
    (tmp_path / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    names = sorted(path.name for path in (tmp_path / "episodes").glob("*.episode"))
    assert names == [file_name(0, n) for n in range(3)] + [file_name(1, n) for n in range(5)]
    text, status = verify_all(tmp_path, None)
    assert status == 0, text
    assert text.startswith("8 episodes: 8 agree in memory (160 steps), 0 do not; rewards of 8 agree")


@pytest.fixture
def source(run: Path) -> ReplaySource:
    """The first episode of the run."""
    return open_episode(run / "episodes" / file_name(0, 0), run=run)


def test_one_changed_action_is_found(source: ReplaySource, program: Program, tmp_path: Path) -> None:
    """The file is intact and its digest matches, so only a replay finds it."""
    episode = source.episode
    actions = bytearray(episode.actions)
    actions[66] = (actions[66] + 1) % len(BUTTONS)
    path = tmp_path / "altered.episode"
    path.write_bytes(encode(episode.header.model_dump(mode="json"), bytes(actions), b"".join(episode.hashes)))
    state = start_path(tmp_path, episode.header.start_sha256)
    write_atomically(state, start_path(source.path.parent, episode.header.start_sha256).read_bytes())
    result = program("replay", path, "--out", tmp_path / "x.mp4")
    assert result.returncode == 1, result.stderr
    assert "memory differs at step 70; it agreed at step 64" in result.stdout
    assert not (tmp_path / "x.mp4").exists()
    outcome = verify(replace(source, episode=RecordedEpisode(episode.header, bytes(actions), episode.hashes)))
    assert (outcome.agreed, outcome.differs) == (64, 70)


def test_a_changed_reward_is_reported(source: ReplaySource) -> None:
    header = source.episode.header
    sums = {**header.reward_components, "battle": 12.5}
    other = RecordedEpisode(
        header.model_copy(update={"reward_components": sums}), source.episode.actions, source.episode.hashes
    )
    text = describe(replace(source, episode=other), verify(source))
    assert "rewards differ: battle was 12.5 and is now " in text
    assert "rewards differ" not in describe(source, verify(source))


def test_custom_reward_terms_are_loaded_only_for_a_named_run(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(
        "class Steps:\n    layer = 'dense'\n    def __call__(self, before, now, memory):\n        return 1\n"
    )
    folder = _played(tmp_path / "own", reward_terms={f"{own}:Steps": 0.5})
    text, status = verify_all(folder, None)
    assert status == 0
    assert "rewards of 4 agree" in text
    alone = open_episode(folder / "episodes" / file_name(0, 0))
    line = describe(alone, verify(alone))
    assert "custom reward terms are loaded only for a named run, not for a file" in line


def test_the_cartridge_is_known_by_its_hash(unknown_rom: Path, tmp_path: Path, rom: Path) -> None:
    folder = _played(tmp_path / "red", rom=str(unknown_rom), game="red", start="power on", max_steps=20)
    path = folder / "episodes" / file_name(0, 0)
    with pytest.raises(
        UserError, match=r"was played on a ROM with SHA-1 [0-9a-f]{40}; .* give the right one"
    ):
        open_episode(path)
    with pytest.raises(UserError, match=f"{rom.name} has [0-9a-f]{{40}}; give the right one with --rom"):
        open_episode(path, rom=rom)
    for found in (open_episode(path, rom=unknown_rom), open_episode(path, run=folder)):
        assert verify(found).differs is None


def test_the_episodes_of_a_run_are_listed(run: Path) -> None:
    text = listing(run)
    assert text.startswith("recorded: 6 episodes, 0.2 MB\n")
    assert sum(".episode" in line for line in text.splitlines()) == 6
    returns = {p: read_episode(p).header.episode_return for p in (run / "episodes").glob("*.episode")}
    assert returns[chosen(run, best=True, milestone=None)] == max(returns.values())
    last = chosen(run, best=False, milestone=None)
    assert last.stat().st_mtime_ns == max(path.stat().st_mtime_ns for path in returns)
    with pytest.raises(UserError, match='milestone "badge9": not reached in any episode'):
        chosen(run, best=False, milestone="badge9")


def _pictures(path: Path) -> tuple[list[NDArray[Any]], float]:
    """Return the pictures of a file, and the time of the last one in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], float(frames[-1].time or 0)


@pytest.mark.parametrize(("name", "scale", "speed"), [("x.mp4", 1, 4.0), ("x.gif", 2, 8.0)])
def test_a_video_shows_the_episode(
    source: ReplaySource, tmp_path: Path, name: str, scale: int, speed: float
) -> None:
    outcome = verify(source)
    video = film(source, outcome.curves, Film(tmp_path / name, speed, 15, scale))
    pictures, seconds = _pictures(tmp_path / name)
    assert {picture.shape for picture in pictures} == {((144 + STRIP) * scale, 160 * scale, 3)}
    assert len(pictures) == video.count == 70 * 24 // round(4 * speed) + round(1.5 * 15)
    assert seconds == pytest.approx((len(pictures) - 1) / 15, abs=0.01)
    assert len({picture[: 144 * scale].tobytes() for picture in pictures}) > 10, "it moves"
    assert pictures[0][144 * scale :].tobytes() != pictures[-1][144 * scale :].tobytes()
    if name.endswith(".gif"):  # lossless: the last picture equals the screen of a plain emulator
        with Emulator(source.config.rom or "", sound=True) as plain:
            assert (pictures[-1][::2, ::2][:144] == _last_picture(source, plain)).all()


def _last_picture(source: ReplaySource, emulator: Emulator) -> NDArray[np.uint8]:
    from training.environments.local import make_env
    from training.replays.replay_episode import play_again

    env = make_env(resolve_task(source.config), emulator=emulator)
    for _ in play_again(source, env):
        pass
    return emulator.screen_rgb() // 64 * 85


def test_the_trained_policy_plays_a_new_episode(run: Path, program: Program, tmp_path: Path) -> None:
    out = tmp_path / "new.gif"
    flags = ("--play", "--actions", 12, "--seed", 2, "--out", out, "--scale", 2, "--speed", 2)
    result = program("replay", "recorded", *flags)
    assert result.returncode == 0, result.stderr
    assert "new.episode: 12 steps from route1" in result.stdout
    assert _pictures(out)[0][0].shape == ((144 + STRIP) * 2, 320, 3)
    assert len(list((run / "episodes").glob("*.episode"))) == 6


def _put(
    folder: Path,
    source: ReplaySource,
    number: int,
    value: float,
    milestones: list[tuple[int, str]],
    start: str,
) -> None:
    header = source.episode.header.model_dump(mode="json")
    header |= {"number": number, "episode_return": value, "milestones": milestones, "start_sha256": start}
    path = folder / file_name(0, number)
    path.write_bytes(encode(header, source.episode.actions, b"".join(source.episode.hashes)))
    os.utime(path, ns=(number * 10**9, number * 10**9))
    write_atomically(start_path(folder, start), bytes(BLOCK))


def test_pruning_removes_the_oldest_but_keeps_the_best_and_the_quickest(
    source: ReplaySource, tmp_path: Path
) -> None:
    shared, spare = "a" * 64, "b" * 64
    for number in range(20):
        reached = {1: [(211, "badge1")], 2: [(3, "badge1")], 5: [(3, "badge1")]}.get(number, [])
        _put(
            tmp_path,
            source,
            number,
            50.0 if number == 4 else number,
            reached,
            spare if number == 0 else shared,
        )
    (tmp_path / ".0000-000020.episode.99-1.new").write_bytes(b"half")
    (tmp_path / file_name(1, 0)).write_bytes(b"damaged")
    os.utime(tmp_path / file_name(1, 0), ns=(1, 1))
    files = EpisodeFolder(tmp_path)
    files.refresh()
    assert files.bytes == 23 * BLOCK
    files.prune(100 * BLOCK)
    assert len(files.entries) == 21, "there is room"
    files.prune(10 * BLOCK)
    kept = sorted(path.name for path in tmp_path.glob("*.episode"))
    assert kept == [file_name(0, n) for n in (2, 4, *range(14, 20))], "with two states, ten blocks"
    assert len(list((tmp_path / STARTS).iterdir())) == 2, (
        "an episode may be about to be written with the state"
    )
    files.refresh()
    files.prune(10 * BLOCK)
    assert [path.name for path in (tmp_path / STARTS).iterdir()] == [f"{shared[:16]}.state"]
    files.sweep()
    assert not list(tmp_path.glob(".*"))
    assert files.best() == files.entries[file_name(0, 4)]
    assert files.quickest_to("badge1") == files.entries[file_name(0, 2)]
    assert str(files) == "8 episodes, 0.0 MB"
    files.prune(1)
    assert len(files.entries) == 2


def test_a_part_says_why_its_last_steps_cannot_be_compared(run: Path) -> None:
    """ "agrees up to step 1,152" of 1,200 looked like a difference."""
    source = open_episode(run / "episodes" / file_name(0, 0), run=run, actions=69)
    assert source.episode.header.hash_every == 64
    shown = describe(source, verify(source))
    assert "memory agrees up to step 64; the 5 after it cannot be compared: the file has a hash for" in shown
    assert "every 64 steps and the last" in shown
    whole = open_episode(run / "episodes" / file_name(0, 0), run=run)
    assert describe(whole, verify(whole)).endswith(f"memory agrees up to step {whole.steps:,}")
