"""Make and inspect sets of demonstrations: ``python training/demonstrate.py --out SET --scripted 30``.

A set is a folder of recorded episodes with a manifest. A config that names it clones a policy from it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.paths import expanded
from training.cli.parsing import Count, File, Name, Switch, UsageError, flag, parse, run_program

if TYPE_CHECKING:
    from training.demonstrations.demo_set import DemonstrationSet

Probability = Annotated[float | None, flag("P", default="0")]
OF_THE_SCRIPT = ("start", "until", "noise", "seed")


@dataclass(frozen=True)
class DemonstrateFlags:
    """Make a set of demonstrations, or describe one and verify it by replaying every episode.

    The scripted player plays the embedded cartridge. play.py --record makes a set of what a person plays.
    """

    what: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SET")] = ""
    """With --info or --minari: folder of the set."""
    info: Switch = False
    """Describe the set and verify its episodes."""
    rom: File = None
    """With --info or --minari: cartridge of the episodes (default: found by its hash)."""
    out: File = None
    """New folder for the set."""
    scripted: Count = None
    """Record N episodes of the scripted player."""
    start: Annotated[str | None, flag("NAME", default="starter")] = None
    """With --scripted: start state."""
    until: Annotated[str | None, flag("MILESTONE", default="badge1")] = None
    """With --scripted: milestone that ends an episode, such as "third town" or badge1."""
    noise: Probability = None
    """With --scripted: probability that a random action, which is not cloned, replaces the player's."""
    seed: Annotated[int | None, flag("N", default="1")] = None
    """With --scripted: seed of waits and noise."""
    repel: Switch = False
    """With --scripted: prevent wild battles, which is an intervention."""
    from_: Annotated[Name, tyro.conf.arg(name="from", metavar="RUN", help_behavior_hint="")] = None
    """Copy the best recorded episodes of this run."""
    best: Annotated[int | None, flag("N", default="10")] = None
    """With --from: number of episodes, those with the highest returns."""
    minari: Annotated[str | None, flag("NAME")] = None
    """Export the set SET as the Minari dataset NAME, such as pokered/first-badge-v0."""
    config: File = None
    """With --minari: config whose observations and rewards are stored (default: the usual ones)."""


def main(arguments: Sequence[str]) -> int:
    """Make or describe a set. Returns 1 if a replay differs. Raises UserError for wrong input."""
    flags = parse(DemonstrateFlags, arguments, "demonstrate.py")
    _check(flags)
    if flags.info:
        return _describe(flags)
    if flags.minari is not None:
        return _export(flags, flags.minari)
    assert flags.out is not None
    found = _scripted(flags, flags.out) if flags.scripted is not None else _of_run(flags, flags.out)
    from training.demonstrations.demo_set import size_of

    size = size_of(found.folder) / 1000
    print(f"{found.folder}: {len(found)} episodes, {found.manifest.steps:,} steps, {size:.0f} kB")
    return 0


def _check(flags: DemonstrateFlags) -> None:
    """Raise UsageError for flags that are missing or do not go together."""
    of_a_set = "--info" if flags.info else "--minari" if flags.minari is not None else None
    if (of_a_set is not None) != bool(flags.what):
        raise UsageError(
            "SET must be given; see --help" if of_a_set else f"{flags.what} goes with --info or --minari"
        )
    ways = {
        "--info": flags.info,
        "--scripted": flags.scripted,
        "--from": flags.from_,
        "--minari": flags.minari,
    }
    chosen = [name for name, value in ways.items() if value is not None and value is not False]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} and {chosen[1]} cannot be given together")
    if not chosen:
        raise UsageError(
            "one of --scripted N, --from RUN, --info and --minari NAME must be given; see --help"
        )
    if of_a_set is None and flags.out is None:
        raise UsageError("--out SET must be given: the new folder for the set")
    owners = dict.fromkeys(OF_THE_SCRIPT, "--scripted") | {"best": "--from", "config": "--minari"}
    for name, owner in owners.items():
        if getattr(flags, name) is not None and owner != chosen[0]:
            raise UsageError(f"--{name} goes with {owner}")
    if flags.repel and chosen[0] != "--scripted":
        raise UsageError("--repel goes with --scripted")
    if flags.rom is not None and of_a_set is None:
        raise UsageError("--rom goes with --info or --minari")
    if of_a_set is not None and flags.out is not None:
        raise UsageError("--out goes with --scripted or --from")
    if flags.best is not None and not 1 <= flags.best <= 10_000:
        raise UsageError(f"--best {flags.best} is out of range: must be 1 to 10000")


def _scripted(flags: DemonstrateFlags, out: Path) -> DemonstrationSet:
    from training.demonstrations.making import make_scripted_set
    from training.demonstrations.scripted import ScriptedPlay

    given = {name: getattr(flags, name) for name in OF_THE_SCRIPT}
    chosen = {name: value for name, value in given.items() if value is not None}
    play = ScriptedPlay(flags.scripted or 0, repel=flags.repel, **chosen)
    return make_scripted_set(out, play, lambda line: print(line, flush=True))


def _of_run(flags: DemonstrateFlags, out: Path) -> DemonstrationSet:
    from training.demonstrations.demo_set import refuse_existing
    from training.demonstrations.making import make_set
    from training.replays.demonstrations import best_episodes, copy_episodes, refuse_several_roms, source_of
    from training.runs.lookup import find_run

    refuse_existing(out)
    run = find_run(flags.from_ or "")
    entries = best_episodes(run, flags.best or 10)
    refuse_several_roms(run, entries)
    return make_set(out, "run", source_of(run, entries), lambda folder: copy_episodes(entries, folder))


def _describe(flags: DemonstrateFlags) -> int:
    from training.demonstrations.demo_set import read_set
    from training.replays.demonstrations import describe_set

    text, status = describe_set(read_set(expanded(flags.what, "SET")), flags.rom)
    print(text)
    return status


def _export(flags: DemonstrateFlags, name: str) -> int:
    from training.demonstrations.demo_set import read_set
    from training.replays.demonstrations import export_set

    folder, steps = export_set(read_set(expanded(flags.what, "SET")), name, flags.config, flags.rom)
    print(f"{name}: {steps:,} steps in {folder}")
    return 0


if __name__ == "__main__":
    run_program(main)
