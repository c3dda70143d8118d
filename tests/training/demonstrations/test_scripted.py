"""Demonstrations of the scripted player: in the agent's actions, seeded, and marked where they are random."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.errors import ProgramError, UserError
from envs.game_boy.emulator import BUTTONS
from training.demonstrations.demo_set import DemonstrationSet, read_set
from training.demonstrations.making import make_scripted_set
from training.demonstrations.scripted import ScriptedPlay


def record(out: Path, play: ScriptedPlay) -> DemonstrationSet:
    return make_scripted_set(out, play, lambda _: None)


def test_a_seed_gives_the_same_episodes_again(short_set: DemonstrationSet, tmp_path: Path) -> None:
    again = record(tmp_path / "again", ScriptedPlay(2, until="second town", noise=0.2))
    for one, other in zip(again, short_set, strict=False):
        assert one.episode.actions == other.episode.actions
        assert one.noise == other.noise
    assert len({one.episode.header.wait_frames for one in short_set}) == 3


def test_another_seed_gives_other_episodes(short_set: DemonstrationSet, tmp_path: Path) -> None:
    other = record(tmp_path / "other", ScriptedPlay(1, until="second town", noise=0.2, seed=2))
    assert other.read(0).episode.actions != short_set.read(0).episode.actions


def test_only_random_actions_are_marked(short_set: DemonstrationSet) -> None:
    """About 6 of 7 random actions differ from the player's, so with noise 0.2 a share of 0.17 is marked."""
    steps = sum(one.episode.header.steps for one in short_set)
    marked = sum(len(one.noise) for one in short_set)
    assert 0.08 < marked / steps < 0.28
    marked_actions = {one.episode.actions[index] for one in short_set for index in one.noise}
    assert len(marked_actions) > 4, "random actions are drawn from all buttons"


def test_without_noise_nothing_is_marked_and_waits_are_buttons(tmp_path: Path) -> None:
    (demonstration,) = record(tmp_path / "exact", ScriptedPlay(1, until="parcel"))
    assert demonstration.noise == frozenset()
    pressed = {BUTTONS[action] for action in demonstration.episode.actions}
    assert {"up", "b"} <= pressed


def test_a_set_without_wild_battles_says_so(tmp_path: Path) -> None:
    (demonstration,) = record(tmp_path / "set", ScriptedPlay(1, until="second town", repel=True))
    assert demonstration.episode.header.settings["repel"] is True
    assert read_set(tmp_path / "set").manifest.source["repel"] is True


def test_a_player_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.demonstrations.scripted.SPARE", 0)
    with pytest.raises(ProgramError, match=r"reached champion in only 0 of 2 episodes from starter"):
        monkeypatch.setattr("training.demonstrations.scripted.MOST_STEPS", 30)
        record(tmp_path / "set", ScriptedPlay(1, until="champion"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"episodes": 0}, "--scripted 0 is out of range"),
        ({"episodes": 32}, "without --noise there are only 31 different episodes"),
        ({"episodes": 1, "noise": 0.95}, r"--noise 0\.95 is out of range"),
        ({"episodes": 1, "noise": float("nan")}, "--noise nan is out of range"),
        ({"episodes": 1, "seed": -1}, "--seed -1 is out of range"),
        ({"episodes": 1, "until": "the moon"}, 'goal "the moon" is not a milestone'),
        ({"episodes": 1, "start": "the moon"}, 'start "the moon": neither'),
        ({"episodes": 1, "until": "starter"}, '--until "starter": already reached at the start starter'),
    ],
)
def test_what_is_out_of_range_is_refused(tmp_path: Path, wanted: dict[str, float], line: str) -> None:
    with pytest.raises(UserError, match=line):
        record(tmp_path / "set", ScriptedPlay(**wanted))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_gets_the_first_badge_in_spite_of_noise(tmp_path: Path) -> None:
    (demonstration,) = record(tmp_path / "set", ScriptedPlay(1, start="gym1", noise=0.1))
    assert demonstration.episode.header.end == "terminated"
    assert read_set(tmp_path / "set").read(0) == demonstration
