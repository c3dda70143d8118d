"""Replay recorded episodes: ``python training/replay.py RUN --best --out best.mp4``.

Every replay is checked against hashes of the memory recorded with the episode.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tyro

from envs.paths import expanded, is_file
from training.cli.parsing import File, Name, Switch, UsageError, parse, run_program

if TYPE_CHECKING:
    from training.evaluation.insight import Thoughts

FORMATS = (".gif", ".mp4")
CHOICES = ("best", "milestone", "list", "all", "play", "champion")
ONLY_PLAY = ("greedy", "checkpoint", "seed", "start")


@dataclass(frozen=True)
class ReplayFlags:
    """Replay a recorded episode, verify its memory, and write it as MP4 or GIF.

    Below the screen the video shows the accumulated reward, milestones, battles and the pressed button; with
    --play also the probabilities of the buttons and the value that the policy expects.
    """

    what: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE|RUN")]
    """A recorded episode (RUN/episodes/*.episode), or a run's name or folder for its last episode;
    pretrained goes with --play."""
    best: Switch = False
    """With a run: the episode with the highest return."""
    milestone: Name = None
    """With a run: the episode that reached this milestone, such as badge1, in the fewest actions."""
    list: Switch = False
    """With a run: list its episodes."""
    all: Switch = False
    """With a run: verify all episodes (with --verify-only)."""
    play: Switch = False
    """With a run: let the trained policy play a new episode, with a seed not used in training."""
    champion: Switch = False
    """With a run that has a start archive: the whole way from its start to the furthest milestone."""
    verify_only: Switch = False
    """Verify without writing a file."""
    out: File = None
    """File to write; its suffix (.mp4 or .gif) decides the format (default: an .mp4 in the run's folder)."""
    actions: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Stop after N actions."""
    speed: Annotated[float | None, tyro.conf.arg(metavar="X", help_behavior_hint="")] = None
    """Speed relative to the real machine (default: so that the video takes about a minute, at least 1)."""
    rate: int = 15
    """Pictures per second, about."""
    scale: int = 3
    """Size relative to the screen of 160 x 144 pixels."""
    rom: File = None
    """Cartridge of the episode (default: found by its hash, as the run or POKEMON_RED_ROM names it)."""
    greedy: Switch = False
    """With --play: always choose the most likely action instead of sampling."""
    checkpoint: Name = None
    """With --play: final, best or a number of steps (default: the newest)."""
    seed: int = 0
    """With --play: seed of the episode."""
    start: Name = None
    """With --play: start state (default: the run's own)."""


def main(arguments: Sequence[str]) -> int:
    """Replay and print the result. Returns 1 if the memory differs. Raises UserError for wrong input."""
    flags = parse(ReplayFlags, arguments, "replay.py")
    _check(flags)
    what = expanded(flags.what, "episode")
    if is_file(what):
        chosen = [name for name in CHOICES if getattr(flags, name)]
        if chosen:
            raise UsageError(f"--{chosen[0]} goes with a run, and {flags.what} is a file")
        return _replay(flags, what)
    return _of_run(flags)


def _check(flags: ReplayFlags) -> None:
    for name, most in (("actions", 10_000_000), ("speed", 1000), ("rate", 50), ("scale", 8)):
        value = getattr(flags, name)
        if value is not None and not 0 < value <= most:
            raise UsageError(f"--{name} {value} is out of range: must be above 0, at most {most}")
    if flags.seed < 0:
        raise UsageError(f"--seed {flags.seed} is out of range: must be at least 0")
    chosen = [name for name in CHOICES if getattr(flags, name)]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} cannot be given together")
    unused = [name for name in ONLY_PLAY if getattr(flags, name)]
    if unused and not flags.play:
        raise UsageError(f"--{unused[0]} goes with --play")
    if flags.all and not flags.verify_only:
        raise UsageError("--all goes with --verify-only")
    if flags.list or flags.verify_only:
        return
    if flags.out is None:
        return
    if flags.out.suffix not in FORMATS:
        raise UsageError(f"--out {flags.out} must end in .mp4 or .gif")
    if not flags.out.parent.is_dir():
        raise UsageError(f"--out {flags.out}: there is no folder {flags.out.parent}")


def _of_run(flags: ReplayFlags) -> int:
    from training.runs.lookup import find_run

    run = find_run(flags.what)
    if flags.play:
        return _play(flags, run)
    if flags.champion:
        return _champion(flags, run)
    from training.replays.episode_list import chosen, listing, verify_all

    if flags.list:
        print(listing(run))
        return 0
    if flags.all:
        text, status = verify_all(run, flags.rom)
        print(text)
        return status
    return _replay(flags, chosen(run, flags.best, flags.milestone), run)


def _play(flags: ReplayFlags, run: Path) -> int:
    import tempfile

    from training.replays.new_episode import NewEpisode, play_new_episode

    with tempfile.TemporaryDirectory() as folder:
        wanted = NewEpisode(flags.actions, flags.seed, flags.greedy, flags.checkpoint, flags.rom, flags.start)
        path, thoughts = play_new_episode(run, Path(folder), wanted)
        return _replay(flags, path, run, thoughts)


def _champion(flags: ReplayFlags, run: Path) -> int:
    import tempfile

    from training.replays.champion import play_champion

    with tempfile.TemporaryDirectory() as folder:
        champion = play_champion(run, Path(folder), flags.rom)
        print(champion)
        return _replay(flags, champion.path, run)


def _replay(flags: ReplayFlags, path: Path, run: Path | None = None, thoughts: Thoughts | None = None) -> int:
    from training.replays.film_defaults import default_path, default_speed
    from training.replays.filming import Film, film
    from training.replays.replay_episode import describe, open_episode, verify

    source = replace(open_episode(path, flags.rom, run, flags.actions), shows_progress=True)
    outcome = verify(source)
    print(describe(source, outcome))
    if outcome.differs is not None:
        return 1
    if not flags.verify_only:
        out = flags.out or default_path(path, run)
        speed = flags.speed or default_speed(source)
        video = film(source, outcome.curves, Film(out, speed, flags.rate, flags.scale, thoughts))
        print(f"{out}: {video}")
    return 0


if __name__ == "__main__":
    run_program(main)
