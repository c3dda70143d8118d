"""Trials as local train_ppo.py processes, which resume what an earlier start of the sweep left unfinished."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from callbacks.stop_signals import stopping_signals
from envs.errors import UserError
from envs.files import write_json
from training.cli.progress import Progress
from training.config.loading import load_config
from training.history_db.run_facts import RECORD, read_json
from training.runs.folder import RunError, lock_run, made_folder, run_folder
from training.sweeps.trials import Trial

PROGRAM = Path(__file__).resolve().parents[1] / "train_ppo.py"
POLL = 0.2  # seconds
LOOK = 2.0  # seconds between two looks at the steps of running trials
EXIT_TIMEOUT = 60.0  # seconds to wait for a process of an earlier sweep to exit
PR_SET_PDEATHSIG = 1


class NotStarted(UserError):
    """The system did not start a trial's process; the message is one line."""


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended: its final summary, or the reason it failed."""

    trial: Trial
    summary: dict[str, Any] | None
    failure: str | None = None


def finished_summary(trial: Trial) -> dict[str, Any] | None:
    """Return the final summary of a trial that ran before, or None if it has not finished.

    Raises:
        RunError: a run of that name was made with different settings.
    """
    folder = run_folder(trial.run)
    if not (folder / "config.json").is_file():
        return None
    changes = trial.config.differences(load_config(folder / "config.json"))
    if changes:
        raise RunError(
            f"run {trial.run} was made with different settings ({', '.join(changes)}); choose another --name"
        )
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and summary.get("finished") else None


def run_trials(
    trials: Sequence[Trial], folder: Path, jobs: int, say: Callable[[str], None]
) -> list[TrialOutcome]:
    """Run ``trials``, at most ``jobs`` at a time; logs and configs go to ``folder``.

    A trial that fails does not stop the others. On SIGINT or SIGTERM the running trials save and stop, then
    KeyboardInterrupt is raised.
    """
    for part in ("configs", "logs"):
        made_folder(folder / part)
    waiting = list(trials)
    running: list[TrialProcess] = []
    outcomes: list[TrialOutcome] = []

    progress = TrialsProgress(trials)

    def note(outcome: TrialOutcome) -> None:
        outcomes.append(outcome)
        progress.clear()
        say(outcome_line(outcome, len(outcomes), len(trials)))

    with terminations_as_interrupts(), progress:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    trial = waiting.pop(0)
                    try:
                        running.append(TrialProcess(trial, folder))
                    except NotStarted as error:
                        note(TrialOutcome(trial, None, str(error)))
                for process in [process for process in running if process.ended]:
                    running.remove(process)
                    note(process.outcome())
                progress.look()
                time.sleep(POLL)
        except BaseException:
            for process in running:
                process.stop()
            raise
    return outcomes


class TrialsProgress(Progress):
    """Progress by the steps of all ``trials``, read from their folders."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        super().__init__("training", sum(trial.config.planned_steps for trial in trials), "step")
        self._folders = [run_folder(trial.run) for trial in trials]
        self._looked = 0.0
        self.begin_at(self._steps())

    def look(self) -> None:
        """Show the steps that are done by now, once in LOOK seconds."""
        if (now := time.monotonic()) - self._looked >= LOOK:
            self._looked = now
            self.reach(self._steps())

    def _steps(self) -> int:
        found = [read_json(folder / RECORD).get("steps") for folder in self._folders]
        return sum(steps for steps in found if isinstance(steps, int))


class TrialProcess:
    """A trial in a train_ppo.py process, with its config and log in ``folder``.

    Raises NotStarted if the system starts no more processes.
    """

    def __init__(self, trial: Trial, folder: Path) -> None:
        self.trial = trial
        config = folder / "configs" / f"{trial.variant}.s{trial.seed}.json"
        write_json(config, trial.config.model_dump(mode="json"))
        self._log = folder / "logs" / f"{trial.variant}.s{trial.seed}.txt"
        self._file: IO[bytes] = self._log.open("wb")
        try:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *_arguments(trial, config)],
                stdout=self._file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True,  # so that Ctrl-C reaches it once, from here only
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip
        except OSError as error:
            self._file.close()
            hint = " (see ulimit -u)" if error.errno == errno.EAGAIN else ""
            raise NotStarted(f"its process cannot be started: {error.strerror}{hint}") from error

    @property
    def ended(self) -> bool:
        """Whether the process has exited."""
        return self._process.poll() is not None

    def outcome(self) -> TrialOutcome:
        """Return the outcome of the process, which must have ended."""
        self._file.close()
        try:
            summary = finished_summary(self.trial)
        except UserError as error:
            return TrialOutcome(self.trial, None, str(error))
        if summary is not None:
            return TrialOutcome(self.trial, summary)
        log = self._log.read_text(encoding="utf-8", errors="replace")
        return TrialOutcome(self.trial, None, failure_in(log, self._process.returncode))

    def stop(self) -> None:
        """Let the process save, and wait until it exits."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._file.close()


def failure_in(log: str, status: int) -> str:
    """Return why a trial failed, from its log."""
    lines = log.strip().splitlines()
    errors = [line for line in lines if line.startswith("error:")]
    return f"exit status {status}; {(errors or lines or ['no output'])[-1]}"


def _arguments(trial: Trial, config: Path) -> list[str]:
    """Resume what an earlier start saved; start over if it saved nothing."""
    folder = run_folder(trial.run)
    _wait_until_unlocked(folder)
    # A run killed between its last checkpoint and its summary has no training left to resume.
    ended = (folder / "checkpoints" / "final").is_dir()
    if not ended and any((folder / "checkpoints").glob("[!.]*/trainer.json")):
        return ["--resume", trial.run, *trial.flags]
    shutil.rmtree(folder, ignore_errors=True)
    return ["--config", str(config), "--run-name", trial.run, *trial.first_flags, *trial.flags]


def _wait_until_unlocked(folder: Path) -> None:
    """Wait for a process of a killed sweep to finish saving; if it stays, the new process reports it."""
    end = time.monotonic() + EXIT_TIMEOUT
    while folder.is_dir() and time.monotonic() < end:
        with contextlib.suppress(RunError):
            lock_run(folder).close()
            return
        time.sleep(POLL)


def die_with_parent() -> None:
    """In the child: receive SIGTERM when the sweep process dies for any reason (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def terminations_as_interrupts() -> Iterator[None]:
    """Make SIGTERM and a closed terminal raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in stopping_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def outcome_line(outcome: TrialOutcome, number: int, of: int) -> str:
    """Return one line on how trial ``number`` of ``of`` ended."""
    trial = outcome.trial
    start = f"[{number}/{of}] {trial.variant}, seed {trial.seed}: "
    if outcome.summary is None:
        return f"{start}FAILED, {outcome.failure}"
    mean = outcome.summary.get("mean_return")
    shown = "no episode ended" if mean is None else f"mean return {mean:.2f}"
    return f"{start}{shown}, {outcome.summary['seconds']:.0f} s"
