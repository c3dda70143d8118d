"""Recorded episodes as a monitor.csv, read by stable-baselines3 itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envs.episodes.file_format import read_header
from tests.training.conftest import TINY, Program
from training.replays.episode_folder import FOLDER, EpisodeFolder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(program: Program, tiny: Path, runs: Path) -> Path:
    """A run of 256 steps in two environments, whose episodes take 40."""
    done = program("train_ppo", "--config", tiny, "--run-name", "monitored")
    assert done.returncode == 0, done.stderr
    return runs / "monitored"


def test_stable_baselines3_reads_and_plots_the_episodes(run: Path, program: Program, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from stable_baselines3.common.monitor import load_results
    from stable_baselines3.common.results_plotter import X_EPISODES, X_TIMESTEPS, plot_results, ts2xy

    folder = tmp_path / "logs" / "ppo" / "PokemonRed-v0_1"  # as rl-baselines3-zoo lays it out
    done = program("export_sb3", run.name, "--monitor", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = "6 episodes of monitored, for stable_baselines3's load_results"
    assert done.stdout == f"{folder}/monitor.csv: {said}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["logs"], "and no policy"

    frame = load_results(str(folder))
    headers = sorted(
        (read_header(path) for path in (run / FOLDER).glob("*.episode")), key=lambda one: one.number
    )
    assert frame.l.tolist() == [40] * 6
    assert sorted(frame.r) == pytest.approx(sorted(one.episode_return for one in headers), abs=1e-6)
    assert frame.is_success.tolist() == [False] * 6
    assert (np.diff(frame.t) >= 0).all() and 0 < frame.t.iloc[0] < frame.t.iloc[-1] < 600
    steps, returns = ts2xy(frame, X_TIMESTEPS)
    assert steps.tolist() == [40, 80, 120, 160, 200, 240]
    assert sorted(returns[:2]) == pytest.approx(sorted(h.episode_return for h in headers if h.number == 0))
    plot_results([str(folder)], None, X_EPISODES, "Pokémon Red")
    about = json.loads((folder / "monitor.csv").read_text().splitlines()[0][1:])
    assert (about["env_id"], about["run"], about["episodes_ended"]) == ("PokemonRed-v0", "monitored", 6)


def test_both_are_written_if_both_are_asked_for(run: Path, program: Program, tmp_path: Path) -> None:
    out = tmp_path / "policy.zip"
    done = program("export_sb3", run.name, "--monitor", tmp_path, "--out", out, "--checkpoint", "final")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "monitor.csv",
        "policy.MODEL_CARD.md",
        "policy.zip",
    ]


def test_a_line_says_which_episodes_are_missing(run: Path, program: Program, tmp_path: Path) -> None:
    pruned = run.with_name("monitored-pruned")
    shutil.copytree(run, pruned)  # with the times of the files
    folder = EpisodeFolder(pruned / FOLDER)
    folder.refresh()
    folder.prune(0)
    kept = len(folder.entries)
    assert 0 < kept < 6
    done = program("export_sb3", pruned.name, "--monitor", tmp_path)
    assert done.returncode == 0, done.stderr
    line = f"only {kept} of 6 episodes: the others were pruned (episodes_mb 200), lost or damaged;"
    assert f"{line} a plot over steps counts these alone" in done.stdout
    assert len((tmp_path / "monitor.csv").read_text().splitlines()) == 2 + kept


def test_every_second_episode(program: Program, runs: Path, tmp_path: Path) -> None:
    config = tmp_path / "second.json"
    config.write_text(json.dumps({**TINY, "record_every": 2}))
    done = program("train_ppo", "--config", config, "--run-name", "second")
    assert done.returncode == 0, done.stderr
    done = program("export_sb3", "second", "--monitor", tmp_path)
    assert "only 4 of 6 episodes: the others were not recorded (record_every 2), pruned (" in done.stdout


def test_what_would_mislead_is_refused(run: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    moved = run.with_name("monitored-moved")
    shutil.copytree(run, moved)
    for path in (moved / FOLDER).glob("*.episode"):  # as if copied in the reverse order, long after the run
        status = path.stat()
        os.utime(path, (status.st_atime, 4e9 - status.st_mtime))
    assert "do not have the times of the run" in refused("export_sb3", moved.name, "--monitor", tmp_path)
    early = next((moved / FOLDER).glob("*.episode"))
    for path in (moved / FOLDER).glob("*.episode"):
        if path != early:
            path.unlink()
    os.utime(early, (1.0, 1.0))
    assert "copy a run with its times" in refused("export_sb3", moved.name, "--monitor", tmp_path)
    early.write_bytes(b"nothing")
    flags = (moved.name, "--monitor", tmp_path)
    assert "all of its recorded episodes are damaged" in refused("export_sb3", *flags)
    early.unlink()
    assert "has no recorded episodes" in refused("export_sb3", moved.name, "--monitor", tmp_path)
    alone = ("--monitor", tmp_path, "--checkpoint", "final")
    assert "--checkpoint has no effect with --monitor alone" in refused("export_sb3", run.name, *alone)
    (tmp_path / "file").touch()
    file = tmp_path / "file"
    assert f"{file}/monitor.csv: cannot be written" in refused("export_sb3", run.name, "--monitor", file)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
