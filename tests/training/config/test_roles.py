"""Roles of settings, and the lists derived from them."""

from __future__ import annotations

from typing import Annotated

import pytest

from training.config.roles import POLICY, SAME_CONFIG, TASK, Role, Settings
from training.config.schema import TrainConfig, episode_settings

RESUMED = [
    "algorithm", "agent_id", "name", "version", "sweep_variant", "sweep", "sweep_config", "tags",
    "description", "workers", "step_timeout", "ray", "farm_alarm_share", "farm_alarm_episodes",
    "record_every", "episodes_mb", "mlflow", "wandb",
]  # fmt: skip
SAMPLE = [
    "preset", "ray_address", "envs_per_actor", "seed", "device", "torch_deterministic", "save_interval",
    "keep_checkpoints", "eval_every_steps", "eval_episodes", "agent_stats_every", "agent_stats_kept",
    "save_frequency", "save_best_after", "score_to_win",
]  # fmt: skip
LEARNING = [
    "num_envs", "total_multiplier", "total_steps", "bfloat16", "n_steps", "batch_size", "n_epochs",
    "gamma", "gae_lambda", "ent_coef", "ent_coef_final", "ent_coef_share", "learning_rate",
    "clip_range", "vf_coef", "max_grad_norm", "archive", "health", "value_bootstrap", "normalize_advantage",
    "lr_schedule", "lr_end", "kl_threshold", "lr_adapt_per", "min_learning_rate", "max_learning_rate",
    "clip_range_vf", "target_kl", "truncate_grads", "adam_eps", "weight_decay",
    "reward_shift", "reward_scale", "clip_reward", "init", "bc_coef", "reverse_model",
]  # fmt: skip
EPISODE = [
    "fast_text", "repel", "goal", "max_steps", "action_frames", "held_frames", "sound", "rewards",
    "reward_terms", "layers",
]  # fmt: skip
CARTRIDGE = ["rom", "game", "start", "starts"]


def test_every_setting_has_its_expected_role() -> None:
    """A role decides whether runs can be resumed, grouped and compared."""
    assert sorted(TrainConfig.keys_with(Role.BOOKKEEPING)) == sorted(RESUMED)
    assert sorted(TrainConfig.keys_with(*SAME_CONFIG)) == sorted([*RESUMED, *SAMPLE])
    assert sorted(TrainConfig.keys_with(Role.LEARNING)) == sorted(LEARNING)
    assert TrainConfig.keys_with(*POLICY) == (
        "observations", "frames", "screen_size", "mask", "network", "policy", "intrinsic",
        "normalize_value", "normalize_input",
    )  # fmt: skip
    assert sorted(episode_settings(TrainConfig())) == sorted(EPISODE)
    assert sorted(TrainConfig.keys_with(*TASK)) == sorted(
        [*CARTRIDGE, *EPISODE, "observations", "frames", "screen_size", "mask"]
    )
    assert TrainConfig.keys_with(*Role) == tuple(TrainConfig.model_fields)


def test_every_setting_is_described() -> None:
    assert [key for key, field in TrainConfig.model_fields.items() if not field.description] == []


def test_a_setting_without_a_role_is_refused_when_defined() -> None:
    with pytest.raises(TypeError, match=r"More\.luck has 0 roles, must have one"):

        class More(TrainConfig):
            luck: float = 1.0


def test_a_setting_with_two_roles_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Torn\.luck has 2 roles"):

        class Torn(Settings):
            luck: Annotated[float, Role.LEARNING, Role.EPISODE] = 1.0


def test_roles_belong_to_the_class() -> None:
    class Extended(TrainConfig):
        luck: Annotated[float, Role.EPISODE] = 1.0

    assert Extended.role_of("luck") is Role.EPISODE
    assert set(Extended.keys_with(Role.EPISODE)) - set(TrainConfig.keys_with(Role.EPISODE)) == {"luck"}
