"""Make a policy that ships: ``python -m training.shipping RUN --name NAME``.

It writes policies/NAME with the weights, the config, an evaluation and the provenance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from envs.paths import expanded
from training.cli.parsing import File, Name, UsageError, parse, run_program


@dataclass(frozen=True)
class ShipFlags:
    """Make a policy that ships from a run's checkpoint, and evaluate it on held-out episodes.

    The config ships without what holds only on this machine. Programs that take a run find the policy by the
    name "pretrained", and verify its files.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Name of a run, or the path of its folder."""
    name: Annotated[str, tyro.conf.arg(metavar="NAME")]
    """Name of the policy's folder."""
    checkpoint: Name = None
    """final, best or a number of steps (default: the newest)."""
    episodes: int = 20
    """Held-out episodes of its evaluation, and of random buttons beside it."""
    to: File = None
    """Folder for policies (default: policies/ of this project, or POKERED_POLICIES)."""


def main(arguments: Sequence[str]) -> int:
    """Ship the policy and print its evaluation. Returns the exit status. Raises UserError for wrong input."""
    flags = parse(ShipFlags, arguments, "python -m training.shipping")
    if not 1 <= flags.episodes <= 10_000:
        raise UsageError(f"--episodes {flags.episodes} is out of range: must be 1 to 10000")
    from training.runs.lookup import find_run
    from training.runs.shipped import policies_root
    from training.shipping.shipping import Shipment, ship

    root = expanded(flags.to, "--to") if flags.to is not None else policies_root()
    shipment = Shipment(find_run(flags.run), flags.name, root, flags.checkpoint, flags.episodes)
    folder, text = ship(shipment)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{text}\n\n{folder}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    run_program(main)
