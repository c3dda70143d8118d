"""A YAML config of rl_games: ``params`` with ``config`` and ``network``.

Names, defaults and formulas are those of rl_games 1.6: the loss is the policy's + 0.5 x ``critic_coef`` x the
squared error of the value - ``entropy_coef`` x the entropy, and Adam's eps is 1e-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.errors import UserError
from training.foreign_configs.translation import Translation, number, truth, whole

DIRECT = {
    "gamma": "gamma",
    "tau": "gae_lambda",
    "learning_rate": "learning_rate",
    "e_clip": "clip_range",
    "entropy_coef": "ent_coef",
    "mini_epochs": "n_epochs",
    "horizon_length": "n_steps",
    "num_actors": "num_envs",
    "weight_decay": "weight_decay",
    "value_bootstrap": "value_bootstrap",
    "truncate_grads": "truncate_grads",
    "normalize_value": "normalize_value",
    "normalize_input": "normalize_input",
    "score_to_win": "score_to_win",
    "save_best_after": "save_best_after",
}
COMPUTED = {
    "critic_coef": "vf_coef",
    "normalize_advantage": "normalize_advantage",
    "minibatch_size": "batch_size",
    "minibatch_size_per_env": "batch_size",
    "clip_value": "clip_range_vf",
    "lr_schedule": "lr_schedule",
    "schedule_type": "lr_adapt_per",
    "kl_threshold": "kl_threshold",
    "max_epochs": "total_steps",
    "max_frames": "total_steps",
    "grad_norm": "max_grad_norm",
    "save_frequency": "save_frequency",
}
"""Names whose value depends on others, or is in other units there."""
SHAPER = {"scale_value": "reward_scale", "shift_value": "reward_shift"}
MLP = {"units": "network.hidden", "activation": "network.activation"}
NETWORK = {"separate": "network.separate"}
DEFAULTS = {
    "normalize_advantage": True,
    "value_bootstrap": False,
    "truncate_grads": False,
    "schedule_type": "legacy",
}
"""What rl_games takes where a config says nothing and we would take something else."""
WHY = {
    "name": "the kind of run is always PPO",
    "env_name": "the game is set with rom and start",
    "env_config": "the game is set with rom and start",
    "ppo": "the algorithm is always PPO",
    "full_experiment_name": "a run is named with --run-name",
    "device": "set device for this machine",
    "device_name": "set device for this machine",
    "multi_gpu": "one process learns",
    "mixed_precision": "it is float16 with a scaler; bfloat16 is the setting here, where hardware has it",
    "bounds_loss_coef": "it is for continuous actions",
    "bound_loss_type": "it is for continuous actions",
    "print_stats": "statistics are always logged",
    "player": "evaluate.py has flags of its own",
    "games_to_track": "means are always over 100 episodes",
    "use_diagnostics": "health is always judged",
    "central_value_config": "there is one critic, which sees what the actor sees",
    "use_smooth_clamp": "the clip of the ratio is that of PPO",
    "seq_length": "the policy has no memory",
    "seq_len": "the policy has no memory",
    "zero_rnn_on_done": "the policy has no memory",
}
NETWORK_WHY = {
    "name": "the network is always actor and critic",
    "space": "the buttons are one discrete action",
    "cnn": "the encoder of pictures is set with network.cnn",
    "rnn": "set the memory of the policy by hand",
}
MLP_WHY = {
    "d2rl": "layers are plain",
    "initializer": "how weights begin is set here in network, if this version can",
    "regularizer": "use weight_decay",
}
PARAMS_WHY = {
    "algo": "the algorithm is always PPO with discrete actions",
    "model": "actions are always discrete",
    "load_checkpoint": "use --init-from",
    "load_path": "use --init-from",
    "env": "the game is set with rom and start",
}
SCHEDULE_TYPES = {"legacy": "minibatch", "standard": "update", "standard_epoch": "update"}


def translate(content: Mapping[str, Any]) -> Translation:
    """Translate the content of the file. Raises UserError when a part of it is missing or of another kind."""
    params = _section(content, "params")
    given, network = _section(params, "config"), _section({"network": {}, **params}, "network")
    found = Translation("rl_games")
    config = {**DEFAULTS, **_without_interpolations(given, found)}
    found.take(config, DIRECT)
    found.settings["adam_eps"] = 1e-8
    _sizes(config, found)
    _losses(config, found)
    _rate(config, found)
    found.explain(config, DIRECT.keys() | COMPUTED.keys() | {"reward_shaper"}, WHY)
    _network(network, found)
    if whole({"seed": 0, **params}, "seed") >= 0:
        found.take(params, {"seed": "seed"})
    found.explain(params, {"config", "network", "seed"}, PARAMS_WHY)
    found.evaluate()
    return found


def _section(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = holder.get(key)
    if not isinstance(section, Mapping):
        raise UserError(f"{key} {section!r} must be keys with values")
    return section


def _without_interpolations(given: Mapping[str, Any], found: Translation) -> dict[str, Any]:
    """Return what is a plain value; a value like ``${task.steps}`` is resolved by Hydra, not here."""
    open_ended = [name for name, value in given.items() if isinstance(value, str) and "${" in value]
    for name in open_ended:
        found.left_out[name] = f"{given[name]} refers to another file: write the value"
    return {name: value for name, value in given.items() if name not in open_ended}


def _sizes(config: Mapping[str, Any], found: Translation) -> None:
    rollout = whole(config, "num_actors") * whole(config, "horizon_length")
    if "minibatch_size_per_env" in config:
        found.settings["batch_size"] = whole(config, "minibatch_size_per_env") * config["num_actors"]
    else:
        found.settings["batch_size"] = whole({"minibatch_size": rollout, **config}, "minibatch_size")
    units = {"max_frames": 1, "max_epochs": rollout}
    lengths = [whole(config, name) * steps for name, steps in units.items() if name in config]
    if any(steps > 0 for steps in lengths):  # -1: without an end
        found.settings["total_steps"] = min(steps for steps in lengths if steps > 0)
    if config.get("save_frequency"):
        found.settings["save_frequency"] = config["save_frequency"]


def _losses(config: Mapping[str, Any], found: Translation) -> None:
    if "critic_coef" in config:
        found.settings["vf_coef"] = number(config, "critic_coef") / 2
    found.settings["normalize_advantage"] = "batch" if truth(config, "normalize_advantage") else "off"
    if truth({"clip_value": False, **config}, "clip_value"):
        found.settings["clip_range_vf"] = number(config, "e_clip")
        found.notes.append("clip_value: there the larger loss counts, here that of the clipped value")
    if "grad_norm" in config and truth(config, "truncate_grads"):
        found.settings["max_grad_norm"] = config["grad_norm"]
    elif "grad_norm" in config:
        found.left_out["grad_norm"] = "it has no effect with truncate_grads off, there and here"
    shaper = _section(config, "reward_shaper") if "reward_shaper" in config else {}
    found.take(shaper, SHAPER, "reward_shaper.")
    found.explain(shaper, set(SHAPER), {}, "reward_shaper.")


def _rate(config: Mapping[str, Any], found: Translation) -> None:
    kind = config.get("lr_schedule")
    if kind in ("adaptive", "linear"):
        found.settings["lr_schedule"] = kind
    elif kind not in (None, "identity", "None"):
        found.left_out["lr_schedule"] = f"{kind} is not known here"
    if kind != "adaptive":
        unused = ("kl_threshold",) if "kl_threshold" in config else ()
        found.left_out.update(dict.fromkeys(unused, "it has no effect without lr_schedule adaptive"))
        return
    found.settings["kl_threshold"] = config.get("kl_threshold", 0.008)
    schedule_type = str(config["schedule_type"])
    if schedule_type in SCHEDULE_TYPES:
        found.settings["lr_adapt_per"] = SCHEDULE_TYPES[schedule_type]
    else:
        found.left_out["schedule_type"] = f"{schedule_type} is not known here"


def _network(network: Mapping[str, Any], found: Translation) -> None:
    mlp = _section({"mlp": {}, **network}, "mlp")
    found.take(mlp, MLP, "network.mlp.")
    found.take(network, NETWORK, "network.")
    found.explain(mlp, set(MLP), MLP_WHY, "network.mlp.")
    found.explain(network, {"mlp", *NETWORK}, NETWORK_WHY, "network.")
