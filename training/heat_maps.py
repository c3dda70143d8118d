"""Heat maps of where a run's agents were: ``python training/heat_maps.py RUN``.

It draws one PNG for each of the busiest maps and one of all of them, from the samples of the run.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.errors import UserError
from training.cli.parsing import File, parse, run_program

if TYPE_CHECKING:  # importing it imports stable-baselines3, which most error messages do not need
    from callbacks.exploration import Visits


@dataclass(frozen=True)
class HeatMapFlags:
    """Draw where a run's agents were, over the maps of its game.

    It reads exploration/visits.npz, which counts all samples of the run. If that is missing, it reads the
    last samples in agent_stats.npz.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    out: File = None
    """Folder for the pictures (default: exploration/ in the run's folder)."""


def main(arguments: Sequence[str]) -> int:
    """Draw the maps and print their paths. Returns the exit status. Raises UserError for wrong input."""
    flags = parse(HeatMapFlags, arguments, "heat_maps.py")
    from training.runs.lookup import find_run

    run = find_run(flags.run)
    from callbacks.exploration import write_pictures
    from training.config.loading import load_config
    from training.drawing.map_drawings import MapDrawings
    from training.environments.task import game_of

    visits = read_visits(run)
    game = game_of(load_config(run / "config.json"))
    folder = flags.out or run / "exploration"
    try:
        paths = write_pictures(visits, MapDrawings(game), folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from error
    samples = sum(visits.counts.values())
    print(f"{samples:,} samples on {len(visits.by_map())} maps: {paths[0]} and {len(paths) - 1} more")
    return 0


def read_visits(run: Path) -> Visits:
    """Read the places that the run's agents visited. Raises UserError if they are missing or damaged."""
    import numpy as np

    from callbacks.agent_stats import FILE_NAME
    from callbacks.exploration import VISITS, Visits

    for path, key in ((run / "exploration" / VISITS, "places"), (run / FILE_NAME, "samples")):
        if not path.is_file():
            continue
        try:
            with np.load(path, allow_pickle=False) as file:
                rows = file[key]
            if key == "places":
                return Visits.of_array(rows)
            visits = Visits()
            for map_id, y, x in rows[["map_id", "y", "x"]].tolist():
                visits.add(map_id, y, x)
        except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: is damaged ({type(error).__name__})") from None
        return visits
    raise UserError(f"run {run.name} has no samples of where its agents were yet")


if __name__ == "__main__":
    run_program(main)
