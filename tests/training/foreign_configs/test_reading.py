"""Configs of other projects: what they become, what is left out by name, and one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.foreign_configs.reading import as_json, translated
from training.foreign_configs.translation import Translation

Translate = Callable[..., Translation]
RL_GAMES = """
params:
  seed: 42
  algo: {name: a2c_discrete}
  network:
    name: actor_critic
    space: {discrete: }
    separate: True
    mlp: {units: [256, 128], activation: elu, d2rl: False}
  config:
    name: game
    gamma: 0.99
    tau: 0.9
    learning_rate: 3e-4
    lr_schedule: adaptive
    schedule_type: standard
    kl_threshold: 0.016
    normalize_advantage: True
    e_clip: 0.1
    clip_value: True
    critic_coef: 2
    entropy_coef: 0.02
    grad_norm: 1.5
    truncate_grads: True
    value_bootstrap: True
    horizon_length: 32
    num_actors: 64
    minibatch_size: 512
    mini_epochs: 3
    max_epochs: 100
    save_frequency: 20
    save_best_after: 10
    score_to_win: 500
    weight_decay: 0.001
    mixed_precision: True
    bounds_loss_coef: 0.0001
    reward_shaper: {scale_value: 0.01, shift_value: 1, log_val: True}
    normalize_value: True
    normalize_input: True
    max_frames: ${task.frames}
    tomorrow: 1
"""
CLEANRL = """# the usual
OMP_NUM_THREADS=1 poetry run python cleanrl/ppo.py --env-id CartPole-v1 --num-envs 8 \\
    --num-steps=256 --num-minibatches 16 --update-epochs 2 --clip-coef 0.3 --target_kl 0.03 \\
    --no-norm-adv --track
"""
ZOO = """
atari:
  policy: 'CnnPolicy'
  frame_stack: 4
  n_envs: 8
  n_steps: 128
  batch_size: 256
  n_timesteps: !!float 1e7
  learning_rate: lin_2.5e-4
  clip_range: lin_0.1
  policy_kwargs: "dict(net_arch=[__import__('os').getcwd()])"
CartPole-v1:
  n_envs: 8
  n_timesteps: !!float 1e5
  target_kl: 0.1
"""


@pytest.fixture
def translate(tmp_path: Path) -> Translate:
    """translate(name, text, entry=None): the translation of a file; what it says must load as a config."""

    def run(name: str, text: str, entry: str | None = None) -> Translation:
        path = tmp_path / name
        path.write_text(text)
        found = translated(path, entry)
        (tmp_path / "ours.json").write_text(as_json(found))
        assert set(load_config(tmp_path / "ours.json").differences(TrainConfig())) >= set()
        return found

    return run


def test_rl_games(translate: Translate) -> None:
    found = translate("ppo.yaml", RL_GAMES)
    expected = {
        "seed": 42, "gamma": 0.99, "gae_lambda": 0.9, "learning_rate": 3e-4, "lr_schedule": "adaptive",
        "lr_adapt_per": "update", "kl_threshold": 0.016, "normalize_advantage": "batch", "clip_range": 0.1,
        "clip_range_vf": 0.1, "vf_coef": 1.0, "ent_coef": 0.02, "max_grad_norm": 1.5, "truncate_grads": True,
        "value_bootstrap": True, "n_steps": 32, "num_envs": 64, "batch_size": 512, "n_epochs": 3,
        "total_steps": 100 * 32 * 64, "save_frequency": 20, "save_best_after": 10, "score_to_win": 500,
        "eval_every_steps": 50 * 32 * 64, "weight_decay": 0.001, "adam_eps": 1e-8,
        "network": {"hidden": [256, 128], "activation": "elu", "separate": True}, "normalize_value": True,
        "normalize_input": True, "reward_scale": 0.01, "reward_shift": 1,
        "description": "Translated from ppo.yaml (rl_games)",
    }  # fmt: skip
    assert found.settings == expected
    assert found.left_out.keys() == {
        "name", "mixed_precision", "bounds_loss_coef", "reward_shaper.log_val", "max_frames", "tomorrow",
        "algo", "network.name", "network.space", "network.mlp.d2rl",
    }  # fmt: skip
    assert found.left_out["max_frames"] == "${task.frames} refers to another file: write the value"
    assert found.left_out["tomorrow"] == "it has no counterpart here"


def test_rl_games_takes_its_own_defaults(translate: Translate) -> None:
    given = {"grad_norm": 1.0, "kl_threshold": 0.01, "max_frames": 5000, "max_epochs": -1}
    found = translate("ppo.json", rl_games(**given, minibatch_size_per_env=4))
    assert found.settings.items() >= {
        "value_bootstrap": False, "truncate_grads": False, "normalize_advantage": "batch", "batch_size": 32,
        "total_steps": 5000,
    }.items()  # fmt: skip
    assert "max_grad_norm" not in found.settings and "lr_schedule" not in found.settings
    assert "truncate_grads off" in found.left_out["grad_norm"]
    assert found.left_out["kl_threshold"] == "it has no effect without lr_schedule adaptive"


def test_cleanrl(translate: Translate) -> None:
    found = translate("run.sh", CLEANRL)
    expected = {
        "seed": 1, "total_steps": 500_000, "learning_rate": 2.5e-4, "lr_schedule": "linear", "lr_end": 0.0,
        "num_envs": 8, "n_steps": 256, "batch_size": 128, "n_epochs": 2, "gamma": 0.99, "gae_lambda": 0.95,
        "clip_range": 0.3, "clip_range_vf": 0.3, "normalize_advantage": False, "ent_coef": 0.01,
        "vf_coef": 0.25, "max_grad_norm": 0.5, "target_kl": pytest.approx(0.02), "value_bootstrap": False,
        "description": "Translated from run.sh (CleanRL)",
    }  # fmt: skip
    assert found.settings == expected
    assert found.left_out.keys() == {"env-id", "track"}
    assert found.notes[-1] == "what the command leaves out has the default of ppo.py"


def test_cleanrl_for_atari_without_annealing(translate: Translate) -> None:
    found = translate("flags.txt", "ppo_atari.py --anneal-lr False --clip_vloss=False")
    assert (found.settings["num_envs"], found.settings["clip_range"]) == (8, 0.1)
    assert not {"lr_schedule", "lr_end", "clip_range_vf"} & found.settings.keys()


def test_an_entry_of_the_zoo(translate: Translate) -> None:
    found = translate("ppo.yml", ZOO, "atari")
    expected = {
        "num_envs": 8, "n_steps": 128, "batch_size": 256, "n_epochs": 10, "gamma": 0.99, "gae_lambda": 0.95,
        "learning_rate": 2.5e-4, "lr_schedule": "linear", "lr_end": 0.0, "ent_coef": 0.0, "vf_coef": 0.5,
        "clip_range": {"kind": "linear", "start": 0.1, "end": 1e-6}, "max_grad_norm": 0.5,
        "total_steps": 10_000_000, "description": "Translated from ppo.yml (rl-baselines3-zoo)",
    }  # fmt: skip
    assert found.settings == expected
    assert found.left_out.keys() == {"policy", "frame_stack", "policy_kwargs"}
    assert found.left_out["policy_kwargs"].startswith("it is Python code, which is not evaluated")
    alone = translate("one.yml", "n_envs: 4\nn_timesteps: !!float 1e5\nclip_range_vf: 0.2\n")
    assert (alone.settings["total_steps"], alone.settings["clip_range_vf"]) == (100_000, 0.2)


def rl_games(**config: Any) -> str:
    return json.dumps({"params": {"config": {"horizon_length": 16, "num_actors": 8, **config}}})


WRONG = [
    ("a.yaml", "params: 3", "params 3 must be keys with values"),
    ("a.yaml", "params: {seed: 1}", "config None must be keys with values"),
    ("a.yaml", "params: {config: {num_actors: 8}}", "horizon_length None must be a number"),
    ("a.json", rl_games(num_actors="many"), "num_actors 'many' must be a number"),
    ("a.json", rl_games(minibatch_size=100), "batch_size 100 does not divide n_steps x num_envs"),
    ("a.json", rl_games(critic_coef="big"), "critic_coef 'big' must be a number"),
    ("a.json", rl_games(clip_value=1), "clip_value 1 must be true or false"),
    ("a.json", rl_games(gamma=2), "gamma 2 is out of range: must be at most 1"),
    ("a.yaml", "", "is empty, must be keys with values (key: value)"),
    ("a.yaml", "params: &x {config: *x}", "not valid YAML"),
    ("a.yaml", "x: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ("a.yaml", "[1]", "holds list, must be keys with values"),
    ("a.yml", ZOO, "has 2 entries, choose one with --entry: atari, CartPole-v1"),
    ("a.yml", "x: {n_steps: 8}\ny: 3\nz: {n_steps: 8}", "has 2 entries, choose one with --entry: x, z"),
    ("a.yml", "y: 3", "has 0 entries, choose one with --entry: none"),
    ("a.yml", "n_steps: 8\nlearning_rate: exp_3", "learning_rate 'exp_3' must be a number or lin_NUMBER"),
    ("a.yml", "n_steps: 8\nn_timesteps: 1.5", "n_timesteps 1.5 must be a whole number"),
    ("a.sh", "# later\n", "is empty: must hold a command line of CleanRL's ppo.py or ppo_atari.py"),
    (
        "a.sh",
        "python dqn.py",
        "dqn.py is not one of the scripts that can be translated: ppo.py, ppo_atari.py",
    ),
    ("a.sh", "python ppo.py --num-steps many", "--num-steps 'many' must be a whole number"),
    (
        "a.sh",
        "python ppo.py --num-step 8",
        "--num-step is not a flag of CleanRL's ppo.py; did you mean --num-",
    ),
    ("a.sh", "python ppo.py --norm-adv maybe", "--norm-adv 'maybe' must be True or False"),
    ("a.sh", "python ppo.py --num-minibatches 3", "num-minibatches 3 does not divide num-envs x num-s"),
    ("a.sh", "python ppo.py --num-minibatches 0", "num-minibatches 0 does not divide"),
    ("a.sh", "python ppo.py 12", "'12' is neither a flag of CleanRL nor its value"),
    ("a.sh", "python ppo.py --seed 1\npython ppo.py --seed 2", "holds 2 commands (ppo.py, ppo.py): keep one"),
    ("a.sh", "python ppo.py --exp-name 'x", "not a command line: no closing quotation"),
]


@pytest.mark.parametrize(("name", "text", "line"), WRONG, ids=[line[:40] for *_, line in WRONG])
def test_wrong_files_give_one_line(
    translate: Translate, tmp_path: Path, name: str, text: str, line: str
) -> None:
    with pytest.raises(UserError) as caught:
        translate(name, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: ") and line in message
    assert "\n" not in message


def test_an_unknown_schedule_type_is_left_out_by_name(translate: Translate) -> None:
    found = translate("a.json", rl_games(mini_epochs=2, lr_schedule="adaptive", schedule_type=["often"]))
    assert found.left_out["schedule_type"] == "['often'] is not known here"
    assert "lr_adapt_per" not in found.settings


def test_entries_are_of_the_zoo_alone(translate: Translate) -> None:
    for name, text in (("a.json", rl_games()), ("a.sh", "ppo.py")):
        with pytest.raises(UserError, match="--entry x has no effect: only files of rl-baselines3-zoo"):
            translate(name, text, "x")
    with pytest.raises(UserError, match="has no entry 'pong'; entries: atari, CartPole-v1"):
        translate("b.yml", ZOO, "pong")
