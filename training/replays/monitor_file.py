"""The recorded episodes of a run as a monitor.csv, the format of stable-baselines3's Monitor.

``stable_baselines3.common.monitor.load_results`` and the plots of rl-baselines3-zoo read it: a line with "#"
and JSON, then a row for each episode with its return ``r``, its length ``l`` in steps and its end ``t`` in
seconds since ``t_start`` (Unix seconds), in the order in which episodes ended.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from envs.episodes.file_format import Header, read_header
from envs.errors import UserError
from envs.files import write_atomically
from training.config.loading import load_config
from training.replays.episode_folder import Entry
from training.replays.episode_list import episodes_of
from training.runs.folder import RunError
from training.runs.lookup import newest
from training.runs.manifest import read_manifest

FILE = "monitor.csv"
ENV_ID = "PokemonRed-v0"
COLUMNS = ("r", "l", "t", "is_success")
Ended = tuple[float, Header]  # Unix seconds, and the episode's header


def write_monitor(run: Path, folder: Path) -> str:
    """Write ``folder``/monitor.csv with the recorded episodes of ``run``.

    Returns a line that describes it, and a second one if the run had more episodes than are recorded. Raises
    UserError if none are recorded, the times of their files are not those of the run, or the file cannot be
    written.
    """
    episodes = list(_in_order(run, episodes_of(run).in_order))
    if not episodes:
        raise RunError(f"run {run.name}: all of its recorded episodes are damaged")
    begun = _begun(run)
    if episodes[0][0] < begun or not _is_order_of_play([header for _, header in episodes]):
        raise RunError(
            f"run {run.name}: its episodes' files do not have the times of the run, which order them; copy a"
            " run with its times (cp -p, rsync -t)"
        )
    ended = max(_numbered(episodes), _counted(run))
    about = {"t_start": begun, "env_id": ENV_ID, "run": run.name, "episodes_ended": ended}
    path = folder / FILE
    try:
        write_atomically(path, _text(about, episodes).encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    line = f"{path}: {len(episodes):,} episodes of {run.name}, for stable_baselines3's load_results"
    return line if len(episodes) == ended else f"{line}\n{_missing(run, len(episodes), ended)}"


def _in_order(run: Path, entries: Sequence[Entry]) -> Iterator[Ended]:
    """Yield the sound episodes in the order in which they ended."""
    for entry in entries:
        try:
            yield entry.time / 1e9, read_header(entry.path)
        except UserError:
            continue  # damaged, or pruned meanwhile by the run


def _begun(run: Path) -> float:
    """Return when the run's first session started, in Unix seconds. Raises UserError if that is not known."""
    sessions = read_manifest(run)["sessions"]
    try:
        return datetime.fromisoformat(sessions[0]["started"]).timestamp()
    except (IndexError, KeyError, TypeError, ValueError):
        raise RunError(f"run {run.name}: its manifest.json does not say when it started") from None


def _is_order_of_play(headers: Sequence[Header]) -> bool:
    """Whether the episodes of each environment are in the order of their numbers."""
    last: dict[int, int] = {}
    for header in headers:
        if header.number <= last.get(header.environment, -1):
            return False
        last[header.environment] = header.number
    return True


def _numbered(episodes: Sequence[Ended]) -> int:
    """Return how many episodes ended at least: each environment numbers them from 0."""
    return sum({header.environment: header.number + 1 for _, header in episodes}.values())


def _counted(run: Path) -> int:
    """Return how many episodes had ended at the newest checkpoint."""
    counts: dict[str, Any] = newest(run).trainer["extra"].get("counts", {})
    return int(counts.get("episodes", 0))


def _text(about: dict[str, Any], episodes: Sequence[Ended]) -> str:
    text = io.StringIO()
    text.write(f"#{json.dumps(about)}\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for time, header in episodes:
        since = round(time - about["t_start"], 6)
        rows.writerow(
            [round(header.episode_return, 6), header.steps, since, bool(header.stats.get("success"))]
        )
    return text.getvalue()


def _missing(run: Path, recorded: int, ended: int) -> str:
    config = load_config(run / "config.json")
    every = config.record_every
    skipped = f"not recorded (record_every {every}), " if every > 1 else ""
    return (
        f"only {recorded:,} of {ended:,} episodes: the others were {skipped}pruned (episodes_mb"
        f" {config.episodes_mb}), lost or damaged; a plot over steps counts these alone"
    )
