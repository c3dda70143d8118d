"""Running a board: seed by seed, the missing runs, their evaluations, then the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.game.milestones import in_story_order
from training.boards.board_file import RANDOM, Board
from training.boards.entries import Track, trial_of
from training.boards.evaluations import Evaluations
from training.boards.kept_runs import KeptRuns
from training.boards.results import RunResult, TrackResults, fixed_players
from training.checkpoints.writing import numbered_checkpoints
from training.evaluation.players import open_milestones
from training.runs.folder import run_folder
from training.runs.lookup import run_checkpoint
from training.sweeps.local_jobs import TrialOutcome, finished_summary, run_trials
from training.sweeps.trials import Trial

FINAL = "final"


@dataclass(frozen=True)
class BoardRun:
    """A board that is being run: its name, its resolved tracks, its folder for logs and evaluations, and the
    results that outlive it."""

    name: str
    board: Board
    tracks: Sequence[Track]
    folder: Path
    kept: KeptRuns

    def trials(self, seed: int) -> list[Trial]:
        """Return the trials of one seed."""
        return [trial_of(self.name, track, method, seed) for track in self.tracks for method in track.methods]

    def all_trials(self) -> list[Trial]:
        """Return all trials, seed by seed, so that what is done of a stopped board is comparable."""
        return [trial for seed in self.board.seeds for trial in self.trials(seed)]

    def summary(self, trial: Trial) -> dict[str, Any] | None:
        """Return the final summary of a run, or None if it has not finished. Raises RunError."""
        track = next(track for track in self.tracks if trial.variant.startswith(f"{track.name}."))
        kept = self.kept.read(track, trial)
        return finished_summary(trial) if kept is None else kept.outcome.summary


def check_names(run: BoardRun) -> tuple[int, int]:
    """Return the numbers of finished and of missing runs.

    Raises RunError if a run's name is too long, or a run of that name has other settings.
    """
    trials = run.all_trials()
    for trial in trials:
        run_folder(trial.run)
    done = sum(run.summary(trial) is not None for trial in trials)
    return done, len(trials) - done


def run_board(
    run: BoardRun, jobs: int, say: Callable[[str], None], show: Callable[[Sequence[TrackResults]], None]
) -> list[TrackResults]:
    """Train and evaluate what is missing, ``jobs`` runs at a time (0: only evaluate what is finished).

    ``show`` gets the results after every seed. Returns those at the end. On SIGINT or SIGTERM the running
    runs save, then KeyboardInterrupt is raised.
    """
    known = {trial.run: TrialOutcome(trial, run.summary(trial)) for trial in run.all_trials()}
    for seed in run.board.seeds if jobs else ():
        missing = [trial for trial in run.trials(seed) if known[trial.run].summary is None]
        known |= {fresh.trial.run: fresh for fresh in run_trials(missing, run.folder, jobs, say)}
        if missing and seed != run.board.seeds[-1]:
            show(results(run, _tried(known), say))
    found = results(run, _tried(known), say)
    show(found)
    return found


def _tried(known: Mapping[str, TrialOutcome]) -> dict[str, TrialOutcome]:
    """Return the runs that finished or failed, without those that have not been started."""
    return {name: one for name, one in known.items() if one.summary is not None or one.failure is not None}


def results(
    run: BoardRun, outcomes: Mapping[str, TrialOutcome], say: Callable[[str], None]
) -> list[TrackResults]:
    """Evaluate every finished run of ``outcomes`` that is not evaluated yet; return all results."""
    kept = Evaluations(run.folder / "evaluations", say)
    return [_track_results(run, track, outcomes, kept) for track in run.tracks]


def _track_results(
    run: BoardRun, track: Track, outcomes: Mapping[str, TrialOutcome], kept: Evaluations
) -> TrackResults:
    episodes = run.board.episodes
    play = {name: kept.of_random if name == RANDOM else kept.of_scripted for name in fixed_players(track)}
    players = {name: one(track, episodes) for name, one in play.items()}
    runs: dict[str, list[RunResult]] = {}
    for method in track.methods:
        trials = [trial_of(run.name, track, method, seed).run for seed in run.board.seeds]
        known = [outcomes[name] for name in trials if name in outcomes]
        runs[method] = [_run_result(run, track, outcome, kept) for outcome in known]
    return TrackResults(track, in_story_order(open_milestones(track.task.episodes)), players, runs)


def _run_result(run: BoardRun, track: Track, outcome: TrialOutcome, evaluations: Evaluations) -> RunResult:
    board, known = run.board, run.kept.read(track, outcome.trial)
    if known is not None or outcome.summary is None:
        return known or RunResult(outcome)
    folder = run_folder(outcome.trial.run)
    along = points_of(folder / "checkpoints", board.budget, board.points)
    wanted = [*((name, board.point_episodes) for name in along), (FINAL, board.episodes)]
    try:
        played = [
            evaluations.of_checkpoint(track, folder, run_checkpoint(folder, name), n) for name, n in wanted
        ]
    except UserError as error:  # the others go on
        return RunResult(TrialOutcome(outcome.trial, None, f"cannot be evaluated: {error}"))
    result = RunResult(outcome, played)
    run.kept.write(track, result)
    return result


def points_of(checkpoints: Path, budget: int, points: int) -> list[str]:
    """Return the checkpoints at the planned points of a run, the untrained one first and without the last.

    For every point it is the first checkpoint that is not before it.
    """
    saved = sorted(int(path.name) for path in numbered_checkpoints(checkpoints))
    planned = [budget * number / points for number in range(points)]
    first = (next((steps for steps in saved if steps >= point), None) for point in planned)
    return [str(steps) for steps in dict.fromkeys(first) if steps is not None]
