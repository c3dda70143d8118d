"""Observations of the user's own: how they are found, and that every mistake is reported in one line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from envs.observation_parts.own import OwnPart
from envs.observations import Observations
from envs.ram import GameState
from envs.visited import VisitedTiles
from training.config.files import ConfigError
from training.config.loading import load_config

SCREEN = np.zeros((144, 160), np.uint8)
COUNTER = """
class Counter:
    size, high = 2, 50

    def reset(self, state):
        self.began = state.money

    def __call__(self, state):
        return [min(state.money - self.began, 50), state.badge_count]
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_an_own_observation_is_seen_and_restored(tmp_path: Path) -> None:
    spec = f"{write(tmp_path, COUNTER)}:Counter"
    first, second = Observations(["badges", spec]), Observations(["badges", spec])
    assert first.space["mine:Counter"].high.tolist() == [50, 50]  # type: ignore[attr-defined]
    visited = VisitedTiles()
    first.reset(GameState(money=100), SCREEN)
    second.restore(first.snapshot())
    for own in (first, second):
        seen = own.encode(GameState(money=107, badges=3), visited)["mine:Counter"]
        assert seen.tolist() == [7, 2] and seen.dtype == np.uint8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Other:\n    pass\n", "there is no Own in"),
        ("def Own():\n    pass\n", "Own is a function, it must be a class"),
        (
            "class Own:\n    def __call__(self, s):\n        return []\n",
            "size is missing: it must be a whole",
        ),
        ("class Own:\n    size = 0\n", "size is 0: it must be a whole number from 1 to 4096"),
        ("class Own:\n    size, high = 1, 256\n", "high is 256: it must be a whole number from 1 to 255"),
        ("class Own:\n    size, high = 1, True\n", "high is True: it must be"),
        ("class Own:\n    size = 1\n", "the class has no __call__"),
        ("import nothing_of_that_name\n", "importing it raised ModuleNotFoundError"),
        ("x = 1 / 0\n", "importing it raised ZeroDivisionError: division by zero (mine.py, line 1)"),
        ("exit()\n", "importing it raised SystemExit: None (mine.py, line 1)"),
        ("class Own\n", "importing it raised SyntaxError: expected ':' (mine.py, line 1)"),
    ],
)
def test_a_class_that_is_no_observation_is_refused(tmp_path: Path, text: str, said: str) -> None:
    spec = f"{write(tmp_path, text)}:Own"
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        OwnPart(spec)
    assert str(caught.value).startswith(f"observation {spec}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("[1]", "gave [1]: it must be 2 whole numbers from 0 to 9"),
        ("[1, 10]", "gave [1, 10]: it must be 2 whole"),
        ("[1, -1]", "gave [1, -1]: it must be"),
        ("[0.5, 1]", "gave [0.5, 1]: it must be"),
        ("None", "gave None: it must be"),
        ("[1] * 4000", "...: it must be"),
        ("state.nothing", "__call__() raised AttributeError"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, returned: str, said: str) -> None:
    text = f"class Own:\n    size, high = 2, 9\n    def __call__(self, state):\n        return {returned}\n"
    part = OwnPart(f"{write(tmp_path, text)}:Own")
    with pytest.raises(UserError, match=re.escape(said)):
        part.content(GameState())


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    specs = [f"{write(tmp_path / folder, COUNTER)}:Counter" for folder in ("", "deep")]
    with pytest.raises(UserError, match="mine:Counter is named twice; rename one of the files"):
        Observations(specs)


def test_files_are_found_beside_the_config(tmp_path: Path) -> None:
    write(tmp_path, COUNTER)
    config = tmp_path / "x.json"
    for named in ("mine.py:Counter", "mine:Counter"):
        config.write_text(f'{{"observations": ["screen", "{named}"]}}')
        assert load_config(config).observations == ("screen", f"{tmp_path / 'mine.py'}:Counter")
    config.write_text('{"observations": ["mine.py:"]}')
    with pytest.raises(ConfigError, match=r'x\.json: observations: observation "mine.py:": must be FILE'):
        load_config(config)
