"""A command line of CleanRL's ``ppo.py`` or ``ppo_atari.py``.

Names, defaults and formulas are those of CleanRL 1.0: the loss is the policy's + ``vf-coef`` x half the
squared error of the value - ``ent-coef`` x the entropy, an update ends when the KL divergence of an epoch's
last minibatch is above ``target-kl``, and an episode that the time limit ends counts as one that the game
ends.
"""

from __future__ import annotations

import shlex
from typing import Any

from envs.errors import UserError, nearest
from training.foreign_configs.translation import Translation

PPO: dict[str, Any] = {
    "seed": 1,
    "total-timesteps": 500_000,
    "learning-rate": 2.5e-4,
    "num-envs": 4,
    "num-steps": 128,
    "anneal-lr": True,
    "gamma": 0.99,
    "gae-lambda": 0.95,
    "num-minibatches": 4,
    "update-epochs": 4,
    "norm-adv": True,
    "clip-coef": 0.2,
    "clip-vloss": True,
    "ent-coef": 0.01,
    "vf-coef": 0.5,
    "max-grad-norm": 0.5,
    "target-kl": None,
}
ATARI = {"total-timesteps": 10_000_000, "num-envs": 8, "clip-coef": 0.1}
SCRIPTS = {"ppo.py": PPO, "ppo_atari.py": {**PPO, **ATARI}}
DIRECT = {
    "seed": "seed",
    "total-timesteps": "total_steps",
    "learning-rate": "learning_rate",
    "num-envs": "num_envs",
    "num-steps": "n_steps",
    "gamma": "gamma",
    "gae-lambda": "gae_lambda",
    "update-epochs": "n_epochs",
    "norm-adv": "normalize_advantage",
    "clip-coef": "clip_range",
    "ent-coef": "ent_coef",
    "max-grad-norm": "max_grad_norm",
}
COMPUTED = {
    "num-minibatches": "batch_size",
    "anneal-lr": "lr_schedule",
    "clip-vloss": "clip_range_vf",
    "vf-coef": "vf_coef",
    "target-kl": "target_kl",
}
"""Names whose value depends on others, or is in other units there."""
WHY = {
    "exp-name": "a run is named with --run-name",
    "env-id": "the game is set with rom and start",
    "cuda": "set device for this machine",
    "torch-deterministic": "it concerns cuDNN alone; torch_deterministic refuses more",
    "track": "set wandb or mlflow",
    "wandb-project-name": "a run in its folder has no project",
    "wandb-entity": "a run in its folder has no entity",
    "capture-video": "replay.py films recorded episodes",
    "save-model": "checkpoints are always saved",
    "upload-model": "nothing is uploaded",
    "hf-entity": "nothing is uploaded",
}
SWITCHES = {"cuda", "torch-deterministic", "track", "capture-video", "save-model", "upload-model"}
WORDS = {"true": True, "false": False}


def translate(text: str) -> Translation:
    """Translate a command line. Raises UserError when it is not one command of a known form."""
    script, given = _parsed(text)
    values = {**SCRIPTS[script], **given}
    found = Translation("CleanRL")
    found.take(values, DIRECT)
    rollout = values["num-envs"] * values["num-steps"]
    parts = values["num-minibatches"]
    if parts < 1 or rollout % parts:
        raise UserError(f"num-minibatches {parts} does not divide num-envs x num-steps = {rollout}")
    found.settings["batch_size"] = rollout // parts
    found.settings |= {"vf_coef": values["vf-coef"] / 2, "value_bootstrap": False}
    if values["anneal-lr"]:
        found.settings |= {"lr_schedule": "linear", "lr_end": 0.0}
    if values["clip-vloss"]:
        found.settings["clip_range_vf"] = values["clip-coef"]
        found.notes.append("clip-vloss: there the larger loss counts, here that of the clipped value")
    if values["target-kl"] is not None:
        found.settings["target_kl"] = values["target-kl"] / 1.5
        found.notes.append("target-kl: there judged after an epoch, here before every step at 1.5 target_kl")
    found.explain(given, set(PPO), WHY)
    found.notes.append(f"what the command leaves out has the default of {script}")
    return found


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    """Return the script's file name, which is ppo.py for flags alone, and the flags with their values."""
    try:
        tokens = shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise UserError(f"not a command line: {str(error).lower()}") from None
    if not tokens:
        raise UserError("is empty: must hold a command line of CleanRL's ppo.py or ppo_atari.py")
    scripts = [token for token in tokens if token.endswith(".py")]
    if len(scripts) > 1:
        raise UserError(f"holds {len(scripts)} commands ({', '.join(scripts[:3])}): keep one")
    script = scripts[0].rsplit("/", 1)[-1] if scripts else "ppo.py"
    if script not in SCRIPTS:
        raise UserError(f"{script} is not one of the scripts that can be translated: {', '.join(SCRIPTS)}")
    start = tokens.index(scripts[0]) + 1 if scripts else 0
    return script, _flags(tokens[start:])


def _flags(tokens: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--"):
            raise UserError(f"{token[:60]!r} is neither a flag of CleanRL nor its value")
        name, _, value = token[2:].partition("=")
        if not value and rest and not rest[0].startswith("--"):
            value = rest.pop(0)
        name = name.replace("_", "-")
        positive = name.removeprefix("no-")
        if not value and (positive in SWITCHES or isinstance(PPO.get(positive), bool)):
            given[positive] = positive == name
        else:
            given[name] = _value(name, value)
    return given


def _value(name: str, text: str) -> Any:
    """Return the value of a flag in the type of its default. Raises UserError for another type or name."""
    if name not in PPO:
        if name not in WHY:
            near = nearest(name, [*PPO, *WHY])
            hint = f"; did you mean --{near}?" if near else ""
            raise UserError(f"--{name} is not a flag of CleanRL's ppo.py{hint}")
        return text
    kind = float if PPO[name] is None else type(PPO[name])
    try:
        return WORDS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "True or False", int: "a whole number", float: "a number"}[kind]
        raise UserError(f"--{name} {text!r} must be {wanted}") from None
