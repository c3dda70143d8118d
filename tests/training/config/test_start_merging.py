"""Starts of a config: "start" and "starts", which replace each other, and every wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from training.config.files import ConfigError
from training.config.loading import load_config
from training.environments.task import resolve_task

Write = Callable[..., Path]


def test_a_config_with_a_start_that_the_game_does_not_have_says_which_it_has(write: Write) -> None:
    config = load_config(write({"start": "gym9"}))
    line = r'"gym9": neither a start of clover nor a file; .* known: power on, bedroom, starter, .*league'
    with pytest.raises(UserError, match=line):
        resolve_task(config)


def test_start_and_starts_replace_each_other(write: Write) -> None:
    write({"starts": {"starter": 0.5, "gym1": 2}}, "base.json")
    assert load_config(write({"extends": "base.json"})).starts == {"starter": 0.5, "gym1": 2.0}
    own = load_config(write({"extends": "base.json", "starts": {"route1": 1, "starter": 1}}))
    assert own.starts == {"route1": 1.0, "starter": 1.0}
    one = load_config(write({"extends": "base.json", "start": "bedroom"}))
    assert (one.start, one.starts) == ("bedroom", None)
    flag = load_config(write({"extends": "base.json"}), {"start": "gym1"})
    assert (flag.start, flag.starts) == ("gym1", None)
    back = load_config(write({"start": "bedroom"}), {"starts": {"gym1": 1.0}})
    assert (back.start, back.starts) == (None, {"gym1": 1.0})
    assert load_config(write(own.model_dump_json(), "resolved.json")) == own


def test_the_order_of_starts_is_kept(write: Write) -> None:
    config = load_config(write({"starts": {"starter": 1, "bedroom": 1, "route1": 1}}))
    again = load_config(write(config.model_dump_json(), "again.json"))
    assert list(again.starts or ()) == ["starter", "bedroom", "route1"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            {"start": "bedroom", "starts": {"starter": 1}},
            r'x.json: starts and start "bedroom" cannot be given together',
        ),
        ({"starts": {}}, r"starts \{\} must not be empty"),
        ({"starts": {"starter": 0}}, r"starts.starter 0 is out of range: must be greater than 0"),
        ({"starts": {"starter": -1}}, r"starts.starter -1 is out of range: must be greater than 0"),
        ({"starts": {"starter": "much"}}, r'starts.starter "much" must be a number'),
        ({"starts": ["starter"]}, r'starts \["starter"\] must be an object'),
        ({"starts": "starter"}, r'starts "starter" must be an object'),
    ],
)
def test_wrong_starts_give_one_line(write: Write, content: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as error:
        load_config(write(content))
    assert "\n" not in str(error.value)


def test_an_unknown_start_among_several_is_refused(write: Write) -> None:
    config = load_config(write({"starts": {"starter": 1, "startre": 1}}))
    with pytest.raises(UserError, match=r'"startre".*did you mean "starter"'):
        resolve_task(config)
