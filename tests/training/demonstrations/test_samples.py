"""Samples of demonstrations: what is observed before each action, whole episodes apart, and nothing left."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.episodes.file_format import encode
from envs.errors import UserError
from training.config.loading import load_config
from training.config.sections.imitation import InitConfig
from training.demonstrations.demo_set import DemonstrationSet, described, read_set, write_manifest
from training.demonstrations.making import make_scripted_set
from training.demonstrations.samples import make_samples, open_demonstrations, split
from training.demonstrations.scripted import ScriptedPlay
from training.environments.local import make_env
from training.environments.task import Task, resolve_task

OBSERVED = {"observations": ["screen", "place"], "start": "starter"}


def task_of(**settings: Any) -> Task:
    return resolve_task(load_config(None, {**OBSERVED, **settings}))


def section(found: DemonstrationSet, **settings: Any) -> InitConfig:
    return InitConfig(demonstrations=str(found.folder), **settings)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_samples_are_what_an_agent_observes_before_each_action(
    short_set: DemonstrationSet, temporary: Path
) -> None:
    task = task_of()
    with make_samples(short_set, task, 0.1, seed=0) as samples:
        first = 0
        for one in short_set:
            header = one.episode.header
            with contextlib.closing(make_env(task)) as env:
                observed, _ = env.reset(options={"wait_frames": header.wait_frames})
                for step, action in enumerate(one.episode.actions):
                    assert samples.actions[first + step] == action
                    for name, array in observed.items():
                        assert (samples.observations[name][first + step] == array).all()
                    observed, reward, *_ = env.step(action)
                    assert samples.rewards[first + step] == np.float32(reward)
            first += header.steps
            assert samples.ends[first - 1]
        assert len(samples.actions) == first
        assert samples.ends.sum() == len(short_set)
    assert list(temporary.iterdir()) == []


def test_whole_episodes_are_held_out_and_random_actions_are_left_out(short_set: DemonstrationSet) -> None:
    everything = list(short_set)
    learned, held_out = split(everything, 0.1, seed=0)
    first, apart = 0, []
    for one in everything:
        rows = set(range(first, first + one.episode.header.steps)) - {first + step for step in one.noise}
        first += one.episode.header.steps
        assert rows in ({*rows} & {*learned.tolist()}, {*rows} & {*held_out.tolist()})
        apart.append(rows == {*held_out.tolist()})
    assert sum(apart) == 1
    assert not {*learned.tolist()} & {*held_out.tolist()}
    assert (split(everything, 0.1, seed=0)[1] == held_out).all()
    assert len(split(everything, 0, seed=0)[1]) == 0


def test_returns_are_discounted_until_the_end_of_an_episode(short_set: DemonstrationSet) -> None:
    with make_samples(short_set, task_of(observations=["badges"]), 0, seed=0) as samples:
        plain = dataclasses.replace(samples, ends=np.array([False, True, False, False]))
        returns = plain.returns(np.array([1, 2, 4, 8], np.float32), 0.5)
    assert returns.tolist() == [2.0, 2.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"action_frames": 20}, "was played with action_frames 24, but the config has 20"),
        ({"fast_text": True}, "was played with fast_text False, but the config has True"),
    ],
)
def test_other_settings_of_the_game_are_refused(
    short_set: DemonstrationSet, settings: dict[str, Any], line: str
) -> None:
    with pytest.raises(UserError, match=line):
        open_demonstrations(section(short_set), task_of(**settings))


def test_another_cartridge_is_refused(short_set: DemonstrationSet, unknown_rom: Path) -> None:
    task = task_of(rom=str(unknown_rom), game="red", start="bedroom")
    with pytest.raises(UserError, match="played on a ROM with SHA-1 f3e3b395"):
        open_demonstrations(section(short_set), task)


def test_one_episode_cannot_be_held_out(tmp_path: Path) -> None:
    alone = make_scripted_set(tmp_path / "one", ScriptedPlay(1, until="route 1"), lambda _: None)
    with pytest.raises(UserError, match=r"held_out 0\.1 needs at least 2 episodes"):
        open_demonstrations(section(alone), task_of())
    assert len(open_demonstrations(section(alone, held_out=0.0), task_of())) == 1


def test_a_replay_that_differs_is_refused_and_leaves_nothing(
    short_set: DemonstrationSet, tmp_path: Path, temporary: Path
) -> None:
    copy = Path(shutil.copytree(short_set.folder, tmp_path / "copy"))
    episode = short_set.read(0).episode
    path = copy / short_set.read(0).name
    header = episode.header.model_dump(mode="json")
    path.write_bytes(
        encode(header, bytes(6 - action for action in episode.actions), b"".join(episode.hashes))
    )
    entries = [described(path), *short_set.manifest.episodes[1:]]
    write_manifest(copy, short_set.manifest.model_copy(update={"episodes": entries}))
    with pytest.raises(UserError, match="its replay differs from the recording at step 64"):
        make_samples(read_set(copy), task_of(), 0.1, seed=0)
    assert list(temporary.iterdir()) == []


def test_too_little_disk_space_is_told(
    short_set: DemonstrationSet, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk cannot be provoked otherwise."""
    usage = shutil.disk_usage(temporary)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match=r"samples take .* GB in .*; set TMPDIR to another folder"):
        make_samples(short_set, task_of(), 0.1, seed=0)
    assert list(temporary.iterdir()) == []
