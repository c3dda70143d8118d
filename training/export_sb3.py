"""Export for plain stable-baselines3: ``python training/export_sb3.py RUN --out PATH.zip``.

That is a policy with a model card, or with ``--monitor`` the episodes of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from training.cli.parsing import File, Name, UsageError, parse, run_program


@dataclass(frozen=True)
class ExportFlags:
    """Write a checkpoint's policy and optimizer as a zip for stable_baselines3.PPO.load, with a model card.

    It loads even if this project is not installed, since the zip contains the network's code, pickled. Load
    such a zip only if you trust its source. With --monitor, write the run's recorded episodes instead.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    out: File = None
    """File to write, and beside it its model card (default: policy.zip, unless --monitor is given)."""
    checkpoint: Name = None
    """final, best or a number of steps (default: the newest)."""
    monitor: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Folder for monitor.csv with the recorded episodes, which stable-baselines3's load_results and
    rl-baselines3-zoo's plots read."""


def main(arguments: Sequence[str]) -> int:
    """Export what is asked for. Returns the exit status. Raises UserError for wrong input."""
    flags = parse(ExportFlags, arguments, "export_sb3.py")
    if flags.monitor is not None and flags.out is None and flags.checkpoint is not None:
        raise UsageError(
            "--checkpoint has no effect with --monitor alone; --out PATH.zip exports the policy too"
        )
    out = Path("policy.zip") if flags.out is None and flags.monitor is None else flags.out
    from training.runs.export_sb3 import check_path
    from training.runs.lookup import find_run

    if out is not None:
        check_path(out)
    run = find_run(flags.run)
    if flags.monitor is not None:
        from training.replays.monitor_file import write_monitor

        print(write_monitor(run, flags.monitor))
    if out is not None:
        from training.runs.export_sb3 import export_sb3
        from training.shipping.model_card import card_beside

        print(export_sb3(run, flags.checkpoint, out))
        print(card_beside(run, flags.checkpoint, out))
    return 0


if __name__ == "__main__":
    run_program(main)
