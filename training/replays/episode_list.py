"""The episodes of a run, for replay.py: choosing one, listing them, and verifying all."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from envs.episodes.file_format import Header, read_header
from envs.errors import UserError
from training.cli.table import table
from training.replays.episode_folder import FOLDER, EpisodeFolder
from training.replays.replay_episode import open_episode, verify
from training.runs.folder import RunError


def episodes_of(run: Path) -> EpisodeFolder:
    """Return the recorded episodes of a run's folder. Raises RunError if there are none."""
    folder = EpisodeFolder(run / FOLDER)
    folder.refresh()
    if not folder.entries:
        raise RunError(f"run {run.name} has no recorded episodes in {run / FOLDER} (see record_every)")
    return folder


def chosen(run: Path, best: bool, milestone: str | None) -> Path:
    """Return the file of the ``best`` episode, the quickest to a ``milestone``, or the last.

    Raises UserError if there is none.
    """
    folder = episodes_of(run)
    if milestone is not None:
        return folder.quickest_to(milestone).path
    found = folder.best() if best else folder.in_order[-1]
    if found is None:
        raise RunError(f"run {run.name}: every file in {folder.folder} is damaged")
    return found.path


def listing(run: Path) -> str:
    """Return a line for each episode, oldest first."""
    folder = episodes_of(run)
    rows, damaged = [["episode", "steps", "return", "battles won", "milestones"]], []
    for entry in folder.in_order:
        try:
            rows.append(_row(entry.path.name, read_header(entry.path)))
        except UserError as error:
            damaged.append(f"  {error}")
    return "\n".join([f"{run.name}: {folder}", "", table(rows), *damaged])


def _row(name: str, header: Header) -> list[str]:
    milestones = ", ".join(f"{name} ({step:,})" for step, name in header.milestones)
    won = header.stats.get("battles_won", "-")
    return [name, f"{header.steps:,}", f"{header.episode_return:.2f}", str(won), milestones or "-"]


def verify_all(run: Path, rom: Path | None) -> tuple[str, int]:
    """Verify all episodes of a run. Returns lines for those that differ with a summary, and 0 or 1.

    Raises UserError if there are none, or ``rom`` is not their cartridge.
    """
    entries = episodes_of(run).in_order
    lines: list[str] = []
    steps = exact = other_rewards = 0
    for entry in tqdm(entries, unit="episode", leave=False, disable=None):
        try:
            source = open_episode(entry.path, rom, run)
            outcome = verify(source)
        except UserError as error:
            lines.append(str(error))
            continue
        if outcome.differs is not None:
            lines.append(f"{entry.path.name}: memory differs at step {outcome.differs:,}")
            continue
        exact, steps = exact + 1, steps + source.steps
        if outcome.other_rewards(source):
            other_rewards += 1
            lines.append(f"{entry.path.name}: rewards differ: {', '.join(outcome.other_rewards(source))}")
    lines.append(
        f"{len(entries):,} episodes: {exact:,} agree in memory ({steps:,} steps), {len(entries) - exact:,} do"
        f" not; rewards of {exact - other_rewards:,} agree"
    )
    return "\n".join(lines), int(exact < len(entries))
