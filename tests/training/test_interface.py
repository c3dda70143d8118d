"""What people type, read and keep: flags, config keys, info keys and TensorBoard keys that exist stay.

``interface.json`` was made at the commit before the code was sorted into rooms (eae53df), and names that
people rely on are added to it; one that is missing breaks somebody's script.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from envs.game.maps import MAP_NAMES
from tests.training.conftest import Program
from training.config import TrainConfig, load_config
from training.make_env import make_vec_env

KEPT: dict[str, Any] = json.loads(Path(__file__).with_name("interface.json").read_text())
EVERYTHING = {
    "start": "route1",
    "max_steps": 512,  # enough for battles to end, without which there is no rate of those that are won
    "num_envs": 2,
    "workers": 1,
    "n_steps": 256,
    "batch_size": 256,
    "total_steps": 3072,
    "save_interval": 1536,
    "device": "cpu",
    "eval_every_steps": 1536,
    "eval_episodes": 1,
    "agent_stats_every": 1,
    "rewards": {"exploration_new_tile": 0.1, "battle_start_bonus": 1.0},
    "ent_coef_final": 0.001,
    "normalize_value": True,
    "layers": {"dense": {"kind": "fade_out", "after": 0.3}},
}
"""Settings with which a short run logs all that a run can log."""


def missing(kept: list[str], found: set[str]) -> list[str]:
    return sorted(set(kept) - found)


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Names of the fields, those of sections with a dot."""
    names = {prefix + name for name in model.model_fields}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= keys_of(kind, f"{prefix}{name}.")
    return names


def test_every_key_of_a_config_is_there() -> None:
    assert missing(KEPT["config_keys"], keys_of(TrainConfig)) == []


PROGRAMS = {"fault_injection": "fault_injection.__main__"}


@pytest.mark.parametrize("name", sorted(KEPT["flags"]))
def test_every_flag_of_a_program_is_there(program: Program, name: str) -> None:
    done = program(PROGRAMS.get(name, name), "--help")
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"(?<![\w-])--[a-z0-9][a-z0-9-]*", done.stdout))
    assert missing(KEPT["flags"][name], found) == []


def test_every_key_of_info_is_there() -> None:
    settings = {"start": "route1", "max_steps": 40, "num_envs": 1, "workers": 1, "agent_stats_every": 1}
    env = make_vec_env(load_config(None, settings))
    env.seed(0)
    env.reset()
    buttons = np.random.default_rng(0)
    infos: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    for _ in range(120):
        _, _, dones, found = env.step(buttons.integers(0, 7, 1))
        infos[bool(dones[0])].update(found[0])
    env.close()
    assert missing(KEPT["info"], set(infos[False])) == []
    assert missing(KEPT["info_at_the_end"], set(infos[True])) == []
    assert missing(KEPT["episode_stats"], set(infos[True]["episode_stats"])) == []
    assert list(infos[False]["reward_components"]) == ["exploration", "battle", "milestone", "penalty"]


def test_every_key_of_tensorboard_is_there(program: Program, runs: Path, tmp_path: Path) -> None:
    config = tmp_path / "everything.json"
    config.write_text(json.dumps(EVERYTHING))
    result = program("train_ppo", "--config", config, "--run-name", "interface")
    assert result.returncode == 0, result.stderr
    found: set[str] = set()
    for file in (runs / "interface" / "tensorboard").iterdir():
        events = EventAccumulator(str(file))
        events.Reload()
        found |= {*events.Tags()["scalars"], *events.Tags()["images"]}
    # Which maps have a picture depends on where the agents were.
    names = {f"exploration/{name}": "exploration/MAP" for name in MAP_NAMES.values()}
    assert missing(KEPT["tensorboard"], {names.get(key, key) for key in found}) == []
