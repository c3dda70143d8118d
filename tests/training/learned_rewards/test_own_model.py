"""Learned rewards of the user's: every mistake is one line that names the class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from tests.training.learned_rewards.rollouts import rollout, setting
from training.config.sections.intrinsic import OwnConfig
from training.learned_rewards.own_model import OwnModel

GOOD = """
import numpy as np

class Good:
    def __init__(self, scale=1.0):
        self.scale, self.seen, self.kept = scale, 0, np.zeros(2)

    def score(self, rollout):
        return self.scale * rollout.cells.astype(float)

    def state(self):
        return {"seen": self.seen, "kept": self.kept}

    def restore(self, state):
        self.seen, self.kept = state["seen"], state["kept"]
"""


def made(folder: Path, text: str, **settings: float) -> OwnModel:
    path = folder / "mine.py"
    path.write_text(text)
    return OwnModel(OwnConfig(kind=f"{path}:Good", settings=dict(settings)), setting(2))


def test_settings_are_arguments_and_update_may_be_left_out(tmp_path: Path) -> None:
    model = made(tmp_path, GOOD, scale=3.0)
    scores = model.score(rollout([[1, 2], [3, 4]]))
    assert scores.dtype == np.float32
    assert scores.tolist() == [[3, 6], [9, 12]]
    assert model.update(rollout([[1, 2]])) == {}
    assert model.random_steps == 0


def test_state_is_a_copy(tmp_path: Path) -> None:
    """A checkpoint in memory must not change while training continues."""
    text = GOOD.replace("return self.scale", "self.kept += 1\n        return self.scale")
    model = made(tmp_path, text)
    state = model.state()
    model.score(rollout([[1, 2]]))
    assert state["kept"].tolist() == [0, 0]
    model.restore({**state, "seen": 8})
    assert model.state()["seen"] == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class Good", "class Bad", "there is no Good in"),
        ("def state", "def status", "the class has no method state()"),
        ("scale=1.0", "scale", "Good() raised TypeError: "),
        (
            "rollout.cells.astype(float)",
            "np.ones(1)",
            "score() gave float64 of shape (1,): it must give numbers of shape (2, 2)",
        ),
        (
            "self.scale * rollout.cells.astype(float)",
            "np.full(rollout.shape, 'x')",
            "score() gave <U1 of shape",
        ),
        (
            "self.scale * rollout.cells.astype(float)",
            "[[1], [2, 3]]",
            "the array of score() raised ValueError",
        ),
        ("self.scale *", "float('nan') +", "score() gave nan: scores must be between -1e+09 and 1e+09"),
        ("self.scale *", "2e9 +", "score() gave 2000000000.0: scores must be"),
        ("self.scale *", "{}['a'] *", "score() raised KeyError: 'a' (mine.py, line 9)"),
        (
            'return {"seen": self.seen, "kept": self.kept}',
            "return {'a': {1}}",
            "state() must give plain values",
        ),
        (
            'return {"seen": self.seen, "kept": self.kept}',
            "return {'a': (step for step in range(3))}",
            "state() must give plain values, bytes and arrays: a generator is not",
        ),
        (
            'return {"seen": self.seen, "kept": self.kept}',
            "return {'a': np.array([{1}], object)}",
            "state() must give plain values, bytes and arrays: an array of object is not one of numbers",
        ),
        (
            'return {"seen": self.seen, "kept": self.kept}',
            "return 5",
            "state() gave a int: it must give a dict",
        ),
        (
            "def restore",
            "def update(self, rollout):\n        return 5\n\n    def restore",
            "update() must give a dict",
        ),
        (
            "def restore",
            "def update(self, rollout):\n        return {'a': 'b'}\n\n    def restore",
            "update() must",
        ),
        (
            "def restore",
            "def update(self, rollout):\n        return {'a': 10**400}\n\n    def restore",
            "update() must give a dict of finite numbers",
        ),
        (
            "def restore",
            "random_steps = -1\n\n    def restore",
            "random_steps is -1: it must be a whole number",
        ),
        ("def restore", "random_steps = 'x'\n\n    def restore", "random_steps is 'x': it must be"),
        ("def restore", "random_steps = 9\n\n    def restore", "but the class has no method warm_up()"),
        (
            "def restore",
            "def update(self, rollout):\n        1 / 0\n\n    def restore",
            "update() raised ZeroDivision",
        ),
    ],
)
def test_a_class_that_fails_is_refused_when_it_is_made(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError, match=r"^intrinsic [^\n]*mine\.py:Good: [^\n]*$") as error:
        made(tmp_path, GOOD.replace(old, new))
    assert said in str(error.value)


def test_curves_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    text = GOOD.replace(
        "def restore", "def update(self, rollout):\n        return {'a': np.float32(2)}\n\n    def restore"
    )
    assert made(tmp_path, text).update(rollout([[1, 2]])) == {"a": 2.0}


def test_a_failing_restore_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"restore\(\) raised KeyError: 'seen' \(mine.py, line 15\)"):
        made(tmp_path, GOOD).restore({})


def test_invalid_steps_may_have_any_score(tmp_path: Path) -> None:
    text = GOOD.replace("self.scale *", "np.where(rollout.valid, 1.0, np.nan) *")
    scores = made(tmp_path, text).score(rollout([[1, 2]], valid=[[1, 0]]))
    assert scores[0, 0] == 1
