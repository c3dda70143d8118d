"""Hyperparameter search: space files, databases, dead workers, and the config of the best trial."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from envs.errors import UserError
from tests.paths import ROOT
from tests.training.conftest import TINY, Program
from tests.training.forked import SWEEP_JOBS, Child, Forker, wait_for
from training.config.files import ConfigError
from training.config.loading import load_config
from training.runs.folder import RunError, lock_run
from training.sweeps.search import evaluations, search
from training.sweeps.space import load_space, nested, trial_config
from training.sweeps.stale_trials import record_worker
from training.sweeps.storage import database_address, open_study, printable
from training.sweeps.trial_places import TrialPlaces

pytestmark = pytest.mark.slow

SHORT = {"max_steps": 40, "eval_episodes": 2, "n_steps": 16, "batch_size": 32}
SPACE: dict[str, Any] = {
    "base": "base.json",
    "episodes": 4,
    "evaluations": 2,
    "eval_episodes": 2,
    "space": {
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "n_epochs": {"low": 1, "high": 2},
        "network.hidden": {"choices": [[16], [32, 32]]},
    },
}


def _write(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.json").write_text(json.dumps({**TINY, **SHORT}))
    path = folder / "space.json"
    path.write_text(json.dumps({**SPACE, **changes}))
    return path


def test_shipped_space_loads() -> None:
    space, base = load_space(ROOT / "configs" / "sweeps" / "space.json")
    assert base.agent_id == "ppo_agent"
    assert space.description and "learning_rate" in space.space


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"spaces": {}}, "spaces is not a key of {path}; did you mean space?"),
        ({"space": {}}, "space {} must"),
        (
            {"space": {"learning_rat": {"low": 0, "high": 1}}},
            "learning_rat is not a setting that {path} can vary",
        ),
        (
            {"space": {"gamma": {"low": 0.9}}},
            "space.gamma: a setting of the space needs low and high, or choices",
        ),
        ({"space": {"gamma": {"low": 0.9, "high": 0.8}}}, "low 0.9 must be below high 0.8"),
        ({"space": {"gamma": {"low": 0, "high": 1, "log": True}}}, "log needs a low above 0"),
        ({"space": {"gamma": {"lo": 0.9}}}, "lo is not a key of {path}: space.gamma; did you mean low?"),
        ({"objective": "score"}, 'objective "score" must be return_mean'),
        ({"base": "no.json"}, "no.json: no such file"),
        ({"space": {"gamma": {"low": 0.9, "high": 2}}}, "{path}: space.gamma: gamma 2 is out of range"),
        ({"space": {"rewards.battle_wim": {"low": 1, "high": 2}}}, "rewards: unknown reward coefficient"),
        ({"space": {"n_epochs": {"choices": [1, "two"]}}}, '"two" must be a whole number'),
        ({"episodes": 0}, "episodes 0 is out of range: must be at least 1"),
    ],
)
def test_wrong_spaces_get_one_line(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    path = _write(tmp_path, **changes)
    with pytest.raises(ConfigError) as error:
        load_space(path)
    assert line.replace("{path}", str(path)) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_trial_config_is_the_base_with_its_settings_and_a_batch_size_that_divides(tmp_path: Path) -> None:
    path = _write(tmp_path)
    space, _ = load_space(path)
    config = trial_config(space, path, {"learning_rate": 0.002, "n_steps": 24, "network.hidden": [16]}, 7)
    assert (config.learning_rate, config.n_steps, config.network.hidden, config.seed) == (0.002, 24, (16,), 7)
    assert config.rollout_steps % config.batch_size == 0 and config.batch_size <= 32
    assert (config.total_steps, config.eval_every_steps) == (160, 80)
    assert nested({"a.b.c": 1, "a.d": 2, "e": 3}) == {"a": {"b": {"c": 1}, "d": 2}, "e": 3}


def test_database_urls() -> None:
    assert printable("postgresql://me:secret@host/db") == "postgresql+psycopg://me:***@host/db"
    assert database_address("postgresql://me@host/db").drivername == "postgresql+psycopg"
    for wrong in ("mysql://x/y", "nonsense"):
        with pytest.raises(UserError):
            database_address(wrong)


@pytest.mark.parametrize(
    ("storage", "line"),
    [
        ("sqlite:////no/such/folder/x.sqlite", "unable to open database file"),
        ("postgresql://nobody:hidden@127.0.0.1:1/none", "refused"),
    ],
)
def test_an_unusable_database_gets_one_line(storage: str, line: str) -> None:
    if storage.startswith("postgresql"):
        pytest.importorskip("psycopg")
    with pytest.raises(UserError, match=line) as error:
        open_study("x", storage, 10)
    assert "hidden" not in str(error.value)


def test_another_space_under_the_same_name_is_refused(tmp_path: Path, program: Program) -> None:
    storage = f"sqlite:///{tmp_path}/s.sqlite"
    study = open_study("same", storage, 10)
    study.set_user_attr("space", {"episodes": 3})
    flags = ("--search", _write(tmp_path), "--name", "same", "--storage", storage)
    result = program("run_sweep", *flags)
    assert result.returncode == 2
    assert "search same was started with another space file" in result.stderr


def test_half_written_rows_are_left_out(tmp_path: Path) -> None:
    rows = [{"while": "training", "steps": 1}, {"steps": 2}, {"while": "training", "steps": 3}]
    (tmp_path / "eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows)[:-3])
    assert [row["steps"] for row in evaluations(tmp_path)] == [1]


def _start(forker: Forker, *flags: Any) -> Child:
    return forker.start(*flags, program="run_sweep", before=SWEEP_JOBS)


def _states(study: optuna.Study) -> list[TrialState]:
    return [trial.state for trial in study.get_trials(deepcopy=False)]


def test_a_killed_search_loses_at_most_its_running_trial(
    tmp_path: Path, runs: Path, program: Program, forker: Forker
) -> None:
    path, storage = _write(tmp_path), f"sqlite:///{tmp_path}/s.sqlite"
    flags = ("--search", path, "--name", "kill", "--storage", storage, "--trials", 2, "--stale-after", 600)
    first = _start(forker, *flags)
    wait_for((runs / "kill.t0" / "manifest.json").exists)
    first.kill(signal.SIGKILL)
    first.wait()
    study = open_study("kill", storage, 600)
    assert _states(study) == [TrialState.RUNNING]
    result = program("run_sweep", *flags)
    assert result.returncode == 0, result.stdout + result.stderr
    states = _states(study)
    assert states[0] == TrialState.FAIL
    assert sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states) == 2
    retried = [t for t in study.get_trials() if t.system_attrs.get("failed_trial") == 0]
    assert len(retried) == 1 and retried[0].user_attrs["run"] == "kill.t0"
    assert f"optuna-dashboard {storage}" in result.stdout
    best = runs / "sweeps" / "kill" / "best.json"
    config = load_config(best)
    assert config.learning_rate == study.best_params["learning_rate"]
    assert config.network.hidden == tuple(json.loads(study.best_params["network.hidden"]))


def test_three_processes_make_no_more_trials_than_asked(tmp_path: Path, runs: Path, forker: Forker) -> None:
    """Each began a last one: two too many."""
    path, storage = _write(tmp_path), f"sqlite:///{tmp_path}/s.sqlite"
    flags = ("--search", path, "--name", "three", "--storage", storage, "--trials", 2)
    processes = [_start(forker, *flags) for _ in range(3)]
    statuses = [process.wait() for process in processes]
    outcomes = [(process.shown, process.errors) for process in processes]
    assert statuses == [0] * 3, outcomes
    states = _states(open_study("three", storage, 120))
    assert len(states) == 2, outcomes
    assert all(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states)
    assert len(list(runs.glob("three.t*"))) == 2
    assert "waiting for their ends" in "".join(output for output, _ in outcomes)


def test_a_trial_that_began_at_the_same_time_elsewhere_is_left_out(tmp_path: Path) -> None:
    """Machines share only the database, so both may begin the last trial: the later one stands back."""
    study = open_study("places", f"sqlite:///{tmp_path}/s.sqlite", 120)
    study.tell(study.ask(), 1.0)
    places = TrialPlaces(study, 2, tmp_path)
    for trial in (study.ask(), study.ask()):
        record_worker(trial)
    assert not places.is_surplus(1)
    assert places.is_surplus(2)
    study.tell(2, state=TrialState.FAIL)
    study.tell(1, 1.0)
    assert places.wait_for_one(print) is False


def test_processes_that_cannot_be_started_end_a_search_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    monkeypatch.setenv("POKERED_RUNS", str(tmp_path))
    path = _write(tmp_path)
    study = open_study("unstarted", f"sqlite:///{tmp_path}/s.sqlite", 120)
    line = "5 trials in a row failed; the last: its process cannot be started: No such file or directory$"
    with pytest.raises(RunError, match=line):
        search(study, load_space(path)[0], path, 9, print)


def test_a_search_continues_after_a_stop_and_after_losing_its_trial(
    tmp_path: Path, runs: Path, program: Program, forker: Forker
) -> None:
    path, storage = _write(tmp_path), f"sqlite:///{tmp_path}/s.sqlite"
    flags = ("--search", path, "--name", "stop", "--storage", storage, "--trials", 1)
    first = _start(forker, *flags)
    wait_for((runs / "stop.t0" / "manifest.json").exists)
    study = open_study("stop", storage, 120)
    study.tell(0, state=TrialState.FAIL)  # as another process does when it assumes this one is dead
    wait_for((runs / "stop.t1" / "manifest.json").exists)
    first.kill(signal.SIGTERM)
    assert (first.wait(), first.errors) == (130, "")
    assert "trial 0: left to another process, which assumed this one was dead" in first.shown
    assert _states(study) == [TrialState.FAIL, TrialState.FAIL, TrialState.WAITING]
    result = program("run_sweep", *flags)
    assert result.returncode == 0, result.stdout + result.stderr
    trials = study.get_trials()
    assert [trial.state for trial in trials[2:]] == [TrialState.COMPLETE]
    assert trials[2].params == trials[1].params
    assert trials[2].user_attrs["run"] == "stop.t1"
    assert program("run_sweep", *flags).returncode == 0
    assert len(_states(study)) == 3, "a finished search does nothing more"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server at ``url`` that runs until ``stop`` is called."""

    url: str
    stop: Callable[[], None]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Server]:
    """A PostgreSQL server on loopback for this test only."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[postgres]'")
    tools = next((path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if tools is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()  # its server refuses to run as root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path("/tmp") / f"pg-{os.getpid()}"  # short: a Unix socket path is limited to 107 bytes
    folder.mkdir(mode=0o700)
    as_user = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, user)

    def run(tool: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(tools / tool), "-D", str(folder / "data"), *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    run("initdb", "-A", "trust", "-U", user)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")

    def stop() -> None:
        if (folder / "data" / "postmaster.pid").exists():
            run("pg_ctl", "-w", "-m", "immediate", "stop")

    try:
        yield Server(f"postgresql://{user}@127.0.0.1:{port}/postgres", stop)
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_lost_database_ends_the_search_with_one_line(
    postgres: Server, tmp_path: Path, runs: Path, forker: Forker
) -> None:
    worker = _start(forker, "--search", _write(tmp_path), "--name", "gone", "--storage", postgres.url)
    wait_for((runs / "gone.t0" / "manifest.json").exists)
    postgres.stop()
    assert worker.wait() == 2
    errors = worker.errors.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: database postgresql+psycopg://"), errors
    with lock_run(runs / "gone.t0"):  # its run stopped too
        pass


def test_a_worker_on_postgresql_retries_the_trial_of_a_killed_one(
    postgres: Server, tmp_path: Path, runs: Path, forker: Forker
) -> None:
    flags = ("--search", _write(tmp_path), "--name", "pair", "--storage", postgres.url)
    flags = (*flags, "--trials", 3, "--stale-after", 3)
    workers = [_start(forker, *flags)]
    wait_for((runs / "pair.t0" / "manifest.json").exists)
    workers.append(_start(forker, *flags))
    study = open_study("pair", postgres.url, 3)
    wait_for(lambda: len(_states(study)) >= 2)
    workers[0].kill(signal.SIGKILL)
    assert workers[1].wait() == 0, workers[1].errors
    workers[0].wait()
    states = _states(study)
    assert sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states) >= 3
    trials = study.get_trials()
    killed = [t.number for t in trials if t.state == TrialState.FAIL]
    assert len(killed) <= 1
    assert all(any(t.system_attrs.get("failed_trial") == number for t in trials) for number in killed)
