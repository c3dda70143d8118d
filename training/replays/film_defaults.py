"""Where a film goes and how fast it plays, unless the user says so."""

from __future__ import annotations

from pathlib import Path

from envs.game_boy.emulator import FRAMES_PER_SECOND
from training.replays.replay_episode import ReplaySource
from training.runs.shipped import results_folder

SECONDS = 60
"""Length of a film of a long episode."""


def default_speed(source: ReplaySource) -> float:
    """Return the speed at which the episode takes SECONDS, or 1 if that is slower than the real machine."""
    return max(1.0, source.steps * source.config.action_frames / float(FRAMES_PER_SECOND) / SECONDS)


def default_path(episode: Path, run: Path | None) -> Path:
    """Return an .mp4 named as the episode, in the run's folder; without a run, beside the episode.

    An episode in the folder "episodes" of a run belongs to that run. Raises RunError if there is no place.
    """
    if run is None and (episode.parent.parent / "config.json").is_file():
        run = episode.parent.parent
    folder = results_folder(run) if run is not None else episode.parent
    return folder / f"{episode.stem}.mp4"
