"""Settings that have no effect in their combination with others, which are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envs.observation_names import VISITED_PICTURES, WITH_IDS
from training.config.schedules import RAMPS
from training.config.sections.policy import OwnPolicyConfig

if TYPE_CHECKING:
    from training.config.schema import TrainConfig

ADAPTIVE = ("kl_threshold", "lr_adapt_per")
BOUNDS = ("min_learning_rate", "max_learning_rate")
OF_THE_HEADS = {"hidden", "activation", "init"}
"""Settings of the network that a network of the user's has too."""
KL_CONTROLS = {"target_kl": None, "lr_schedule": "adaptive"}
OTHER_ENCODERS = ("screen", *VISITED_PICTURES, *WITH_IDS, "events", "recent_actions")
"""Observations that ``network.numbers`` does not encode."""
NUMBERS_OF_STEPS = {"stuck_after": "penalty_stuck", "exploration_recent_window": "exploration_recent_tile"}
"""Reward settings, and the term that each belongs to."""


def without_effect(config: TrainConfig) -> Iterator[str]:
    """Yield a line for every setting that was given and has no effect, with what would be right.

    A setting that has its default value counts as not given: configs of runs are stored in full.
    """
    yield from _of_the_rate(config)
    yield from _of_few_minibatches(config)
    yield from _of_switches(config)
    yield from _of_evaluation(config)
    yield from _of_imitation(config)
    yield from _of_rewards(config)
    yield from _of_the_network(config)
    yield from _of_own_networks(config)
    yield from _of_the_reverse_model(config)


def _given(config: TrainConfig, key: str) -> bool:
    return bool(getattr(config, key) != type(config).model_fields[key].default)


def _line(config: TrainConfig, key: str, why: str) -> str:
    value: Any = getattr(config, key)
    return f"{key} {value} has no effect {why}"


def _of_the_rate(config: TrainConfig) -> Iterator[str]:
    adaptive = config.lr_schedule == "adaptive"
    for key in ADAPTIVE:
        if _given(config, key) and not adaptive:
            yield _line(config, key, "without lr_schedule adaptive")
    if _given(config, "lr_end") and config.lr_schedule not in RAMPS:
        yield _line(config, "lr_end", f"without lr_schedule {', '.join(RAMPS)}")
    steered = config.health.steers
    if adaptive and steered:
        yield f"lr_schedule adaptive and health.{steered} adapt both steer the learning rate: leave one out"
    for key in BOUNDS:
        if _given(config, key) and steered:
            yield _line(config, key, f"on what health.{steered} adapts: set health.{key}")
        elif _given(config, key) and config.lr_schedule is None and isinstance(config.learning_rate, float):
            yield _line(config, key, "on a constant learning_rate: set lr_schedule")


def _of_few_minibatches(config: TrainConfig) -> Iterator[str]:
    """The KL divergence of the first minibatch of an update is always 0, so one alone controls nothing."""
    if config.n_epochs > 1 or config.batch_size < config.rollout_steps:
        return
    cure = f"with one minibatch per update: lower batch_size {config.batch_size} or raise n_epochs"
    if config.target_kl is not None:
        yield _line(config, "target_kl", cure)
    if config.lr_schedule == "adaptive":
        yield _line(config, "lr_schedule", cure)


def _of_switches(config: TrainConfig) -> Iterator[str]:
    if _given(config, "max_grad_norm") and not config.truncate_grads:
        yield _line(config, "max_grad_norm", "with truncate_grads false")
    if _given(config, "ent_coef_share") and config.ent_coef_final is None:
        yield _line(config, "ent_coef_share", "without ent_coef_final")
    if _given(config, "clip_range_vf") and config.vf_coef == 0:
        yield _line(config, "clip_range_vf", "with vf_coef 0")
    if config.normalize_value and config.vf_coef == 0:
        yield "normalize_value has no effect with vf_coef 0: values are not learned"


def _of_evaluation(config: TrainConfig) -> Iterator[str]:
    for key in ("save_best_after", "score_to_win"):
        if _given(config, key) and not config.eval_every_steps:
            yield _line(config, key, "without evaluations: set eval_every_steps")
    if _given(config, "episodes_mb") and not config.record_every:
        yield _line(config, "episodes_mb", "with record_every 0: no episode is recorded")
    if _given(config, "save_frequency") and _given(config, "save_interval"):
        yield "save_interval and save_frequency cannot be given together: one is in steps, one in updates"


def _of_own_networks(config: TrainConfig) -> Iterator[str]:
    if not isinstance(config.policy, OwnPolicyConfig):
        return
    why = f"with policy {config.policy.kind}, which takes observations as they are"
    for key, field in type(config.network).model_fields.items():
        value = getattr(config.network, key)
        if key not in OF_THE_HEADS and value != field.default:
            yield f"network.{key} {value} has no effect {why}"
    if config.normalize_input:
        yield f"normalize_input has no effect {why}"


def _of_the_reverse_model(config: TrainConfig) -> Iterator[str]:
    if config.reverse_model is None:
        return
    if config.total_steps == 0:
        yield "reverse_model has no effect with total_steps 0: it learns from rollouts"
    if config.n_steps == 1:
        yield "reverse_model has no effect with n_steps 1: it learns from pairs of steps"


def _of_imitation(config: TrainConfig) -> Iterator[str]:
    if config.total_steps == 0 and (config.init is None or not config.init.epochs):
        yield 'total_steps 0 trains nothing: give it at least 1, or name demonstrations to clone in "init"'
    if config.imitates and config.init is None:
        yield _line(config, "bc_coef", 'without demonstrations: name them in "init"')
    if config.init is not None and not config.init.epochs and not config.imitates:
        yield "init has no effect with epochs 0: set bc_coef, or at least 1 epoch"
    if config.imitates and config.total_steps == 0:
        yield _line(config, "bc_coef", "with total_steps 0")


def _of_rewards(config: TrainConfig) -> Iterator[str]:
    usual = type(config).model_fields["rewards"].get_default(call_default_factory=True)
    if config.rewards["milestone_goal"] and config.goal is None:
        value = config.rewards["milestone_goal"]
        yield f"rewards.milestone_goal {value:g} has no effect without a goal: set goal"
    for key, term in NUMBERS_OF_STEPS.items():
        if config.rewards[key] != usual[key] and not config.rewards[term]:
            yield f"rewards.{key} {config.rewards[key]:g} has no effect while {term} is 0"


def _of_the_network(config: TrainConfig) -> Iterator[str]:
    seen = set(config.observations)
    needed = {
        "picture": ('"screen"', "screen" in seen),
        "visited": ("a picture of visited tiles", bool(seen.intersection(VISITED_PICTURES))),
        "events": ('"events"', "events" in seen),
        "facts": ("any with ids", bool(seen.intersection(WITH_IDS))),
        "embedding": ("any with ids", bool(seen.intersection(WITH_IDS))),
        "numbers": ("any that are plain numbers", bool(seen.difference(OTHER_ENCODERS))),
    }
    for size, (what, is_there) in needed.items():
        value: Any = getattr(config.network, size)
        if not is_there and value != type(config.network).model_fields[size].default:
            yield f"network.{size} {value} has no effect: observations do not include {what}"
