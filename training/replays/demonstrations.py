"""Demonstrations out of recorded episodes: the best of a run as a set, and what a set holds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from envs.episodes.file_format import read_header, read_start, start_path
from envs.files import write_atomically
from training.cli.progress import Progress
from training.cli.table import table
from training.config.loading import load_config
from training.demonstrations.demo_set import DemonstrationFile, DemonstrationSet, described, size_of
from training.demonstrations.minari_export import export_to_minari, new_dataset
from training.demonstrations.samples import IN_THE_GAME, open_demonstrations
from training.environments.task import resolve_task
from training.replays.episode_folder import Entry
from training.replays.episode_list import episodes_of
from training.replays.replay_episode import find_rom, open_episode, verify
from training.runs.folder import RunError
from training.runs.manifest import read_manifest


def best_episodes(run: Path, count: int) -> list[Entry]:
    """Return the ``count`` episodes of a run with the highest returns, or as many as there are.

    Those that began in its start archive continue other episodes and are left out. Raises UserError if no
    episode is left.
    """
    whole = [one for one in episodes_of(run).in_order if one.episode_return is not None and not one.archived]
    if not whole:
        raise RunError(f"run {run.name} has no whole episodes to make demonstrations of")
    return sorted(whole, key=lambda entry: -(entry.episode_return or 0.0))[:count]


def copy_episodes(entries: Sequence[Entry], folder: Path) -> list[DemonstrationFile]:
    """Copy episodes and their start states to ``folder``. Raises UserError for damaged ones, and OSError."""
    for entry in entries:
        shutil.copyfile(entry.path, folder / entry.path.name)
        start = start_path(folder, entry.start_sha256)
        if not start.exists():
            write_atomically(start, read_start(entry.path.parent, entry.start_sha256))
    return [described(folder / entry.path.name) for entry in entries]


def refuse_several_roms(run: Path, entries: Sequence[Entry]) -> None:
    """Raise UserError if ``entries`` were played on several cartridges: a set has one."""
    found = {read_header(entry.path).rom_sha1 for entry in entries}
    if len(found) > 1:
        raise RunError(f"run {run.name}: its episodes are of {len(found)} cartridges, but a set has one")


def source_of(run: Path, entries: Sequence[Entry]) -> dict[str, str | int | float | None]:
    """Return where episodes of a run come from, for the manifest of their set."""
    returns = [entry.episode_return for entry in entries]
    steps = read_manifest(run).get("training_steps")
    return {
        "run": run.name,
        "training_steps": steps if isinstance(steps, int) else None,
        "best": len(entries),
        "lowest_return": returns[-1],
    }


@dataclass(frozen=True, slots=True)
class _Whole:
    """A set of which nothing is held out; see NamesDemonstrations."""

    demonstrations: str
    held_out: float = 0.0


def export_set(
    found: DemonstrationSet, name: str, config_file: Path | None, rom: Path | None
) -> tuple[Path, int]:
    """Export a set as the Minari dataset ``name``. Returns its folder and the number of steps.

    ``config_file``: config whose observations and rewards are stored (None: the usual ones, in the way that
    the set was played). ``rom`` is the cartridge (None: search for it). Raises UserError for wrong input, and
    if an episode does not replay as it was recorded.
    """
    folder = new_dataset(name)
    header = found.read(0).episode.header
    config = load_config(config_file)
    settings: dict[str, object] = {"rom": str(find_rom(header, rom, config.rom))}
    if config_file is None:
        settings |= {key: header.settings[key] for key in IN_THE_GAME}
    task = resolve_task(config.model_copy(update=settings))
    open_demonstrations(_Whole(str(found.folder)), task)
    with Progress("export", len(found), "episode") as progress:
        for _ in export_to_minari(found, task, name):
            progress.step()
    return folder, found.manifest.steps


def describe_set(found: DemonstrationSet, rom: Path | None = None) -> tuple[str, int]:
    """Describe a set, and verify every episode by replaying it.

    ``rom`` is the cartridge (default: search for it). Returns the text, and 0, or 1 if the memory of an
    episode differs. Raises UserError if a file is damaged or the cartridge is missing.
    """
    manifest = found.manifest
    source = ", ".join(f"{name} {value}" for name, value in manifest.source.items() if value is not None)
    rows = [["episode", "steps", "random", "wait", "milestones", "the last", "memory"]]
    differ = 0
    for number, entry in enumerate(manifest.episodes):
        header = found.read(number).episode.header
        outcome = verify(open_episode(found.folder / entry.file, rom))
        differ += outcome.differs is not None
        agrees = "agrees" if outcome.differs is None else f"differs at step {outcome.differs:,}"
        last = f"{header.milestones[-1][1]} ({header.milestones[-1][0]:,})" if header.milestones else "-"
        counts = [header.steps, len(entry.noise), header.wait_frames, len(header.milestones)]
        rows.append([entry.file, *(f"{count:,}" for count in counts), last, agrees])
    lines = [
        f"{found.folder}: {len(found)} episodes, {manifest.steps:,} steps of {manifest.game},"
        f" {size_of(found.folder) / 1000:.0f} kB, made on {manifest.made_on}",
        f"  player: {manifest.player} ({source})",
        f"  ROM SHA-1 {manifest.rom_sha1}, set SHA-256 {found.sha256}",
        "",
        table(rows),
        "",
        f"{len(found) - differ} of {len(found)} episodes agree in memory",
    ]
    return "\n".join(lines), int(differ > 0)
