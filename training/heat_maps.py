"""Pictures of where a run's agents were: ``python training/heat_maps.py RUN``.

One PNG for each of the busiest maps and one of all of them, from the samples that the run kept.
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

if TYPE_CHECKING:  # with it comes stable-baselines3, which most mistakes do not need
    from callbacks.exploration import Visits


@dataclass(frozen=True)
class HeatMapFlags:
    """Draw where a run's agents were, over the maps of its game.

    From exploration/visits.npz, which counts every sample of the run, or from the last samples in
    agent_stats.npz where there is no such file.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    out: File = None
    """Folder for the pictures; exploration/ in the run's when left out."""


def main(arguments: Sequence[str]) -> int:
    """Draw and say where. Returns the exit status; raises UserError for wrong input."""
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
    """The places that the run's samples saw. Raises UserError when it has none, or they are damaged."""
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
