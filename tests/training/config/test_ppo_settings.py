"""Settings of PPO's update: forms, defaults, and one line for each wrong value or combination."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callbacks.adaptive_rate import KL_THRESHOLD, MAX_RATE, MIN_RATE
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.ppo.learned_discounts import learned_discounts

ADAPTIVE = {"lr_schedule": "adaptive"}
LEARNED = {"kind": "learned", "start": 0.99, "low": 0.9, "high": 0.999}
RAMP = {"kind": "linear", "start": 0.9, "end": 0.99}


def loaded(**settings: Any) -> TrainConfig:
    return load_config(None, {"total_steps": 1000, **settings})


@pytest.mark.parametrize(
    ("given", "word"),
    [(True, "minibatch"), (False, "off"), *((word, word) for word in ("minibatch", "batch", "off"))],
)
def test_normalization_has_the_forms_of_stable_baselines3_and_words(given: Any, word: str) -> None:
    assert loaded(normalize_advantage=given).normalize_advantage == word


@pytest.mark.parametrize(
    ("kind", "halfway"), [("linear", 5.5e-4), ("cosine", 5.5e-4), ("exponential", 3.1623e-4)]
)
def test_a_rate_schedule_by_name_is_the_schedule_in_full(kind: str, halfway: float) -> None:
    short = loaded(learning_rate=1e-3, lr_schedule=kind, lr_end=1e-4).schedules()["learning_rate"]
    full = loaded(learning_rate={"kind": kind, "start": 1e-3, "end": 1e-4}).schedules()["learning_rate"]
    assert [short(n) for n in range(0, 1001, 50)] == [full(n) for n in range(0, 1001, 50)]
    assert short(500) == pytest.approx(halfway, rel=1e-3)


def test_a_rate_schedule_ends_at_the_least_rate_unless_told_otherwise() -> None:
    assert loaded(lr_schedule="linear").schedules()["learning_rate"](1000) == MIN_RATE
    assert loaded(lr_schedule="linear", lr_end=0.0).schedules()["learning_rate"](1000) == 0


def test_bounds_limit_a_schedule() -> None:
    bounds = {"min_learning_rate": 1e-4, "max_learning_rate": 5e-4}
    curve = loaded(learning_rate=1e-3, lr_schedule="linear", lr_end=0.0, **bounds).schedules()[
        "learning_rate"
    ]
    assert [curve(0), curve(600), curve(1000)] == pytest.approx([5e-4, 4e-4, 1e-4])


def test_an_adaptive_rate_has_its_defaults_and_takes_others() -> None:
    assert loaded().adaptive_rate() is None
    usual = loaded(**ADAPTIVE).adaptive_rate()
    assert usual is not None
    assert (usual.rate, usual.threshold, usual.low, usual.high, usual.per) == (
        3e-4, KL_THRESHOLD, MIN_RATE, MAX_RATE, "update",
    )  # fmt: skip
    changes = {"kl_threshold": 0.02, "lr_adapt_per": "minibatch", "min_learning_rate": 1e-5}
    other = loaded(**ADAPTIVE, **changes, max_learning_rate=1e-3, learning_rate=5e-4).adaptive_rate()
    assert other is not None
    assert (other.rate, other.threshold, other.low, other.high, other.per) == (
        5e-4,
        0.02,
        1e-5,
        1e-3,
        "minibatch",
    )


def test_gamma_and_gae_lambda_may_be_schedules() -> None:
    curves = loaded(gamma=RAMP, gae_lambda={"kind": "piecewise", "points": [[0, 1.0], [1, 0.9]]}).schedules()
    assert [curves["gamma"](n) for n in (0, 500, 1000)] == pytest.approx([0.9, 0.945, 0.99])
    assert [curves["gae_lambda"](n) for n in (0, 500, 1000)] == pytest.approx([1.0, 0.95, 0.9])
    assert loaded().schedules()["gamma"](500) == 0.997
    assert "clip_range_vf" not in loaded().schedules()


def test_gamma_may_be_learned() -> None:
    config = loaded(gamma=LEARNED, gae_lambda={**LEARNED, "start": 0.95, "reference": 0.98})
    assert [config.schedules()["gamma"](n) for n in (0, 1000)] == [0.99, 0.99], "what it begins with"
    control = learned_discounts(config)
    assert control is not None
    assert control.value_at("gae_lambda", 0) == pytest.approx(0.95)
    assert control.reference == {"gamma": 0.99, "gae_lambda": 0.98}
    assert learned_discounts(loaded()) is None
    half = learned_discounts(loaded(gae_lambda=LEARNED))
    assert half is not None and half.numbers.keys() == {"gae_lambda"}


def test_checkpoints_are_counted_in_steps_or_in_updates() -> None:
    assert loaded(save_interval=7).checkpoint_steps == 7
    assert loaded(save_frequency=3, num_envs=4, n_steps=128).checkpoint_steps == 3 * 512


def test_a_stored_config_with_every_control_loads_to_itself(tmp_path: Path) -> None:
    """The stored one gives every key, and none of its defaults may count as given."""
    everything = {
        **ADAPTIVE, "kl_threshold": 0.01, "target_kl": 0.05, "clip_range_vf": 0.2, "weight_decay": 1e-4,
        "normalize_advantage": "batch", "value_bootstrap": False, "truncate_grads": False, "gamma": RAMP,
        "save_frequency": 2, "eval_every_steps": 100, "score_to_win": 5, "save_best_after": 1,
    }  # fmt: skip
    for number, settings in enumerate(({}, everything)):
        config, path = loaded(**settings), tmp_path / f"{number}.json"
        path.write_text(json.dumps(config.model_dump(mode="json")))
        assert load_config(path).differences(config) == []


ONE_BATCH = {"num_envs": 4, "n_steps": 128, "batch_size": 512}
SCREEN_ALONE = {"observations": ["screen"]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"target_kl": 0}, "target_kl 0 is out of range: must be greater than 0"),
    ({"target_kl": -0.1}, "target_kl -0.1 is out of range: must be greater than 0"),
    ({"target_kl": "low"}, 'target_kl "low" must be a number'),
    ({"target_kl": 11}, "target_kl 11 is out of range: must be at most 10"),
    ({"target_kl": 0.1, **ONE_BATCH}, "target_kl 0.1 has no effect with one minibatch per update: "),
    ({"clip_range_vf": 0}, "clip_range_vf 0 is out of range: must be greater than 0"),
    ({"clip_range_vf": -1}, "clip_range_vf -1 is out of range: must be greater than 0"),
    ({"clip_range_vf": True}, "clip_range_vf true must be a number"),
    ({"clip_range_vf": {"kind": "linear", "start": 1, "end": 0}}, "must be greater than 0"),
    ({"clip_range_vf": 0.2, "vf_coef": 0}, "clip_range_vf 0.2 has no effect with vf_coef 0"),
    ({"normalize_advantage": "rollout"}, 'normalize_advantage "rollout" must be minibatch, batch or off'),
    ({"normalize_advantage": 1}, "normalize_advantage 1 must be minibatch, batch or off"),
    ({"batch_size": 1}, "batch_size 1 is too small: PPO normalizes advantages over a minibatch, so it"),
    ({"value_bootstrap": "yes"}, 'value_bootstrap "yes" must be true or false'),
    ({"value_bootstrap": 1}, "value_bootstrap 1 must be true or false"),
    ({"lr_schedule": "adaptve"}, 'lr_schedule "adaptve" must be linear, cosine, exponential or adaptive'),
    ({"lr_schedule": {"kind": "linear"}}, "must be linear, cosine, exponential or adaptive"),
    ({**ADAPTIVE, "learning_rate": {**RAMP}}, "learning_rate is already a schedule: lr_schedule adaptive"),
    ({**ADAPTIVE, "learning_rate": 0.5}, "learning_rate 0.5 must be within min_learning_rate 1e-06 and"),
    ({**ADAPTIVE, **ONE_BATCH}, "lr_schedule adaptive has no effect with one minibatch per update"),
    ({**ADAPTIVE, "health": {"approx_kl": "adapt"}}, "health.approx_kl adapt both steer the learning rate"),
    ({**ADAPTIVE, "health": {"clip_fraction": "adapt"}}, "health.clip_fraction adapt both steer"),
    ({**ADAPTIVE, "lr_end": 1e-5}, "lr_end 1e-05 has no effect without lr_schedule linear, cosine,"),
    ({"lr_end": 1e-5}, "lr_end 1e-05 has no effect without lr_schedule linear"),
    ({"lr_schedule": "exponential", "lr_end": 0}, "lr_end 0 must be above 0 for lr_schedule exponential"),
    ({"lr_schedule": "linear", "lr_end": -1}, "lr_end -1 is out of range: must be at least 0"),
    ({"kl_threshold": 0.01}, "kl_threshold 0.01 has no effect without lr_schedule adaptive"),
    ({**ADAPTIVE, "kl_threshold": 0}, "kl_threshold 0 is out of range: must be greater than 0"),
    ({**ADAPTIVE, "kl_threshold": 2}, "kl_threshold 2 is out of range: must be at most 1"),
    ({"lr_adapt_per": "update"}, "lr_adapt_per update has no effect without lr_schedule adaptive"),
    ({**ADAPTIVE, "lr_adapt_per": "epoch"}, 'lr_adapt_per "epoch" must be update or minibatch'),
    ({"min_learning_rate": 1e-5}, "min_learning_rate 1e-05 has no effect on a constant learning_rate"),
    (
        {"max_learning_rate": 0.1, "health": {"approx_kl": "adapt"}},
        "max_learning_rate 0.1 has no effect on what health.approx_kl adapts: set health.max_learning_rate",
    ),
    ({**ADAPTIVE, "min_learning_rate": 0}, "min_learning_rate 0 is out of range: must be greater than 0"),
    ({**ADAPTIVE, "max_learning_rate": 1e-7}, "min_learning_rate 1e-06 must be at most max_"),
    ({"truncate_grads": 0}, "truncate_grads 0 must be true or false"),
    ({"truncate_grads": False, "max_grad_norm": 1}, "max_grad_norm 1.0 has no effect with truncate_"),
    ({"adam_eps": 0}, "adam_eps 0 is out of range: must be greater than 0"),
    ({"adam_eps": "1e-5"}, 'adam_eps "1e-5" must be a number'),
    ({"weight_decay": -1e-4}, "weight_decay -0.0001 is out of range: must be at least 0"),
    ({"weight_decay": 2}, "weight_decay 2 is out of range: must be at most 1"),
    ({"gamma": {"kind": "linear", "start": 0.9, "end": 1.1}}, "is out of range: must be at most 1"),
    ({"gamma": {"kind": "linear", "start": 0, "end": 1}}, "is out of range: must be greater than 0"),
    ({"gamma": {"kind": "rising"}}, 'must be a number, or an object whose "kind" is one of'),
    ({"gae_lambda": {"kind": "cosine", "start": -0.1, "end": 1}}, "is out of range: must be at least 0"),
    ({"gamma": {**LEARNED, "low": 0.995}}, "gamma: start 0.99 must be between low 0.995 and high 0.999"),
    ({"gamma": {**LEARNED, "high": 1.1}}, "is out of range: must be at most 1"),
    ({"gamma": {**LEARNED, "low": 0}}, "is out of range: must be greater than 0"),
    ({"gamma": {**LEARNED, "rate": 0}}, "gamma.rate 0 is out of range: must be greater than 0"),
    ({"gae_lambda": {**LEARNED, "reference": 2}}, "gae_lambda.reference 2 is out of range: must be at most "),
    ({"gae_lambda": {"kind": "learned", "start": 0.9, "low": 0.5}}, "gae_lambda.high is missing"),
    ({"gamma": {**LEARNED, "lo": 0.5}}, "lo is not a key of {path}: gamma; did you mean low?"),
    ({"gamma": {"kind": "lerned"}}, 'is one of linear, cosine, exponential, piecewise, learned'),
    ({"ent_coef": {**LEARNED}}, 'be a number, or an object whose "kind" is one of linear'),
    ({"save_frequency": 0}, "save_frequency 0 is out of range: must be at least 1"),
    ({"save_frequency": 2.5}, "save_frequency 2.5 must be a whole number"),
    ({"save_frequency": 2, "save_interval": 64}, "save_interval and save_frequency cannot be given together"),
    ({"save_best_after": 5}, "save_best_after 5 has no effect without evaluations: set eval_every_steps"),
    ({"save_best_after": -1, "eval_every_steps": 9}, "save_best_after -1 is out of range: must be at l"),
    ({"score_to_win": 100}, "score_to_win 100.0 has no effect without evaluations: set eval_every_steps"),
    ({"score_to_win": "all", "eval_every_steps": 9}, 'score_to_win "all" must be a number'),
    ({"ent_coef_share": 0.5}, "ent_coef_share 0.5 has no effect without ent_coef_final"),
    ({"health": {"kl_target": 0.01}}, 'kl_target 0.01 has no effect without approx_kl or clip_fraction "'),
    ({"health": {"max_learning_rate": 0.1}}, "max_learning_rate 0.1 has no effect without approx_kl"),
    ({"clip_value": 0.2}, "clip_value is not a key of"),
    ({"record_every": 0, "episodes_mb": 50}, "episodes_mb 50 has no effect with record_every 0"),
    ({"rewards": {"stuck_after": 9}}, "rewards.stuck_after 9 has no effect while penalty_stuck is 0"),
    ({"rewards": {"exploration_recent_window": 9}}, "while exploration_recent_tile is 0"),
    ({**SCREEN_ALONE, "network": {"visited": 9}}, "network.visited 9 has no effect: observations do"),
    ({**SCREEN_ALONE, "network": {"facts": 9}}, "network.facts 9 has no effect: observations do"),
    ({"rewards": {"milestone_goal": 2}}, "rewards.milestone_goal 2 has no effect without a goal: set goal"),
    ({**SCREEN_ALONE, "network": {"embedding": 9}}, "network.embedding 9 has no effect: observations do"),
    ({**SCREEN_ALONE, "network": {"events": 9}}, "network.events 9 has no effect: observations do"),
    ({**SCREEN_ALONE, "network": {"numbers": 9}}, "observations do not include any that are plain numbers"),
    ({"observations": ["place"], "network": {"picture": 9}}, 'observations do not include "screen"'),
    ({"kl_treshold": 0.1}, "kl_treshold is not a key of {path}; did you mean kl_threshold?"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "line"), WRONG, ids=[line[:50] for _, line in WRONG])
def test_wrong_settings_give_one_line(settings: dict[str, Any], line: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(settings))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert line.format(path=path) in message
    assert "\n" not in message
