"""Saving moments and episodes of live play, in the folder of the run."""

from __future__ import annotations

from pathlib import Path

from envs.errors import UserError
from envs.start_states.manual_play import place_of, save_start
from training.demonstrations.by_hand import add_to_set, refuse_other_set
from training.live.game import LiveGame
from training.runs.shipped import results_folder

FOLDER = "by_hand"
MOST_STATES = 10_000


def save_demonstration(game: LiveGame, run: Path) -> str:
    """Add the episode, or the one before if nothing was played by hand in this one, to the run's set of
    demonstrations, in which only the actions of a person are imitated. Returns a line about it.

    Raises UserError if nothing was played by hand, or the set cannot be written.
    """
    out, episode = results_folder(run) / FOLDER / "demonstrations", game.to_keep()
    if not episode.pressed:
        raise UserError("nothing was played by hand: take over and press keys, then save the demonstration")
    refuse_other_set(game.task, out)
    return "demonstration " + add_to_set(game.task, episode, out)


def save_moment(game: LiveGame, run: Path) -> str:
    """Save the moment as a start state. Returns a line about it. Raises UserError if it cannot be written."""
    folder = results_folder(run) / FOLDER / "states"
    taken = {path.stem for path in folder.glob("*.state")}
    name = next(f"live-{n}" for n in range(1, MOST_STATES) if f"live-{n}" not in taken)
    path, emulator = folder / f"{name}.state", game.env.emulator
    made_by = f"run {run.name} at {game.checkpoint.steps} steps, {game.episode.hand_actions} actions by hand"
    save_start(emulator, game.task.game, path, made_by)
    return f"saved: {place_of(emulator)}; begin there with --start {path}"
