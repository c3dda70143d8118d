"""Custom reward terms: how they are found, and that every mistake is reported in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from envs.ram import GameState
from rewards.custom_terms import CustomTerm, load_custom_terms, resolve_terms
from rewards.stack import RewardStack
from tests.rewards.play import START
from training.config.files import ConfigError
from training.config.loading import load_config

GOOD = """
class Good:
    layer = "dense"

    def __call__(self, before, now, memory):
        return 1
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_layer_component_and_name_come_from_the_class(tmp_path: Path) -> None:
    term = CustomTerm(f"{write(tmp_path, GOOD)}:Good")
    assert (term.name, term.layer, term.component) == ("mine:Good", "dense", "exploration")
    term.reset(START)
    assert term(START, START, RewardStack({}).memory) == 1.0
    assert term.snapshot() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Other:\n    layer = 'dense'\n", "there is no Good in"),
        ("def Good(before, now, memory):\n    return 1\n", "Good is a function, it must be a class"),
        (
            "class Good:\n    def __call__(self, *_):\n        return 1\n",
            "layer is missing: it must be one of",
        ),
        ("class Good:\n    layer = 'thin'\n", "layer is 'thin': it must be one of dense, sparse, very"),
        (
            "class Good:\n    layer = 'dense'\n    component = 'x'\n",
            "component is 'x': it must be one of",
        ),
        ("class Good:\n    layer = 'dense'\n", "the class has no __call__"),
        (
            "class Good:\n    def __init__(self, x):\n        self.x = x\n",
            "missing 1 required positional argument: 'x'",
        ),
        ("import nothing_of_that_name\n", "importing it raised ModuleNotFoundError"),
        ("class Good\n", "importing it raised SyntaxError"),
        ("x = 1 / 0\n", "importing it raised ZeroDivisionError: division by zero (mine.py, line 1)"),
    ],
)
def test_a_class_that_is_not_a_term_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=r"^reward term [^\n]*mine\.py:Good: [^\n]*$") as error:
        CustomTerm(f"{write(tmp_path, text)}:Good")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("/nowhere/mine.py:Good", "there is no file /nowhere/mine.py"),
        ("no_such_module_here:Good", "there is no module no_such_module_here (nor, beside the config"),
        (
            "no_such_folder.mine:Good",
            "no module no_such_folder (nor, beside the config, a file no_such_folder/mi",
        ),
        ("mine.py", "must be FILE.py:CLASS or MODULE:CLASS"),
        ("mine.py:", "must be FILE.py:CLASS"),
        ("mine.py:a-b", "must be FILE.py:CLASS"),
    ],
)
def test_a_missing_or_malformed_spec_is_refused(spec: str, said: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        load_custom_terms({spec: 1.0})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def reset(self, state):\n        state.bag[7]", "reset() raised IndexError"),
        (
            "def reset(self, state):\n        self.x = {1, 2}",
            "attributes must be numbers, strings, lists",
        ),
        ("def __call__(self, *_):\n        return None", "step 1 gave None: it must be a finite number"),
        ("def __call__(self, *_):\n        return float('nan')", "step 1 gave nan"),
        (
            "def __call__(self, *_):\n        return 1e300",
            "step 1 gave 1e+300: it must be a finite number between",
        ),
        (
            "def __call__(self, *_):\n        return -2e9",
            "step 1 gave -2000000000.0: it must be a finite number",
        ),
        ("def __call__(self, *_):\n        return 10**400", "step 1 gave 10000000000000000000... (401 char"),
        ("def __call__(self, *_):\n        return float('-inf')", "step 1 gave -inf"),
        ("def reset(self, state):\n        self.x = {'$a': 1}", "none starting with $"),
        ("def snapshot(self):\n        return 1 / 0", "snapshot() raised ZeroDivisionError"),
        ("def __call__(self, *_):\n        exit(0)", "step 1 raised SystemExit: 0"),
        ("def __call__(self, *_):\n        return {}['a']", "step 1 raised KeyError: 'a' (mine.py, line 9)"),
    ],
)
def test_a_failing_term_is_reported_with_its_place(tmp_path: Path, body: str, said: str) -> None:
    text = f"{GOOD}\n    {body}\n"
    stack = RewardStack({}, own=load_custom_terms({f"{write(tmp_path, text)}:Good": 1.0}))
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        stack.reset(START)
        stack.step(START, START)
        stack.snapshot()
    assert said in str(error.value)


def test_a_failing_restore_is_reported(tmp_path: Path) -> None:
    text = f"{GOOD}\n    def restore(self, kept):\n        kept['gone']\n"
    term = CustomTerm(f"{write(tmp_path, text)}:Good")
    with pytest.raises(UserError, match=r"mine\.py:Good: restore\(\) raised KeyError: 'gone'"):
        term.restore({})


def test_the_largest_value_fits_single_precision(tmp_path: Path) -> None:
    spec = {f"{write(tmp_path, GOOD.replace('return 1', 'return 1e9'))}:Good": 1e6}
    step = RewardStack({}, {"dense": 1000.0}, own=load_custom_terms(spec)).step(START, START)
    assert np.isfinite(np.float32(step.total))


def test_a_term_may_have_its_own_snapshot(tmp_path: Path) -> None:
    text = f"""{GOOD}
    def reset(self, state):
        self.seen = {{state.map_id}}

    def snapshot(self):
        return sorted(self.seen)

    def restore(self, kept):
        self.seen = set(kept)
"""
    spec = {f"{write(tmp_path, text)}:Good": 1.0}
    stack, other = RewardStack({}, own=load_custom_terms(spec)), RewardStack({}, own=load_custom_terms(spec))
    stack.reset(GameState(map_id=7))
    other.restore(stack.snapshot())
    assert other.snapshot()["own"] == [[7]]


def test_a_file_is_found_relative_to_the_config_that_names_it(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "below").mkdir()
    (tmp_path / "base.json").write_text(json.dumps({"reward_terms": {"mine.py:Good": 1.0}}))
    extends = {"extends": "../base.json", "reward_terms": {"os.path:Other": 2.0}}
    (tmp_path / "below" / "top.json").write_text(json.dumps(extends))
    config = load_config(tmp_path / "below" / "top.json")
    assert config.reward_terms == {f"{tmp_path / 'mine.py'}:Good": 1.0, "os.path:Other": 2.0}
    written = tmp_path / "config.json"
    written.write_text(config.model_dump_json())
    assert load_config(written).reward_terms == config.reward_terms
    assert resolve_terms({"mine:Good": 1.0}, tmp_path) == {f"{tmp_path / 'mine.py'}:Good": 1.0}


def test_wrong_terms_in_a_config_are_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for terms, said in (
        ({"mine": 1.0}, 'x.json: reward_terms: reward term "mine": must be FILE.py:CLASS'),
        ({"mine.py:Good": "much"}, '"much" must be a number'),
        ({"mine.py:Good": 1e9}, "must be a number between -1e+06 and 1e+06"),
    ):
        path.write_text(json.dumps({"reward_terms": terms}))
        with pytest.raises(ConfigError, match=r"^[^\n]*$") as error:
            load_config(path)
        assert said in str(error.value)


def test_a_name_shared_by_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    files = write(tmp_path, GOOD), write(tmp_path / "a", GOOD)
    with pytest.raises(UserError, match="mine:Good is named twice"):
        load_custom_terms({f"{path}:Good": 1.0 for path in files})
