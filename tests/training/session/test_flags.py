"""Flags of train_ppo.py: type, default and text of settings come from the schema."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest

from tests.paths import ROOT
from training.cli.parsing import UsageError, parse
from training.config.schema import TrainConfig
from training.session.flags import MARKS, TrainFlags

OF_A_SESSION = {
    *("config", "run_name", "resume", "accept_changes", "init_from"),
    *("stop_after", "use_graphics", "ignore_memory", "ignore_implausible", "export_sb3"),
    *("seeds", "jobs"),
}
"""Flags that are no settings: the plan handles them."""
SWITCHES = {
    *("fast_text", "bfloat16", "torch_deterministic", "mlflow", "wandb"),
    *("normalize_value", "normalize_input"),
}
OFF_SWITCHES = {"value_bootstrap", "truncate_grads"}
"""Switches for what is on by default: --no-NAME."""
HELP = """
import sys
from training import train_ppo
try:
    train_ppo.main(["--help"])
except SystemExit:
    print("heavy:", *{"numpy", "torch", "gymnasium", "stable_baselines3"} & sys.modules.keys())
"""


@pytest.fixture(scope="module")
def help_text() -> str:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True, cwd=ROOT)
    return re.sub(r"[\s│╭╮╰╯─]+", " ", done.stdout)


def test_every_flag_is_a_setting_or_handled_by_the_plan() -> None:
    assert {f.name for f in fields(TrainFlags)} == MARKS.keys() | OF_A_SESSION
    assert MARKS.keys() <= TrainConfig.model_fields.keys()
    values = {"preset": "small", "device": "cpu", "start": "bedroom", "rom": "x.gb", "game": "red"}
    values |= {"normalize_advantage": "batch", "lr_schedule": "linear", "lr_adapt_per": "update"}
    for name in MARKS.keys() - SWITCHES - OFF_SWITCHES:
        flag = "--" + name.replace("_", "-")
        assert name in parse(TrainFlags, [flag, values.get(name, "1")], "train_ppo.py").overrides()
    for name in SWITCHES:
        assert parse(TrainFlags, ["--" + name.replace("_", "-")], "x").overrides() == {name: True}
    for name in OFF_SWITCHES:
        assert parse(TrainFlags, ["--no-" + name.replace("_", "-")], "x").overrides() == {name: False}
    assert parse(TrainFlags, [], "x").overrides() == {}


@pytest.mark.parametrize(
    ("arguments", "overrides"),
    [
        (["--n-steps", "64"], {"n_steps": 64}),
        (["--learning-rate", "1e-3"], {"learning_rate": 1e-3}),
        (["--step-timeout", "2"], {"step_timeout": 2.0}),
        (["--total-steps", "9"], {"total_steps": 9}),
        (["--preset", "small"], {"preset": "small"}),
        (["--gamma", "0.997"], {"gamma": 0.997}),
        (["--normalize-advantage", "minibatch"], {"normalize_advantage": "minibatch"}),
        (["--num-envs", "auto"], {}),
        (["--num-envs", "8"], {"num_envs": 8}),
        (["--workers", "2"], {"workers": 2, "ray_address": None}),
        (["--workers", "ray", "--ray-address", "h:1"], {"ray_address": "h:1"}),
    ],
)
def test_values_have_the_type_of_the_setting(arguments: list[str], overrides: dict[str, Any]) -> None:
    found = parse(TrainFlags, arguments, "x").overrides()
    assert found == overrides
    assert [type(value) for value in found.values()] == [type(value) for value in overrides.values()]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--n-steps", "2.5"], "--n-steps 2.5 must be a whole number"),
        (["--ent-coef", "linear"], "--ent-coef linear must be a number"),
        (["--game", "green"], "--game green must be one of blue, clover, red"),
        (["--workers", "many"], "--workers many must be a whole number or ray"),
        (["--normalize-advantage", "no"], "--normalize-advantage no must be one of batch, minibatch, off"),
        (["--no-truncate-grad"], "--no-truncate-grad is not a flag of x; did you mean --no-truncate-grads?"),
    ],
)
def test_values_of_another_type_are_refused_in_one_line(arguments: list[str], line: str) -> None:
    with pytest.raises(UsageError, match=re.escape(line)):
        parse(TrainFlags, arguments, "x").overrides()


def test_help_imports_nothing_heavy(help_text: str) -> None:
    assert help_text.endswith("heavy: ")


def test_track_is_another_name_of_wandb() -> None:
    assert parse(TrainFlags, ["--track"], "train_ppo.py").overrides() == {"wandb": True}


@pytest.mark.parametrize("name", sorted(MARKS))
def test_help_has_the_description_and_the_default_of_the_setting(help_text: str, name: str) -> None:
    field, no = TrainConfig.model_fields[name], "no-" if name in OFF_SWITCHES else ""
    flag = f"--{no}{name.replace('_', '-')}"
    found = re.search(rf" {flag} (.*?)(?= --[a-z-]+ (?:[A-Z{{]|$)|$)", help_text)
    assert found is not None
    assert str(field.description).split(";")[0].removesuffix(".") in found[1]
    shown = field.default is not None and name not in SWITCHES | OFF_SWITCHES
    assert ("(default: " in found[1].split(";")[-1]) == shown
    if shown:
        assert f"(default: {field.default})" in found[1]


@pytest.mark.parametrize(
    "look",
    [
        *("--n-steps N ", "--gamma X ", "--step-timeout S ", "--rom PATH ", "--preset {small,medium,large} "),
        *("--num-envs N|auto ", "--workers N|ray ", "--ray-address HOST:PORT ", "--fast-text Keep "),
        "(default: one per core); ray: run on the machines of a Ray cluster.",
    ],
)
def test_help_shows_placeholders(help_text: str, look: str) -> None:
    assert look in help_text
