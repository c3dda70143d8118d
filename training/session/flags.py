"""The flags of train_ppo.py."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from training.cli.parsing import Count, File, Name, Switch, UsageError, _flag

AUTO = "auto"
RAY = "ray"
NO_SETTINGS = (
    *("config", "run_name", "resume", "accept_changes", "init_from"),
    *("stop_after", "use_graphics", "ignore_memory", "ignore_implausible", "export_sb3"),
)
"""Flags that are no keys of a config."""


@dataclass(frozen=True)
class TrainFlags:
    """Train PPO on the game.

    A flag beats the config file, the file what it extends, that the preset, and that the defaults.
    """

    config: File = None
    """JSON file with settings (see configs/)."""
    run_name: Name = None
    """Folder under runs/ that the run makes; made from the config's name and the time when left out."""
    preset: Annotated[Literal["small", "medium", "large"] | None, _flag("{small,medium,large}")] = None
    """Environments, rollout and batch fitted to this machine's cores and memory."""
    resume: Name = None
    """Continue the run of this name from its last checkpoint."""
    accept_changes: Switch = False
    """Resume although settings differ from the run's own."""
    init_from: Name = None
    """Start from the weights of this run or checkpoint folder, with a fresh count of steps."""
    rom: File = None
    """Cartridge to play; when left out, what POKEMON_RED_ROM names, or the embedded one."""
    game: Annotated[Literal["red", "blue", "clover"] | None, _flag("{red,blue,clover}")] = None
    """Which game a cartridge is that is not known by its hash."""
    start: Annotated[str | None, _flag("NAME")] = None
    """How episodes begin: a start state's name or the path of a state file."""
    fast_text: Switch = False
    """Keep text fast and battle animations off by writing memory (an intervention: recorded and counted)."""
    seed: Annotated[int | None, _flag("N", "seed")] = None
    """Seed of every random generator."""
    num_envs: Annotated[str | None, _flag("N|auto", "num_envs")] = None
    """Games played side by side; auto: as many as a short measurement finds worth it."""
    workers: Annotated[str | None, _flag("N|ray", "workers")] = None
    """Processes for them (default: one per core and one more); ray: they run on the machines of a Ray
    cluster."""
    ray_address: Annotated[str | None, _flag("HOST:PORT", "ray_address")] = None
    """The head of that cluster, see docs/ray.md."""
    envs_per_actor: Annotated[int | None, _flag("N", "envs_per_actor")] = None
    """Games of one actor there; an actor takes one processor."""
    step_timeout: Annotated[float | None, _flag("S", "step_timeout")] = None
    """Seconds for one step of the games, after which a worker counts as hung and is replaced."""
    total_multiplier: Annotated[int | None, _flag("N", "total_multiplier")] = None
    """Train for max_steps x num_envs x this many steps."""
    total_steps: Annotated[int | None, _flag("N", "total_steps")] = None
    """Train for this many steps over all environments; beats --total-multiplier."""
    stop_after: Count = None
    """Save and stop once this many steps are reached; --resume continues."""
    n_steps: Annotated[int | None, _flag("N", "n_steps")] = None
    """Steps of each environment in one rollout."""
    batch_size: Annotated[int | None, _flag("N", "batch_size")] = None
    """Steps in one minibatch; must divide n_steps x num_envs."""
    n_epochs: Annotated[int | None, _flag("N", "n_epochs")] = None
    """Passes over each rollout."""
    gamma: Annotated[float | None, _flag("X", "gamma")] = None
    """Discount of later rewards."""
    gae_lambda: Annotated[float | None, _flag("X", "gae_lambda")] = None
    """Bias against variance in the advantages."""
    ent_coef: Annotated[float | None, _flag("X", "ent_coef")] = None
    """Weight of the entropy bonus (where annealing begins)."""
    learning_rate: Annotated[float | None, _flag("X", "learning_rate")] = None
    """Step size of the optimizer."""
    clip_range: Annotated[float | None, _flag("X", "clip_range")] = None
    """How far one update may move an action's probability."""
    vf_coef: Annotated[float | None, _flag("X", "vf_coef")] = None
    """Weight of the value loss."""
    max_grad_norm: Annotated[float | None, _flag("X", "max_grad_norm")] = None
    """Longest gradient that is not cut."""
    device: Annotated[str | None, _flag("NAME", "device")] = None
    """auto, cpu, cuda or cuda:N."""
    bfloat16: Switch = False
    """Compute the network in bfloat16, where the processor or graphics card can."""
    torch_deterministic: Switch = False
    """Refuse operations of torch that are not reproducible."""
    save_interval: Annotated[int | None, _flag("N", "save_interval")] = None
    """Steps between checkpoints."""
    eval_every_steps: Annotated[int | None, _flag("N", "eval_every_steps")] = None
    """Steps between evaluations on seeds held apart; 0 for none."""
    ignore_memory: Switch = False
    """Start although the run is estimated to need more memory than is free."""
    ignore_implausible: Switch = False
    """Train on a ROM that --game speaks for although its memory does not look like that game's."""
    export_sb3: File = None
    """At the end, write the policy to this .zip for plain stable-baselines3 (see also export_sb3.py)."""
    mlflow: Switch = False
    """Keep the figures in an MLflow database in the run's folder too (pip install mlflow-skinny)."""
    wandb: Switch = False
    """Keep them in an offline run of Weights & Biases in the run's folder too (pip install wandb)."""
    use_graphics: Switch = False
    """Show the first environment's game in a window."""

    def overrides(self) -> dict[str, Any]:
        """Settings that were given as flags, by their keys in a config."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NO_SETTINGS}
        given["num_envs"] = _whole("--num-envs", self.num_envs, AUTO)
        given["workers"] = _whole("--workers", self.workers, RAY)
        values = {k: str(v) if isinstance(v, Path) else v for k, v in given.items() if v is not None}
        if "workers" in values:  # processes of this machine, also where the config names a cluster
            values["ray_address"] = None
        return {key: value for key, value in values.items() if value is not False}

    @property
    def measure_num_envs(self) -> bool:
        """Whether the number of environments is to be measured."""
        return self.num_envs == AUTO

    @property
    def on_cluster(self) -> bool:
        """Whether the games are to run on a Ray cluster."""
        return self.workers == RAY


def _whole(flag: str, text: str | None, word: str) -> int | None:
    """The flag's number; None where it was not given, or is ``word``."""
    if text is None or text == word:
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{flag} {text} must be a whole number or {word}") from None
