"""Trials as tasks on a Ray cluster: each trains in a process on a remote machine and returns its run folder.

A trial plays the remote machine's copy of the ROM, found by its hash. When a machine fails, the trial starts
over on another.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from envs.cluster.messages import MAX_TREE, BadMessage, decode, encode
from envs.cluster.ray_api import Cluster
from envs.errors import UserError
from envs.files import write_json
from envs.start_states.state_files import StartState
from training.config.schema import TrainConfig
from training.environments.remote import game_here
from training.environments.task import Task, resolve_task
from training.runs.folder import RunError, made_folder, run_folder
from training.sweeps.local_jobs import (
    PROGRAM,
    TrialOutcome,
    die_with_parent,
    failure_in,
    finished_summary,
    outcome_line,
    terminations_as_interrupts,
)
from training.sweeps.trials import Trial

EPISODES = "episodes"
MAX_FILES = 20_000


def run_trials_on_cluster(
    trials: Sequence[Trial], folder: Path, address: str, cpus: int, say: Callable[[str], None]
) -> list[TrialOutcome]:
    """Run ``trials``, each on ``cpus`` processors of the cluster at ``address``; logs go to ``folder``.

    A trial that fails does not stop the others. SIGINT and SIGTERM end every running trial and raise
    KeyboardInterrupt. Raises UserError when there is no cluster, or a run was started on this machine.
    """
    for trial in trials:
        if run_folder(trial.run).exists():
            raise RunError(
                f"run {trial.run} was started on this machine: continue without --ray-address, or remove its"
                " folder"
            )
    for part in ("configs", "logs"):
        made_folder(folder / part)
    requests = [_request(trial, cpus) for trial in trials]
    inbox: queue.SimpleQueue[tuple[Trial, Callable[[], bytes]]] = queue.SimpleQueue()
    outcomes: list[TrialOutcome] = []
    cluster = Cluster(address)
    try:
        with terminations_as_interrupts():
            for trial, request in zip(trials, requests, strict=True):
                cluster.task(trial_here, cpus, request, partial(_put, inbox, trial))
            while len(outcomes) < len(trials):
                outcomes.append(_outcome(*inbox.get(), folder))
                say(outcome_line(outcomes[-1], len(outcomes), len(trials)))
    finally:
        cluster.close()
    return outcomes


def _put(
    inbox: queue.SimpleQueue[tuple[Trial, Callable[[], bytes]]], trial: Trial, answer: Callable[[], bytes]
) -> None:
    inbox.put((trial, answer))


def _request(trial: Trial, cpus: int) -> bytes:
    """The encoded description of a trial that is sent to a machine."""
    task = resolve_task(trial.config)
    config = task.on_this_machine().with_settings(workers=min(cpus, trial.config.num_envs)).config
    return encode(
        {
            "run": trial.run,
            "config": config.model_dump(mode="json"),
            "game": task.game.name,
            "rom_sha1": task.game.sha1,
            "starts": [_start_sent(task, *start) for start in task.starts],
        }
    )


def _start_sent(task: Task, start: StartState, weight: float) -> dict[str, Any]:
    """A start state for another machine; without its data if the same script makes it there."""
    named = start.name in task.game.start_names
    return {"name": start.name, "weight": weight, "data": None if named else start.data}


def _outcome(trial: Trial, answer: Callable[[], bytes], folder: Path) -> TrialOutcome:
    name = f"{trial.variant}.s{trial.seed}"
    write_json(folder / "configs" / f"{name}.json", trial.config.model_dump(mode="json"))
    try:
        result = decode(answer())
        (folder / "logs" / f"{name}.txt").write_bytes(result["log"])
        _keep(trial, result["files"])
    except Exception as error:  # from the machine, from Ray, or in the result itself
        return TrialOutcome(trial, None, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    summary = finished_summary(trial)
    log = result["log"].decode("utf-8", "replace")
    return TrialOutcome(trial, summary, None if summary else failure_in(log, result["status"]))


def _keep(trial: Trial, files: dict[str, bytes]) -> None:
    """Write a run's folder atomically; its config is the trial's, with this machine's ROM."""
    target = run_folder(trial.run)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{trial.run}.") as fresh:
        for name, data in files.items():
            parts = PurePosixPath(name).parts
            if not parts or any(part in ("/", "..") for part in parts) or not isinstance(data, bytes):
                raise BadMessage(f"a run folder with a file {name!r}")
            path = Path(fresh, "run", *parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if files:
            write_json(Path(fresh, "run", "config.json"), trial.config.model_dump(mode="json"))
            Path(fresh, "run").rename(target)


# --- on the other machine ---


def trial_here(request: bytes) -> bytes:
    """Train one trial in a process on this machine; returns its log, exit status and run files, encoded."""
    trial = decode(request)
    with tempfile.TemporaryDirectory(prefix="trial-") as root:
        log = Path(root, "log.txt")
        try:
            command = [sys.executable, str(PROGRAM), "--config", str(_config_here(trial, Path(root)))]
        except UserError as error:
            return encode({"log": f"error: {error}".encode(), "status": 2, "files": {}})
        with log.open("wb") as output:
            status = subprocess.run(
                [*command, "--run-name", trial["run"]],
                env={**os.environ, "POKERED_RUNS": root}, stdout=output, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, check=False,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            ).returncode  # fmt: skip
        return encode({"log": log.read_bytes(), "status": status, "files": _files(Path(root, trial["run"]))})


def _config_here(trial: dict[str, Any], root: Path) -> Path:
    """Write the trial's config with this machine's ROM and start state. Raises UserError."""
    config = TrainConfig.model_validate_json(json.dumps(trial["config"]))
    game = game_here(trial["rom_sha1"], trial["game"], Path(config.rom or ""))
    sent = enumerate(trial["starts"])
    starts = {_start_here(start, root / str(number)): start["weight"] for number, start in sent}
    one = len(starts) == 1
    changes = {
        "rom": str(game.rom),
        "game": game.name if game.assumed else None,
        "start": next(iter(starts)) if one else None,
        "starts": None if one else starts,
    }
    path = root / "config.json"
    path.write_text(config.model_copy(update=changes).model_dump_json(), "utf-8")
    return path


def _start_here(start: dict[str, Any], folder: Path) -> str:
    """Return the name of a start state, or the path in ``folder`` to which its data is written."""
    if start["data"] is None:
        return str(start["name"])
    folder.mkdir()
    path = folder / PurePosixPath(start["name"]).name
    path.write_bytes(start["data"])
    return str(path)


def _files(run: Path) -> dict[str, bytes]:
    """A run's files by path relative to its folder, without recorded episodes when it is too large."""
    paths = [path for path in sorted(run.rglob("*")) if path.is_file()]
    if len(paths) > MAX_FILES or sum(path.stat().st_size for path in paths) > MAX_TREE // 2:
        paths = [path for path in paths if path.relative_to(run).parts[0] != EPISODES]
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in paths}
