"""Configs: precedence, "extends", presets, and every error message."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import UserError, nearest
from envs.game_boy.rom import ROM_VARIABLE
from envs.observation_names import DEFAULT_OBSERVATIONS
from rewards.stack import DEFAULT_COEFFICIENTS
from tests.paths import CONFIGS, RUN_CONFIGS
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.task import game_of

SHIPPED = RUN_CONFIGS
Write = Callable[..., Path]


def test_defaults_are_the_documented_ones() -> None:
    config = load_config(None)
    assert (config.num_envs, config.total_multiplier, config.batch_size, config.n_epochs) == (16, 50, 512, 1)
    assert (config.gamma, config.ent_coef, config.learning_rate, config.clip_range) == (
        0.997,
        0.01,
        3e-4,
        0.2,
    )
    assert (config.vf_coef, config.max_grad_norm, config.gae_lambda, config.n_steps) == (0.5, 0.5, 0.95, 512)
    assert config.rewards == DEFAULT_COEFFICIENTS
    assert config.observations == DEFAULT_OBSERVATIONS


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_config_loads(path: Path) -> None:
    assert load_config(path).description


def test_battle_preset_has_its_documented_values() -> None:
    config = load_config(CONFIGS / "battle_focused_redesign.json", {"num_envs": 12, "total_multiplier": 200})
    assert (config.max_steps, config.n_steps, config.batch_size, config.n_epochs) == (4096, 1024, 1024, 4)
    assert config.training_steps == 4096 * 12 * 200
    assert config.rewards["battle_win"] == 60
    assert config.rewards["milestone_badge"] == 0, "a coefficient left out pays nothing"


def test_flag_beats_file_beats_extends_beats_preset_beats_defaults(write: Write) -> None:
    write({"preset": "small", "gamma": 0.9, "n_epochs": 2, "ent_coef": 0.3, "n_steps": 256}, "base.json")
    top = write({"extends": "base.json", "gamma": 0.8, "n_epochs": 3})
    config = load_config(top, {"gamma": 0.7})
    assert (config.gamma, config.n_epochs, config.ent_coef) == (0.7, 3, 0.3)
    assert (config.num_envs, config.n_steps) == (12, 256), "the preset's environments, the base's steps"
    assert config.vf_coef == 0.5


def test_extends_is_relative_to_the_file_and_sections_are_merged(tmp_path: Path, write: Write) -> None:
    (tmp_path / "bases").mkdir()
    write({"rewards": {"battle_win": 1.0, "battle_loss": -1.0}}, "bases/base.json")
    top = write({"extends": "bases/base.json", "rewards": {"battle_win": 2.0}})
    rewards = load_config(top, {"rewards": {"battle_start_bonus": 3.0}}).rewards
    assert (rewards["battle_win"], rewards["battle_loss"], rewards["battle_start_bonus"]) == (2.0, -1.0, 3.0)


def test_a_rom_is_found_from_the_folder_of_the_config_that_names_it(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    write({"rom": "meine Spiele/grün.gb"}, "base.json")
    config = write({"extends": "../base.json"}, "deep/x.json")
    monkeypatch.chdir(tmp_path / "deep")
    rom = str(tmp_path / "meine Spiele" / "grün.gb")
    assert load_config(config).rom == load_config("../base.json").rom == rom
    assert load_config(write({"rom": "../up.gb"}, "deep/y.json")).rom == str(tmp_path / "up.gb")
    assert load_config(write({"rom": rom}, "deep/y.json")).rom == rom
    assert load_config(write({"rom": "embedded"}, "deep/y.json")).rom == "embedded"
    with pytest.raises(UserError, match=f"ROM {rom}: cannot be read"):
        game_of(load_config(config))


def test_a_rom_elsewhere_is_found_from_the_working_folder(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In flags and the variable. A run keeps the full path, so that it goes on from anywhere."""
    config = write({"rom": "own.gb"})
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_config(config, {"rom": "a.gb"}).rom == str(tmp_path.parent / "a.gb")
    assert load_config(config, {"rom": "~/b c.gb"}).rom == str(tmp_path / "b c.gb")
    monkeypatch.setenv(ROM_VARIABLE, "c.gb")
    assert load_config(None).rom == str(tmp_path.parent / "c.gb")
    with pytest.raises(ConfigError, match=r"x\.json: rom: ROM ~nobody-of-that-name/x\.gb"):
        load_config(write({"rom": "~nobody-of-that-name/x.gb"}))
    with pytest.raises(ConfigError, match=r"--rom: .*null"):
        load_config(None, {"rom": "a\0b.gb"})


def test_total_steps_beats_the_multiplier(write: Write) -> None:
    assert load_config(write({"max_steps": 10, "num_envs": 4, "total_multiplier": 3})).training_steps == 120
    assert load_config(write({"max_steps": 10, "total_steps": 7})).training_steps == 7


WRONG = [
    ({"gama": 1}, "gama is not a key of {path}; did you mean gamma?"),
    ({"gamma": 1.5}, "{path}: gamma 1.5 is out of range: must be at most 1"),
    ({"gamma": "high"}, '{path}: gamma "high" must be a number'),
    ({"num_envs": 2.5}, "{path}: num_envs 2.5 must be a whole number"),
    ({"num_envs": True}, "{path}: num_envs true must be a whole number"),
    ({"num_envs": 0}, "{path}: num_envs 0 is out of range: must be at least 1"),
    ({"learning_rate": 0}, "{path}: learning_rate 0 is out of range: must be greater than 0"),
    ({"device": "tpu"}, '{path}: device "tpu" must be auto, cpu, cuda or cuda:N'),
    ({"preset": "smal"}, '{path}: preset "smal" must be one of small, medium, large'),
    ({"observations": ["scren"]}, "{path}: observations: scren is not an observation; did you mean screen?"),
    ({"observations": []}, "{path}: observations [] must not be empty"),
    ({"frames": 9}, "{path}: frames 9 is out of range: must be at most 8"),
    ({"frames": 0}, "{path}: frames 0 is out of range: must be at least 1"),
    ({"screen_size": "tiny"}, '{path}: screen_size "tiny" must be full, half or quarter'),
    (
        {"frames": 4, "observations": ["place"]},
        'frames 4 has no effect: observations do not include "screen"',
    ),
    ({"screen_size": "full", "observations": ["place"]}, "screen_size full has no effect: observations do"),
    ({"network": {"embedding": 0}}, "{path}: network.embedding 0 is out of range: must be at least 1"),
    ({"network": {"hiden": [4]}}, "hiden is not a key of {path}: network; did you mean hidden?"),
    ({"network": {"activation": "gelu"}}, '{path}: network.activation "gelu" must be relu, tanh or elu'),
    ({"network": {"init": "zero"}}, '{path}: network.init "zero" must be orthogonal or default'),
    ({"network": {"separate": 1}}, "{path}: network.separate 1 must be true or false"),
    (
        {"network": {"activation": "tanh", "hidden": []}},
        '{path}: network: activation "tanh" has no effect: hidden is empty',
    ),
    ({"normalize_value": "yes"}, '{path}: normalize_value "yes" must be true or false'),
    ({"normalise_value": True}, "normalise_value is not a key of {path}; did you mean normalize_value?"),
    (
        {"normalize_value": True, "vf_coef": 0},
        "normalize_value has no effect with vf_coef 0: values are not learned",
    ),
    ({"normalize_input": 1}, "{path}: normalize_input 1 must be true or false"),
    ({"reward_scale": 0}, "{path}: reward_scale 0 is out of range: must be greater than 0"),
    ({"reward_scale": -2}, "{path}: reward_scale -2 is out of range: must be greater than 0"),
    ({"reward_scale": 1e7}, "{path}: reward_scale 10000000.0 is out of range: must be at most 1000000"),
    ({"reward_scale": "big"}, '{path}: reward_scale "big" must be a number'),
    ({"reward_shift": -1e7}, "{path}: reward_shift -10000000.0 is out of range: must be at least -1000000"),
    ({"reward_shift": None}, "{path}: reward_shift null must be a number"),
    ({"clip_reward": 0}, "{path}: clip_reward 0 is out of range: must be greater than 0"),
    ({"clip_reward": [-1, 1]}, "{path}: clip_reward [-1, 1] must be a number"),
    ({"rewards": {"battle_wins": 1}}, 'unknown reward coefficient "battle_wins"; did you mean "battle_win"?'),
    ({"rewards": {"battle_win": -1}}, "battle_win is -1.0: it must be 0 or above"),
    ({"rewards": 3}, "{path}: rewards 3 must be an object {{...}}"),
    ({"extends": 3}, "{path}: extends 3 must be the path of a JSON or YAML file"),
    ({"extends": "none.json"}, "none.json: no such file"),
    ({"held_frames": 24}, "held_frames 24 must be less than action_frames 24"),
    ({"workers": 17}, "workers 17 must be at most num_envs 16"),
    ({"step_timeout": 0}, "{path}: step_timeout 0 is out of range: must be greater than 0"),
    ({"n_steps": 1, "num_envs": 1}, "PPO needs at least 2 steps in a rollout"),
    ("{", "{path}: not valid JSON: Expecting property name enclosed in double quotes (line 1, column 2)"),
    ("[]", "{path}: holds list, must be a JSON object"),
    ('{"gamma": NaN}', "{path}: NaN is not allowed in JSON"),
    ('{"gamma": 1e999}', "{path}: gamma Infinity must be a finite number"),
    ('{"seed": 1, "seed": 2}', "{path}: the key seed is given twice"),
    ("[" * 100_000, "{path}: nested too deeply"),
]


@pytest.mark.parametrize(("content", "line"), WRONG, ids=[str(line)[:40] for _, line in WRONG])
def test_wrong_configs_give_one_line(write: Write, content: dict[str, Any] | str, line: str) -> None:
    path = write(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert line.format(path=path) in message
    assert "\n" not in message


def test_a_flag_is_named_as_the_user_wrote_it(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"^--gae-lambda 2\.0 is out of range: must be at most 1$"):
        load_config(write({"gae_lambda": 0.5}), {"gae_lambda": 2.0})


def test_all_mistakes_are_reported_at_once(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"seed -1 is out.*; .*gamma 2 is out"):
        load_config(write({"gamma": 2, "seed": -1}))


def test_a_wrong_batch_size_names_sizes_that_divide(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write({"n_steps": 100, "num_envs": 6, "batch_size": 512}))
    assert str(caught.value) == (
        "batch_size 512 does not divide n_steps x num_envs = 100 x 6 = 600;"
        " nearest sizes that do: 200, 300, 600"
    )


def test_extends_in_a_circle_is_refused(write: Write) -> None:
    write({"extends": "b.json"}, "a.json")
    write({"extends": "a.json"}, "b.json")
    with pytest.raises(
        ConfigError, match=r'"extends" goes in a circle: .*a\.json -> .*b\.json -> .*a\.json$'
    ):
        load_config(write({"extends": "b.json"}, "a.json"))


UNREADABLE = {
    "missing": (None, "no such file"),
    "binary": (b"\xff\xfe\x00", "not a text file in UTF-8"),
    "empty": (b"\n", r"is empty, must be a JSON object"),
    "large": (b" " * 1_000_001, "too large for a config"),
}


@pytest.mark.parametrize("make", UNREADABLE)
def test_unreadable_files(tmp_path: Path, make: str) -> None:
    path = tmp_path / "y.json"
    content, line = UNREADABLE[make]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"y\.json: {line}"):
        load_config(path)
    with pytest.raises(ConfigError, match="is a folder, must be a JSON or YAML file"):
        load_config(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_never_ends_is_read_no_further_than_a_config_may_be_long(tmp_path: Path) -> None:
    pipe = tmp_path / "endless.json"
    os.mkfifo(pipe)

    def write() -> None:
        with suppress(BrokenPipeError), pipe.open("wb") as file:
            for _ in range(100):
                file.write(b" " * 1_000_000)

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(ConfigError, match=r"endless\.json: too large for a config"):
        load_config(pipe)
    writer.join()


def test_resolved_config_loads_to_itself(tmp_path: Path) -> None:
    config = load_config(CONFIGS / "smoke.json", {"preset": "small"})
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config.model_dump(mode="json")))
    assert load_config(path) == config
    assert config.differences(load_config(path)) == []


def test_minibatches_of_one_step_are_refused(write: Write) -> None:
    """stable-baselines3 has an AssertionError for them, once everything has been started."""
    config = write({"batch_size": 1, "n_steps": 8})
    with pytest.raises(ConfigError, match=r"x\.json: batch_size 1 is too small: PPO .* at least 2, or"):
        load_config(config)
    with pytest.raises(ConfigError, match="--batch-size 1 is too small"):
        load_config(None, {"n_steps": 8, "batch_size": 1})
    with pytest.raises(ConfigError, match=r"nearest sizes that do: 7$"):
        load_config(None, {"n_steps": 7, "num_envs": 1, "batch_size": 2})
    assert load_config(None, {"n_steps": 7, "num_envs": 1, "preset": "small"}).batch_size == 7
    assert load_config(None, {"n_steps": 8, "batch_size": 2}).batch_size == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("curriculum.json", "curriculum, which curriculum.py"),
        ("sweeps/space.json", "search space, which run_sweep.py --search"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(name: str, kind: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_config(CONFIGS / name)
    assert str(refusal.value) == f"{CONFIGS / name}: is a {kind} takes; must be a config of a run"


def test_differences_name_keys_of_sections_too() -> None:
    own = load_config(None)
    changed = load_config(None, {"gamma": 0.5, "network": {"events": 8}, "description": "other"})
    assert changed.differences(own) == ["gamma: 0.997 -> 0.5", "network.events: 32 -> 8"]


@given(st.sampled_from(sorted(TrainConfig.model_fields)), st.data())
def test_a_key_with_one_letter_left_out_is_recognised(key: str, data: st.DataObject) -> None:
    if len(key) < 6:
        return
    position = data.draw(st.integers(0, len(key) - 1))
    typed = key[:position] + key[position + 1 :]
    if typed not in TrainConfig.model_fields:
        found = nearest(typed, TrainConfig.model_fields)
        assert found is not None
        assert found[:1] == key[:1] or position == 0


@given(
    st.dictionaries(
        st.sampled_from(sorted(TrainConfig.model_fields)),
        st.sampled_from([None, True, -1, 0, 3, 10**20, 0.5, float("inf"), float("nan"), "", "a\nb", [1], {}]),
        max_size=4,
    )
)
def test_any_values_give_a_config_or_one_line(values: dict[str, Any]) -> None:
    try:
        load_config(None, values)
    except ConfigError as error:
        assert "\n" not in str(error)
        assert str(error)


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"gamma": 0.9}'), ("a.yaml", "gamma: 0.9\n")])
def test_a_byte_order_mark_is_no_part_of_a_config(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert load_config(path).gamma == 0.9
