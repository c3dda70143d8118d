"""YAML configs: the same settings as JSON, without code, aliases or duplicate keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.strict_yaml import read_yaml


def test_yaml_and_json_give_the_same_config(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"gamma": 0.9, "rewards": {"battle_win": 2.0}}')
    path = tmp_path / "agent.yaml"
    path.write_text(
        "# a variant\nextends: base.json\nlearning_rate: 1e-3\nagent_id: ppo_agent\nversion: 2\n"
        "tags: [first, second]\nnetwork:\n  hidden: [64, 64]\nrewards: {battle_loss: -1}\n"
    )
    config = load_config(path)
    assert (config.gamma, config.learning_rate, config.version, config.tags) == (
        0.9,
        1e-3,
        2,
        ("first", "second"),
    )
    assert config.network.hidden == (64, 64)
    assert (config.rewards["battle_win"], config.rewards["battle_loss"]) == (2.0, -1.0)


def test_numbers_and_strings_have_their_apparent_types() -> None:
    read = read_yaml("a: 1e-3\nb: 3.0e-4\nc: 2020-01-01\nd: null\ne: 2E5\nf: 1e3x\ng: 12")
    assert read == {
        "a": 0.001,
        "b": 0.0003,
        "c": "2020-01-01",
        "d": None,
        "e": 200000.0,
        "f": "1e3x",
        "g": 12,
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x [1]\nb: *x", "aliases (*name) are not allowed here (line 2, column 4)"),
        ("gamma: 0.9\ngamma: 0.8", "the key gamma is given twice (line 2, column 1)"),
        ("1: 2", "a key is not a string (line 1, column 1)"),
        ("a: [", "expected the node content, but found '<stream end>' (line 1, column 5)"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor for the tag"),
        ("[" * 100_000, "recursion"),
        ("- gamma", "holds list, must be keys with values"),
        ("", "is empty, must be keys with values"),
        ("gamma: 0.9\n---\ngamma: 0.8", "expected a single document"),
        ("gamma: .nan", "gamma"),
        ("algorithm: TRPO", 'algorithm "TRPO" must be PPO'),
        (
            "agent_id: My Agent",
            "agent_id \"My Agent\" must be lower-case letters, digits and '_', 40 at most",
        ),
    ],
)
def test_wrong_files_get_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert line in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "agent_v1.yaml").write_text("gamma: 0.9")
    with pytest.raises(ConfigError, match=r"no such file; did you mean .*agent_v1\.yaml"):
        load_config(tmp_path / "agent_v2.yaml")
