"""docs/config.md: its tables are those of the code, and nothing in them is empty or leads nowhere."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from envs.game_boy.rom import ROM_VARIABLE
from envs.start_states.cache import CACHE_VARIABLE
from tests import config_page
from tests.paths import ROOT
from training.config.loading import SECTIONS
from training.config.schema import TrainConfig
from training.foreign_configs import cleanrl, rl_games, sb3_zoo
from training.runs.folder import RUNS_VARIABLE
from training.runs.shipped import POLICIES_VARIABLE


def page() -> str:
    return config_page.PAGE.read_text("utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert page() == config_page.page_with_tables(page()), "run python -m tests.config_page"


SECTIONS_WITH_TABLES = [model for name, model in SECTIONS.items() if name not in config_page.KINDS_OF_OBJECTS]


@pytest.mark.parametrize("model", [TrainConfig, *SECTIONS_WITH_TABLES])
def test_every_setting_has_a_meaning(model: type[BaseModel]) -> None:
    assert [key for key, field in model.model_fields.items() if not field.description] == []


def test_ranges_are_those_that_are_checked() -> None:
    properties = TrainConfig.model_json_schema()["properties"]
    assert config_page.range_of(properties["gamma"]) == "above 0 to 1"
    assert config_page.range_of(properties["clip_range_vf"]) == "above 0 to 1,000,000"
    assert config_page.coefficient_row("battle_weak_decay", 0).split("|")[2] == " from 0 to 1 "
    assert config_page.coefficient_row("stuck_after", 512).split("|")[2] == " from 1 to 1,000,000 "
    assert config_page.coefficient_row("penalty_wall", 0).split("|")[2] == " from -1,000,000 to 0 "


def test_every_environment_variable_is_explained() -> None:
    files = [
        path for room in ("envs", "training", "callbacks", "rewards") for path in (ROOT / room).rglob("*.py")
    ]
    read = {
        name
        for path in files
        for name in re.findall(r'"(POKERED_\w+|POKEMON_RED_ROM|OMP_\w+)"', path.read_text("utf-8"))
    }
    assert read >= {ROM_VARIABLE, CACHE_VARIABLE, RUNS_VARIABLE, POLICIES_VARIABLE}
    for name in read:
        assert len(re.findall(rf"^\| `{name}` \| [^|]+ \| [^|]+ \|$", page(), re.MULTILINE)) == 1, name


def test_links_lead_to_pages_and_headings() -> None:
    for target in set(re.findall(r"\]\(([^)]+)\)", page())):
        name, _, anchor = target.partition("#")
        text = (ROOT / "docs" / name).read_text("utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target


COMMAND = "python ppo.py --num-minibatches 2 --vf-coef 1 --target-kl 0.03"
RL_GAMES = {
    "critic_coef": 3,
    "normalize_advantage": True,
    "minibatch_size": 64,
    "minibatch_size_per_env": 16,
    "clip_value": True,
    "lr_schedule": "adaptive",
    "kl_threshold": 0.01,
    "schedule_type": "standard",
    "max_epochs": 7,
    "max_frames": 9999,
    "grad_norm": 2.0,
    "truncate_grads": True,
    "save_frequency": 3,
    "e_clip": 0.1,
    "num_actors": 4,
    "horizon_length": 64,
    "reward_shaper": {},
}


def test_computed_names_become_the_settings_that_the_page_says() -> None:
    """A name is one of a setting: its translation sets it, to what no config without the name would have."""
    content = {"params": {"config": RL_GAMES, "network": {}}}
    assert set(rl_games.COMPUTED.values()) <= rl_games.translate(content).settings.keys()
    assert set(rl_games.COMPUTED) <= RL_GAMES.keys()
    assert set(cleanrl.COMPUTED.values()) <= cleanrl.translate(COMMAND).settings.keys()
    assert set(cleanrl.COMPUTED) <= cleanrl.PPO.keys()
    assert set(sb3_zoo.COMPUTED.values()) <= sb3_zoo.translate({"n_timesteps": 1e6}).settings.keys()
