"""Whole numbers as people write them: on the command line of the programs, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from envs.errors import UserError
from training.cli.numbers import plain_number
from training.cli.parsing import Count, Name, parse
from training.session.flags import TrainFlags


@dataclass(frozen=True)
class SomeFlags:
    """Flags of three types."""

    steps: Count = 1
    name: Name = None
    rate: float = 0.5


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1e6", "1000000"),
        ("2.5e5", "250000"),
        ("1E+3", "1000"),
        ("300k", "300000"),
        ("1.5M", "1500000"),
        ("2g", "2000000000"),
        ("0k", "0"),
        ("12", "12"),
        ("1.0001k", "1.0001k"),
        ("1e-3", "1e-3"),
        ("k", "k"),
        ("-3k", "-3k"),
        ("1e6k", "1e6k"),
    ],
)
def test_numbers_are_written_out_where_they_are_whole(text: str, digits: str) -> None:
    assert plain_number(text) == digits


def test_only_flags_that_take_whole_numbers_are_changed() -> None:
    flags = parse(SomeFlags, ["--steps", "3k", "--name", "3k", "--rate", "1e3"], "some.py")
    assert flags == SomeFlags(3000, "3k", 1000.0)
    assert parse(SomeFlags, ["--steps=1e2"], "some.py").steps == 100


@pytest.mark.parametrize("text", ["1.5k5", "1e-2", "0.1e0", "many"])
def test_other_numbers_are_refused_as_before(text: str) -> None:
    with pytest.raises(UserError, match=f"--steps {text} must be a whole number"):
        parse(SomeFlags, ["--steps", text], "some.py")


def test_training_takes_steps_of_either_form() -> None:
    given = parse(TrainFlags, ["--total-steps", "1e6", "--stop-after=300k"], "train_ppo.py")
    assert (given.overrides(), given.stop_after) == ({"total_steps": 1_000_000}, 300_000)
