"""What ships holds no path of the machine that it was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.errors import UserError
from tests.paths import ROOT
from training.config.loading import load_config
from training.shipping.portable import portable, portable_config


def test_settings_of_a_machine_are_left_to_their_defaults() -> None:
    given = {"workers": 2, "num_envs": 4, "device": "cpu", "start": "route1", "gamma": 0.9, "wandb": True}
    config = load_config(None, given).model_copy(update={"sweep": "s", "sweep_config": "/home/me/s.json"})
    values = portable_config(config, "mine")
    assert (values["start"], values["gamma"], values["num_envs"], values["rom"]) == (
        "route1",
        0.9,
        4,
        "embedded",
    )
    assert (values["workers"], values["device"], values["sweep_config"]) == (None, "auto", None)
    assert values["sweep"] is None and values["wandb"] is False


def test_demonstrations_are_left_to_the_provenance() -> None:
    init = {"demonstrations": "/home/me/set"}
    cloned = portable_config(load_config(None, {"init": init, "total_steps": 0}), "mine")
    assert (cloned["init"], cloned["total_steps"]) == (None, None)
    trained = portable_config(load_config(None, {"init": init, "total_steps": 512, "bc_coef": 0.1}), "mine")
    assert (trained["init"], trained["bc_coef"], trained["total_steps"]) == (None, 0.0, 512)
    load_config(None, {key: value for key, value in cloned.items() if key != "rewards"})


def test_a_run_that_needs_files_of_this_machine_is_refused(tmp_path: Path) -> None:
    config = load_config(None)
    start, term, rom = tmp_path / "my.state", f"{tmp_path}/mine.py:Bonus", tmp_path / "red.gb"
    for changes, line in (
        ({"start": str(start)}, f"run mine: start names {start}, which is a file of this machine"),
        ({"reward_terms": {term: 1.0}}, f"run mine: reward_terms names {term}, which is a file"),
        ({"rom": str(rom)}, f"run mine plays {rom}: only policies for the embedded cartridge ship"),
    ):
        with pytest.raises(UserError) as error:
            portable_config(config.model_copy(update=changes), "mine")
        assert line in str(error.value)


def test_absolute_paths_are_shortened() -> None:
    command = [
        "/usr/bin/python3.11",
        f"{ROOT}/training/train_ppo.py",
        "--config",
        "/tmp/a/b.json",
        "--seed",
        "3",
    ]
    assert portable(command) == ["python3.11", "training/train_ppo.py", "--config", "b.json", "--seed", "3"]
    facts = {"made_by": "file /home/me/my.state", "share": 0.5, "page": "https://x.org/a/b", "file": "a/b"}
    assert portable(facts) == {**facts, "made_by": "file my.state"}
