"""The plan of a sweep: variants, seeds and run names. Writes nothing to disk."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from envs.errors import UserError
from envs.installation import shipped_config
from envs.paths import expanded
from training.cli.parsing import UsageError
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.presets import largest_divisor
from training.config.roles import TASK
from training.config.schema import TrainConfig
from training.environments.task import resolve_task

Mode = Literal["smoke", "full"]
# A smoke run is the variant with short episodes and few environments: same algorithm, smaller task.
SMOKE_MAX_STEPS = 512
SMOKE_NUM_ENVS = 8
SMOKE_N_STEPS = 256


@dataclass(frozen=True)
class Variant:
    """One config of the sweep, final except for its seed."""

    name: str
    path: Path
    config: TrainConfig


@dataclass(frozen=True)
class Trial:
    """One run: a variant with a seed. ``flags`` are more flags for its process, ``first_flags`` only for the
    one that begins it."""

    variant: str
    seed: int
    run: str
    config: TrainConfig
    flags: tuple[str, ...] = ()
    first_flags: tuple[str, ...] = ()


def find_configs(patterns: Sequence[str]) -> list[Path]:
    """Return the matching files, sorted and unique. Raises UsageError if a pattern matches nothing."""
    found: set[Path] = set()
    for pattern in patterns:
        matches = _matching(expanded(pattern)) or _matching(shipped_config(expanded(pattern)))
        if not matches:
            raise UsageError(f"{pattern} matches no config file")
        found.update(matches)
    return sorted(found)


def _matching(pattern: Path) -> list[Path]:
    names = glob.glob(str(pattern))  # noqa: PTH207 - absolute patterns too
    return [Path(name) for name in names if Path(name).is_file()]


def load_variants(
    paths: Sequence[Path], base: Path | None, mode: Mode, episodes: int, overrides: dict[str, Any]
) -> list[Variant]:
    """Load each file as a variant; all are read before errors are reported.

    Raises:
        ConfigError: one line with every problem in every file.
    """
    variants: list[Variant] = []
    problems: list[str] = []
    for path in paths:
        try:
            config = load_config(path, overrides, base)
            resolve_task(config)  # the ROM, the start and the goal
            variants.append(Variant(_name(config, path), path, _sized(config, mode, episodes)))
        except UserError as error:
            problems.append(str(error))
    names = [variant.name for variant in variants]
    for name in sorted({name for name in names if names.count(name) > 1}):
        files = ", ".join(str(variant.path) for variant in variants if variant.name == name)
        problems.append(f"{files} are all called {name}; give each its own sweep_variant")
    if problems:
        raise ConfigError("; ".join(dict.fromkeys(problems)))
    return variants


def _name(config: TrainConfig, path: Path) -> str:
    """Return the variant's name; raises ConfigError when the file name does not match it."""
    if config.agent_id is None:
        return config.sweep_variant or path.stem
    if config.sweep_variant is not None:
        wanted = f"{config.agent_id}_sweep_{config.sweep_variant}"
    elif config.version is not None:
        wanted = f"{config.agent_id}_v{config.version}"
    else:
        raise ConfigError(f"{path}: agent_id {config.agent_id} needs a version or a sweep_variant")
    if path.stem != wanted:
        raise ConfigError(f"{path}: given its agent_id and variant, it must be called {wanted}{path.suffix}")
    return config.sweep_variant or f"v{config.version}"


def _sized(config: TrainConfig, mode: Mode, episodes: int) -> TrainConfig:
    """Return the config with ``episodes`` episodes' worth of steps, on the smaller task in smoke mode."""
    sizes: dict[str, Any] = {}
    if mode == "smoke":
        sizes["max_steps"] = min(config.max_steps, SMOKE_MAX_STEPS)
        sizes["num_envs"] = min(config.num_envs, SMOKE_NUM_ENVS)
        sizes["n_steps"] = min(config.n_steps, SMOKE_N_STEPS)
        sizes["batch_size"] = largest_divisor(sizes["num_envs"] * sizes["n_steps"], config.batch_size)
        if config.workers is not None:
            sizes["workers"] = min(config.workers, sizes["num_envs"])
    total = episodes * sizes.get("max_steps", config.max_steps)
    sizes["total_steps"] = total
    sizes["save_interval"] = min(config.save_interval, max(1, total // 4))  # a killed trial loses a quarter
    return config.model_copy(update=sizes)


def refuse_unlike(variants: Sequence[Variant]) -> None:
    """Raise ConfigError, naming the keys, when variants differ in the game or the rewards."""
    task = TrainConfig.keys_with(*TASK)
    first, *others = variants
    for other in others:
        changes = other.config.differences(first.config)
        unlike = [change for change in changes if change.split(":")[0].split(".")[0] in task]
        if unlike:
            raise ConfigError(
                f"{other.path} cannot be compared with {first.path}: {', '.join(unlike)};"
                " use --compare-unlike to compare them anyway"
            )


def sweep_name(variants: Sequence[Variant]) -> str:
    """Return a name derived from the variants, so that the same command continues where it stopped."""
    agent = variants[0].config.agent_id or "sweep"
    contents = {  # without defaults, so that settings added later do not change the name
        variant.name: variant.config.model_dump(mode="json", exclude_defaults=True) for variant in variants
    }
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:6]
    return f"{agent}-{digest}"


def trials(name: str, variants: Sequence[Variant], seeds: int) -> list[Trial]:
    """Return every variant with seeds 1, 2, ..., seed by seed, so that they stay comparable if stopped."""
    return [
        Trial(
            v.name,
            seed,
            f"{name}.{v.name}.s{seed}",
            v.config.model_copy(update={"seed": seed, "sweep": name, "sweep_config": str(v.path.resolve())}),
        )
        for seed in range(1, seeds + 1)
        for v in variants
    ]
