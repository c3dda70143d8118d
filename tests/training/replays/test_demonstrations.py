"""Sets made of a run's episodes, described and verified, and demonstrate.py as people run it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.episodes.file_format import read_header
from tests.training.conftest import Program
from training.demonstrations.demo_set import MANIFEST, read_set


@pytest.fixture(scope="module")
def scripted(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set made by the program."""
    out = tmp_path_factory.mktemp("sets") / "scripted"
    result = program("demonstrate", "--out", out, "--scripted", 2, "--until", "route 1", "--noise", 0.3)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith(f"{out}: 2 episodes, ")
    return out


def test_info_verifies_a_set(program: Program, scripted: Path) -> None:
    result = program("demonstrate", scripted, "--info")
    assert (result.returncode, result.stderr) == (0, "")
    assert (
        "player: script (episodes 2, start starter, until route 1, noise 0.3, seed 1, repel False)"
        in result.stdout
    )
    assert "2 of 2 episodes agree in memory" in result.stdout


def test_info_tells_which_episode_differs(program: Program, scripted: Path, tmp_path: Path) -> None:
    """The actions of one episode with the hashes of the other."""
    from envs.episodes.file_format import decode, encode
    from training.demonstrations.demo_set import described

    copy = Path(shutil.copytree(scripted, tmp_path / "copy"))
    path = sorted(copy.glob("*.episode"))[0]
    episode = decode(path.read_bytes(), path)
    path.write_bytes(encode(episode.header.model_dump(mode="json"), episode.actions, b"\x00" * 8))
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["episodes"][0] = described(path, manifest["episodes"][0]["noise"]).model_dump()
    (copy / MANIFEST).write_text(json.dumps(manifest))
    result = program("demonstrate", copy, "--info")
    assert result.returncode == 1
    assert "1 of 2 episodes agree in memory" in result.stdout
    assert f"differs at step {episode.header.steps}" in result.stdout


def test_the_best_episodes_of_a_run_become_a_set(
    program: Program, runs: Path, tiny: Path, tmp_path: Path
) -> None:
    result = program("train_ppo", "--config", tiny, "--run-name", "to-demonstrate")
    assert result.returncode == 0, result.stderr
    out = tmp_path / "set"
    result = program("demonstrate", "--out", out, "--from", "to-demonstrate", "--best", 2)
    assert (result.returncode, result.stderr) == (0, "")
    kept = [read_header(path) for path in out.glob("*.episode")]
    played = [read_header(path) for path in (runs / "to-demonstrate" / "episodes").glob("*.episode")]
    returns = sorted((header.episode_return for header in played), reverse=True)
    assert sorted((header.episode_return for header in kept), reverse=True) == returns[:2]
    found = read_set(out)
    assert found.manifest.player == "run"
    assert found.manifest.source["run"] == "to-demonstrate"
    assert "2 of 2 episodes agree" in program("demonstrate", out, "--info").stdout


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ((), "one of --scripted N, --from RUN, --info and --minari NAME must be given"),
        (("--scripted", 3), "--out SET must be given"),
        (("--info",), "SET must be given"),
        (("somewhere",), "somewhere goes with --info"),
        (("--out", "x", "--scripted", 3, "--from", "y"), "--scripted and --from cannot be given together"),
        (("--out", "x", "--scripted", 3, "--best", 3), "--best goes with --from"),
        (("--out", "x", "--from", "y", "--noise", 0.1), "--noise goes with --scripted"),
        (("--out", "x", "--from", "y", "--repel"), "--repel goes with --scripted"),
        (("--out", "x", "--from", "y", "--best", 0), "--best 0 is out of range"),
        (("--out", "x", "--from", "nothing"), "run nothing does not exist"),
        (("--out", ".", "--scripted", 1), "--out .: exists already"),
        (("nowhere", "--info"), "demonstrations nowhere: not a set of demonstrations"),
    ],
)
def test_wrong_input_is_one_line(refused: Callable[..., str], flags: tuple[str, ...], line: str) -> None:
    assert line in refused("demonstrate", *flags)


@pytest.mark.slow
def test_a_set_becomes_a_dataset_of_minari(
    program: Program, scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with the samples that cloning learns from, and what each action led to with the next one's."""
    import minari
    import numpy as np

    from training.config.schema import TrainConfig
    from training.demonstrations.samples import make_samples
    from training.environments.task import resolve_task

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    result = program("demonstrate", scripted, "--minari", "pokered/route-v0")
    assert result.returncode == 0, result.stderr
    kept = minari.load_dataset("pokered/route-v0")
    sets = read_set(scripted)
    assert (kept.total_episodes, kept.total_steps) == (2, sets.manifest.steps)
    task = resolve_task(TrainConfig(rom="embedded", start="starter"))
    with make_samples(sets, task, 0.0, 1) as samples:
        first = 0
        for episode, entry in zip(kept.iterate_episodes(), sets.manifest.episodes, strict=True):
            steps = slice(first, first + len(episode))
            first += len(episode)
            assert episode.actions.tolist() == samples.actions[steps].tolist()
            assert episode.rewards == pytest.approx(samples.rewards[steps])
            for name, values in samples.observations.items():
                assert episode.observations[name].dtype == np.uint8
                assert len(episode.observations[name]) == len(episode) + 1
                assert (episode.observations[name][:-1] == values[steps]).all(), name
            assert np.flatnonzero(episode.infos["random_action"]).tolist() == entry.noise
            assert episode.truncations.tolist() == [False] * (len(episode) - 1) + [True]
    again = program("demonstrate", scripted, "--minari", "pokered/route-v0")
    assert again.returncode == 2
    assert "--minari pokered/route-v0: exists already in " in again.stderr


def test_nothing_of_a_dataset_is_left_when_a_replay_differs(
    program: Program, scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.demonstrations.demo_set import described

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    copy = Path(shutil.copytree(scripted, tmp_path / "copy"))
    path = sorted(copy.glob("*.episode"))[-1]
    damaged = path.read_bytes()
    from envs.episodes.file_format import decode, encode

    episode = decode(damaged, path)
    path.write_bytes(encode(episode.header.model_dump(mode="json"), episode.actions, b"\x00" * 8))
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["episodes"][-1] = described(path, manifest["episodes"][-1]["noise"]).model_dump()
    (copy / MANIFEST).write_text(json.dumps(manifest))
    result = program("demonstrate", copy, "--minari", "route-v0")
    assert result.returncode == 2
    assert "its replay differs from the recording" in result.stderr
    assert not (tmp_path / "minari" / "route-v0").exists()


@pytest.mark.parametrize("name", ["route", "../route-v0", "a b-v0", "v0", ""])
def test_names_that_no_dataset_can_have(program: Program, scripted: Path, name: str) -> None:
    result = program("demonstrate", scripted, "--minari", name)
    assert result.returncode == 2
    assert "must be a name and a version, such as pokered/first-badge-v0" in result.stderr
    assert len(result.stderr.splitlines()) == 1
