"""Paths in configs and flags: relative to where they are written, absolute in what is loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from envs.game.catalog import START_NAMES
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.paths import full_start
from training.curricula.schema import read_curriculum, stage_configs
from training.environments.task import resolve_task
from training.runs.folder import RunError, runs_root
from training.runs.lookup import find_run
from training.sweeps.trials import find_configs

Write = Callable[..., Path]
LATIN = os.fsdecode(b"caf\xe9.gb")
TERM = "class One:\n    layer = 'dense'\n    def __call__(self, before, now, memory):\n        return 1.0\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """write(name, **values): a config in a folder that is not the working directory. ~ is tmp_path/home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def make(name: str, /, **values: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        return path

    return make


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("x.state", "deep/x.state"),
        ("../x.state", "x.state"),
        ("s/x", "deep/s/x"),
        ("~/x.state", "home/x.state"),
    ],
)
def test_a_state_file_counts_from_the_folder_of_its_config(
    tmp_path: Path, write: Write, written: str, found: str
) -> None:
    config = write("deep/a.json", start=written)
    assert load_config(config).start == str(tmp_path / found)
    over = write("other/b.json", extends="../deep/a.json")
    assert load_config(over).start == str(tmp_path / found)
    kept = write("run/config.json", **load_config(config).model_dump(mode="json"))
    assert load_config(kept).start == str(tmp_path / found), "what a run keeps is absolute"


def test_a_state_file_in_flags_counts_from_the_working_directory(tmp_path: Path, write: Write) -> None:
    config = write("deep/a.json", start="x.state")
    assert load_config(config, {"start": "y.state"}).start == str(tmp_path / "elsewhere" / "y.state")
    (tmp_path / "elsewhere" / "plain").touch()
    assert load_config(config, {"start": "plain"}).start == str(tmp_path / "elsewhere" / "plain")


def test_several_starts_count_from_the_folder_of_their_config_too(tmp_path: Path, write: Write) -> None:
    config = load_config(write("deep/a.json", starts={"../x.state": 1.0, "route1": 2.0, "~/y": 3.0}))
    assert config.starts == {f"{tmp_path}/x.state": 1.0, "route1": 2.0, f"{tmp_path}/home/y": 3.0}


def test_names_of_starts_stay_names(tmp_path: Path, write: Write) -> None:
    for name in START_NAMES:
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / name).touch()
        assert load_config(write("deep/a.json", start=name)).start == name
    assert full_start(tmp_path, "route1") == "route1"
    assert load_config(write("deep/a.json", start="rout1")).start == "rout1", "the game says what it has"


def test_messages_show_the_path_that_was_looked_for(tmp_path: Path, write: Write) -> None:
    config = load_config(write("deep/a.json", start="none.state"))
    with pytest.raises(UserError, match=f"start {tmp_path}/deep/none.state: cannot be read"):
        resolve_task(config)


@pytest.mark.parametrize("start", ["x" * 300, "x" * 300 + ".state"])
def test_a_start_that_no_file_can_be_called_gets_one_line(write: Write, start: str) -> None:
    with pytest.raises(UserError, match=r"start .*(neither a start|cannot be read)"):
        resolve_task(load_config(write("a.json", start=start)))


def test_home_is_expanded_wherever_a_config_names_a_file(tmp_path: Path, write: Write) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine.py").write_text(TERM)
    write("home/base.json", gamma=0.5)
    config = load_config(write("a.json", extends="~/base.json", reward_terms={"~/mine.py:One": 1.0}))
    assert config.gamma == 0.5
    assert config.reward_terms == {f"{tmp_path}/home/mine.py:One": 1.0}
    assert load_config("~/base.json").gamma == 0.5
    course = write(
        "course.json",
        stages=[
            {"name": "a", "config": "~/base.json", "steps": 64, "check_every": 64,
             "move_on": {"metric": "return", "at_least": 1}}
        ],
    )  # fmt: skip
    assert stage_configs(course, read_curriculum(course))[0].gamma == 0.5
    assert find_configs(["~/*.json"]) == [tmp_path / "home" / "base.json"]


@pytest.mark.parametrize("key", ["rom", "start", "extends"])
@pytest.mark.parametrize(
    ("path", "line"),
    [("~nosuchuser/c.gb", "nobody's home folder"), (LATIN, r"caf\xe9.gb: the name is not valid UTF-8")],
)
def test_a_path_that_cannot_be_used_names_its_key(write: Write, key: str, path: str, line: str) -> None:
    config = write("deep/a.json", **{key: path})
    with pytest.raises(ConfigError) as refusal:
        load_config(config)
    assert str(refusal.value).startswith(f"{config}: {key}: ")
    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_folder_of_runs_and_runs_in_it(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POKERED_RUNS", "~/r")
    assert runs_root() == tmp_path / "home" / "r"
    write("home/r/one/config.json")
    assert find_run("~/r/one") == find_run("one") == find_run("../home/r/one") == tmp_path / "home/r/one"
    with pytest.raises(RunError, match=f"{tmp_path}/home/r/two is not a run folder"):
        find_run("~/r/two")
    monkeypatch.setenv("POKERED_RUNS", "~nosuchuser/r")
    with pytest.raises(UserError, match="POKERED_RUNS ~nosuchuser/r: nobody's home folder"):
        runs_root()
