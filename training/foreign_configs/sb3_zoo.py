"""An entry of a hyperparameter file of rl-baselines3-zoo (``hyperparams/ppo.yml``).

Names and defaults are those of stable-baselines3's PPO. ``lin_X`` falls from X to 0 over training. Values
that are Python code are never evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.errors import UserError
from training.foreign_configs.translation import Translation, whole

DIRECT = {
    "n_envs": "num_envs",
    "n_steps": "n_steps",
    "batch_size": "batch_size",
    "n_epochs": "n_epochs",
    "gamma": "gamma",
    "gae_lambda": "gae_lambda",
    "ent_coef": "ent_coef",
    "vf_coef": "vf_coef",
    "max_grad_norm": "max_grad_norm",
    "target_kl": "target_kl",
    "normalize_advantage": "normalize_advantage",
    "seed": "seed",
}
SCHEDULED = ("learning_rate", "clip_range", "clip_range_vf")
COMPUTED = {"n_timesteps": "total_steps"}
"""Names whose value is written in another way there."""
DEFAULTS: dict[str, Any] = {
    "n_envs": 1,
    "n_steps": 2048,
    "batch_size": 64,
    "n_epochs": 10,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "learning_rate": 3e-4,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
LEAST = 1e-6
"""End of a clip range that falls to 0 there; here it must be above 0."""
WHY = {
    "policy": "the policy is always that of this project",
    "env_wrapper": "the environment has no wrappers",
    "vec_env_wrapper": "the environment has no wrappers",
    "frame_stack": "the screen holds its latest frames",
    "policy_kwargs": "it is Python code, which is not evaluated: set network by hand",
    "normalize": "VecNormalize has no counterpart by that name: see normalize_input and normalize_value",
    "use_sde": "it is for continuous actions",
    "sde_sample_freq": "it is for continuous actions",
    "callback": "callbacks are those of a session",
    "device": "set device for this machine",
}
ALGORITHM = {"n_steps", "n_timesteps", "batch_size", "learning_rate", "n_epochs", "policy", "gamma"}


def is_entry(content: Any) -> bool:
    """Whether ``content`` is one entry, not a file of entries."""
    return isinstance(content, Mapping) and bool(content.keys() & ALGORITHM)


def entry_of(content: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """Return the entry ``name`` of a file, or its only one. Raises UserError when there is no such entry."""
    if is_entry(content) and name is None:
        return content
    entries: dict[str, Mapping[str, Any]] = {key: value for key, value in content.items() if is_entry(value)}
    if name is None and len(entries) == 1:
        return next(iter(entries.values()))
    if name in entries:
        return entries[name]
    names = ", ".join(list(entries)[:8]) or "none"
    if name is None:
        raise UserError(f"has {len(entries)} entries, choose one with --entry: {names}")
    raise UserError(f"has no entry {name!r}; entries: {names}")


def translate(entry: Mapping[str, Any]) -> Translation:
    """Translate one entry. Raises UserError when a value is of another kind."""
    found = Translation("rl-baselines3-zoo")
    values = {**DEFAULTS, **entry}
    found.take(values, DIRECT)
    for name in SCHEDULED:
        if values.get(name) is not None:
            _schedule(name, values[name], found)
    if "n_timesteps" in entry:
        found.settings["total_steps"] = whole(entry, "n_timesteps")
    found.explain(entry, {*DIRECT, *SCHEDULED, *COMPUTED}, WHY)
    return found


def _schedule(name: str, value: Any, found: Translation) -> None:
    """Set a number or a falling schedule; a learning rate may end at 0 and has a key of its own for it."""
    if not isinstance(value, str):
        found.settings[name] = value
        return
    head, _, text = value.partition("_")
    try:
        start = float(text)
    except ValueError:
        head = ""
    if head != "lin":
        raise UserError(f"{name} {value!r} must be a number or lin_NUMBER")
    if name == "learning_rate":
        found.settings |= {"learning_rate": start, "lr_schedule": "linear", "lr_end": 0.0}
    else:
        found.settings[name] = {"kind": "linear", "start": start, "end": LEAST}
