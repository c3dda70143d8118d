"""The section "policy": kinds, files beside the config, and what has no effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.sections.policy import LstmConfig, OwnPolicyConfig, SequenceConfig

KINDS = 'must be an object whose "kind" is tiles, nature, lstm, gpt2 or FILE.py:CLASS'


def test_without_it_the_network_decides() -> None:
    assert load_config(None).policy is None
    assert load_config(None, {"network": {"cnn": "nature"}}).encoders.cnn == "nature"


def test_tiles_and_nature_are_encoders_of_pictures() -> None:
    assert load_config(None, {"policy": {"kind": "tiles"}}).encoders == load_config(None).network
    nature = load_config(None, {"policy": {"kind": "nature"}, "network": {"events": 8}})
    assert nature.encoders == load_config(None, {"network": {"cnn": "nature", "events": 8}}).network


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "nature"},
        {"kind": "lstm", "layers": 2},
        {"kind": "gpt2", "d_model": 64},
        {"kind": "a.b:C", "sequence": 16},
    ],
)
def test_it_survives_a_file(values: dict[str, Any]) -> None:
    config = load_config(None, {"policy": values})
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_a_class_is_found_beside_the_config_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "base.json").write_text(json.dumps({"policy": {"kind": "mine.py:Mine"}}))
    (tmp_path / "top.json").write_text(
        json.dumps({"extends": "below/base.json", "policy": {"settings": {"width": 3}}})
    )
    found = load_config(tmp_path / "top.json").policy
    assert found == OwnPolicyConfig(kind=f"{tmp_path / 'below' / 'mine.py'}:Mine", settings={"width": 3})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"policy": {"kind": "own_policy"}}, KINDS),
        ({"policy": {"kind": "gpt"}}, KINDS),
        ({"policy": {"settings": {}}}, KINDS),
        ({"policy": {"kind": "mine.py:"}}, 'policy "mine.py:": must be FILE.py:CLASS or MODULE:CLASS'),
        ({"policy": {"kind": "tiles", "width": 3}}, "width is not a key of --policy; known: kind"),
        (
            {"policy": {"kind": "tiles"}, "network": {"cnn": "nature"}},
            "policy tiles contradicts network.cnn nature",
        ),
        ({"policy": {"kind": "a:B", "sequence": 1}}, "policy.sequence 1 is out of range: must be at least 2"),
        ({"policy": {"kind": "lstm", "layers": 0}}, "policy.layers 0 is out of range: must be at least 1"),
        (
            {"policy": {"kind": "lstm"}, "network": {"separate": True}},
            "network.separate needs policy.separate",
        ),
        (
            {"policy": {"kind": "gpt2", "max_input_states": 1}},
            "policy.max-input-states 1 is out of range: must be at least 2",
        ),
        (
            {"policy": {"kind": "gpt2", "d_model": 100}},
            "policy.num_heads 8 does not divide policy.d_model 100; nearest numbers that do: 4, 5, 10",
        ),
        (
            {"policy": {"kind": "gpt2", "dropout": 0.1}},
            "policy.dropout 0.1 must be 0: PPO compares the log-probabilities of updates with those",
        ),
        (
            {"policy": {"kind": "gpt2"}, "network": {"separate": True}},
            "network.separate contradicts policy gpt2: one transformer takes",
        ),
        ({"policy": {"kind": "gpt2", "sequence": 3}}, "policy.sequence 3: a policy with memory learns"),
        ({"policy": {"kind": "lstm", "sequence": 3}}, "policy.sequence 3: a policy with memory learns"),
        (
            {"policy": {"kind": "a:B"}, "network": {"events": 8}},
            "network.events 8 has no effect with policy a:B",
        ),
        (
            {"policy": {"kind": "a:B"}, "normalize_input": True},
            "normalize_input has no effect with policy a:B",
        ),
    ],
)
def test_mistakes_are_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, values)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("given", "n_steps", "batch_size", "steps"),
    [(None, 512, 512, 64), (None, 40, 100, 20), (None, 2, 2, 2), (8, 32, 64, 8), (None, 1000, 250, 50)],
)
def test_steps_of_a_sequence(given: int | None, n_steps: int, batch_size: int, steps: int) -> None:
    assert SequenceConfig(kind="a:B", sequence=given).sequence_steps(n_steps, batch_size) == steps


@pytest.mark.parametrize(
    ("given", "said"), [(7, "policy.sequence 7: a policy with memory"), (None, "n_steps 9")]
)
def test_sequences_that_do_not_fit_are_refused(given: int | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SequenceConfig(kind="a:B", sequence=given).sequence_steps(9, 16)


def test_recurrent_ppo_is_an_lstm_unless_another_memory_is_named() -> None:
    config = load_config(None, {"algorithm": "RecurrentPPO"})
    assert (config.algorithm, config.policy) == ("PPO", LstmConfig())
    deep = load_config(None, {"algorithm": "RecurrentPPO", "policy": {"kind": "lstm", "layers": 2}})
    assert deep.policy == LstmConfig(layers=2)
    own = load_config(None, {"algorithm": "RecurrentPPO", "policy": {"kind": "a:B"}})
    assert own.policy == OwnPolicyConfig(kind="a:B")


def test_recurrent_ppo_without_a_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"algorithm": "RecurrentPPO", "policy": {"kind": "nature"}}))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value) == (
        f'{path}: algorithm "RecurrentPPO" needs a policy with memory, not "nature":'
        " leave policy out for lstm"
    )
