"""Train PPO on the game: ``python training/train_ppo.py --config configs/smoke.json``.

A config becomes a run folder with checkpoints and curves; ``--help`` lists the flags.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training.cli.parsing import parse, run_program
from training.session.flags import TrainFlags


def main(arguments: Sequence[str]) -> int:
    """Parse, plan, train, report.

    Returns the exit status: 0, or 1 when an environment failed, training diverged, the last checkpoint could
    not be written, or one of several runs failed.

    Raises:
        UserError: the user's input is wrong (``run_program`` turns it into status 2).
    """
    flags = parse(TrainFlags, arguments, "train_ppo.py")
    # Imported where needed: torch takes seconds, and --help and most usage errors should be quick.
    if flags.seeds is not None:
        from training.session.several import train_several

        return train_several(flags)
    from training.session.plan import make_plan

    if flags.export_sb3 is not None:
        from training.runs.export_sb3 import check_path

        check_path(flags.export_sb3, "--export-sb3")
    plan = make_plan(flags)
    from envs.files import disk_may_refuse, write_json
    from envs.vec_env import WorkerFailed
    from training.runs.summary import run_report, summary_record
    from training.session.session import Diverged, NotSaved, train

    try:
        summary = train(plan)
    except (WorkerFailed, Diverged, NotSaved) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if summary.folder_exists:
        with disk_may_refuse(summary.folder / "summary.json"):
            write_json(summary.folder / "summary.json", summary_record(summary))
    print(run_report(summary))
    if flags.export_sb3 is not None:
        from training.runs.export_sb3 import export_sb3
        from training.shipping.model_card import card_beside

        print(export_sb3(summary.folder, None, flags.export_sb3))
        print(card_beside(summary.folder, None, flags.export_sb3))
    return 0


if __name__ == "__main__":
    run_program(main, lasting=True)
