"""What a run says before it starts: its game, and settings that do not do what they seem to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.game.catalog import EMBEDDED_ROM
from envs.game_boy.rom import ROM_VARIABLE
from tests.paths import CONFIGS
from tests.training.conftest import TINY, Program
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.session.notices import notices
from training.session.plan import Plan

Notices = Callable[..., list[str]]


@pytest.fixture
def lines(tmp_path: Path) -> Notices:
    """lines(config, **settings): the notices of a new run."""

    def read(config: str | Path | None = None, **settings: Any) -> list[str]:
        task = resolve_task(load_config(CONFIGS / config if config else None, settings))
        return list(notices(Plan(tmp_path / "run", task, None, False)))

    return read


def test_every_start_says_game_rom_and_start(lines: Notices, unknown_rom: Path) -> None:
    assert lines(**TINY) == [f"plays clover (embedded), ROM {EMBEDDED_ROM}, from bedroom (scripted)"]
    (line,) = lines(**{**TINY, "rom": str(unknown_rom), "game": "red"})
    assert line == f"plays red (as --game says), ROM {unknown_rom}, from bedroom (scripted)"


@pytest.mark.parametrize("variable", ["/nowhere/red.gb", "~nosuchuser/red.gb", os.fsdecode(b"caf\xe9.gb")])
def test_a_variable_that_is_not_played_is_told(
    lines: Notices, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It was ignored without a word where the config says "rom": "embedded"."""
    monkeypatch.setenv(ROM_VARIABLE, variable)
    line = lines("smoke.json", num_envs=2)[1]
    assert line.startswith(f"warning: {ROM_VARIABLE} is ")
    assert line.endswith('which this run does not play: --rom or its config\'s "rom" comes first')
    assert line.encode()


@pytest.mark.parametrize("variable", ["", "embedded", str(EMBEDDED_ROM)])
def test_a_variable_that_is_played_is_not(
    lines: Notices, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(ROM_VARIABLE, variable)
    assert not any(ROM_VARIABLE in line for line in lines(**TINY))


def test_steps_that_are_rounded_up_are_told_before(lines: Notices) -> None:
    """36,000 became 40,960 and, with --preset small, 4,096 became 12,288 without a word."""
    line = lines(**{**TINY, "total_steps": 100})[1]
    assert line == (
        "100 steps are rounded up to 128: training ends with a whole update of 64 steps (n_steps 32 x"
        " num_envs 2)"
    )
    assert len(lines(**TINY)) == 1


BATTLES = {"exploration_new_tile": 0, "battle_win": 5.0, "milestone_level_up": 2.0}


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"rewards": BATTLES}, "nothing is paid before the team has a creature, which it has not at bedroom"),
        ({"rewards": BATTLES, "start": "starter"}, None),
        ({"rewards": {**BATTLES, "exploration_new_tile": 0.1}}, None),
        ({"rewards": {**BATTLES, "milestone_event": 1.0}}, None),
        ({"rewards": {**BATTLES, "exploration_new_tile": 0.1}, "layers": {"dense": 0.0}}, "only battle_win"),
        ({"rewards": {"penalty_step": -1.0}}, "nothing is ever paid"),
        ({"rewards": {"battle_win": 1.0}, "layers": {"sparse": 0.0}}, "nothing is ever paid"),
        ({"goal": "starter", "start": "starter"}, 'goal "starter" is already reached at starter'),
        ({"goal": "starter"}, None),
        (
            {"rewards": BATTLES, "start": None, "starts": {"bedroom": 1.0, "power on": 1.0}},
            "at bedroom, power",
        ),
        ({"rewards": BATTLES, "start": None, "starts": {"bedroom": 1.0, "starter": 1.0}}, None),
        ({"goal": "starter", "start": None, "starts": {"bedroom": 1.0, "starter": 1.0}}, "at starter, so"),
    ],
)
def test_a_config_that_cannot_pay_from_its_start_warns(
    lines: Notices, settings: dict[str, Any], warned: str | None
) -> None:
    plain = {key: value for key, value in TINY.items() if key != "rewards"}
    found = [line for line in lines(**{**plain, **settings}) if "warning: " in line]
    assert len(found) == (warned is not None)
    assert warned is None or warned in found[0]


@pytest.mark.parametrize(
    ("version", "problem"),
    [("2.8.0", "pyboy 2.8.0 is an excluded release"), ("2.6.1", "pyboy 2.6.1 is older than 2.7")],
)
def test_a_package_that_the_doctor_refuses_is_told(
    lines: Notices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, problem: str
) -> None:
    """Its metadata come first on the path, as those of another installation would."""
    folder = tmp_path / "site" / f"pyboy-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pyboy\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert lines(**TINY)[0] == f"warning: {problem}; pip install -r requirements.txt"


@pytest.mark.slow
def test_a_run_counts_against_the_steps_that_it_will_take(
    program: Program, runs: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    config = tmp_path / "odd.json"
    config.write_text(json.dumps({**TINY, "total_steps": 100}))
    done = program("train_ppo", "--config", config, "--run-name", "odd")
    assert done.returncode == 0, done.stderr
    before, _, after = done.stdout.partition("run odd: 128 steps, 2 environments")
    assert "plays clover (embedded), ROM " in before
    assert "100 steps are rounded up to 128" in before
    assert "128 of 128" in after
    assert "128 of 128 steps (100%)" in done.stderr
    summary = json.loads((runs / "odd" / "summary.json").read_text())
    assert (summary["steps"], summary["wanted_steps"], summary["finished"]) == (128, 128, True)
    assert json.loads((runs / "odd" / "manifest.json").read_text())["training_steps"] == 128
    line = refused("train_ppo", "--resume", "odd")
    assert line == (
        "run odd has completed all its 128 steps; --resume odd --total-steps N --accept-changes trains it on,"
        " with N above 128"
    )


def test_settings_of_a_cluster_warn_without_one(lines: Notices) -> None:
    assert not any("ray_address" in line for line in lines(**TINY))
    (line,) = [
        line for line in lines(**TINY, envs_per_actor=4, ray={"processors": 2}) if "ray_address" in line
    ]
    assert line.startswith("warning: envs_per_actor and ray: no effect without ray_address")


def test_a_goal_that_ends_what_demonstrations_pay_for_is_a_warning(lines: Notices) -> None:
    amp = {"kind": "amp", "demonstrations": str(CONFIGS / "demonstrations" / "first_badge")}
    settings = {**TINY, "start": "starter", "observations": ["place", "progress"]}
    said = [line for line in lines(**settings, goal="second town", intrinsic=amp) if "amp" in line]
    assert len(said) == 1
    assert said[0].startswith('warning: goal "second town" ends episodes early, and amp pays for every step')
    assert not [line for line in lines(**settings, intrinsic=amp) if "amp" in line]


def test_a_reward_that_is_never_paid_is_named_an_ablation(lines: Notices) -> None:
    near = {"kind": "near", "demonstrations": "set", "energy_reward_w": 0}
    settings = {**TINY, "start": "starter", "observations": ["place", "progress"]}
    assert "near: energy_reward_w is 0: its reward is computed but never paid, as an ablation" in lines(
        **settings, intrinsic=near
    )
    faded = {**near, "energy_reward_w": {"kind": "linear", "start": 1.0, "end": 0.0}}
    assert not [line for line in lines(**settings, intrinsic=faded) if "near" in line]
