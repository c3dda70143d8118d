"""Plans a session from flags: which run, which config, from which checkpoint.

Planning changes nothing, except that it repairs the checkpoints of a killed run that is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envs.cluster.ray_api import require_ray
from training.cli.parsing import UsageError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.task import Task, game_of, refuse_implausible, resolve_task
from training.runs.folder import RunError, existing_run, lock_run, new_run_name, refuse_existing, run_name
from training.runs.lookup import find_checkpoint, newest, refuse_other_rom
from training.runs.manifest import read_manifest
from training.session.flags import TrainFlags

if TYPE_CHECKING:  # it imports torch, which takes seconds that most usage errors need not wait for
    from training.checkpoints.writing import Checkpoint


@dataclass(frozen=True)
class Plan:
    """What a training session does.

    ``resume`` is the checkpoint to continue from. ``weights`` only initialises the policy of a new run.
    """

    folder: Path
    task: Task
    stop_after: int | None
    use_graphics: bool
    resume: Checkpoint | None = None
    weights: Checkpoint | None = None
    config_file: Path | None = None
    accept_changes: bool = False
    ignore_memory: bool = False
    lock: IO[bytes] | None = None  # on a resumed run, held since before its checkpoint was read

    @property
    def config(self) -> TrainConfig:
        """The run's settings."""
        return self.task.config

    @property
    def first_step(self) -> int:
        """Step count of the run when the session starts."""
        return self.resume.steps if self.resume else 0

    @property
    def last_step(self) -> int:
        """Step count at which the session ends unless it is stopped: the end of an update."""
        updates = -(-(self.config.training_steps - self.first_step) // self.config.rollout_steps)
        return self.first_step + updates * self.config.rollout_steps


def make_plan(flags: TrainFlags) -> Plan:
    """Make the plan, checking everything that can be checked before an environment starts.

    Raises:
        UserError: flags exclude each other, or a config, run or checkpoint is wrong or missing.
    """
    for first, second in _excluded(flags):
        raise UsageError(f"{first} and {second} cannot be given together")
    if flags.jobs is not None:
        raise UsageError("--jobs needs --seeds N")
    if flags.accept_changes and flags.resume is None:
        raise UsageError("--accept-changes needs --resume NAME")
    if flags.measure_num_envs and flags.resume is not None:
        raise UsageError(
            "--num-envs auto and --resume cannot be given together: the run's number is already set"
        )
    if flags.ray_address is not None and not flags.on_cluster:
        raise UsageError("--ray-address needs --workers ray")
    if flags.stop_after is not None and flags.stop_after < 1:
        raise UsageError(f"--stop-after {flags.stop_after} is out of range: must be at least 1")
    return _resumed(flags, run_name(flags.resume)) if flags.resume is not None else _fresh(flags)


def _excluded(flags: TrainFlags) -> Iterator[tuple[str, str]]:
    if flags.resume is not None and flags.run_name is not None:
        yield "--resume", "--run-name"
    if flags.resume is not None and flags.init_from is not None:
        yield "--resume", "--init-from"


def check_cluster(flags: TrainFlags, config: TrainConfig) -> None:
    """Raise UserError for options that do not work on a Ray cluster, or when Ray is missing."""
    if flags.on_cluster and config.ray_address is None:
        raise UsageError("--workers ray needs --ray-address HOST:PORT, the head of the cluster")
    if config.ray_address is None:
        return
    if flags.measure_num_envs:
        raise UsageError(
            "--num-envs auto measures this machine; on a cluster give a number: envs_per_actor"
            f" ({config.envs_per_actor}) for each of its processors"
        )
    if flags.use_graphics:
        raise UsageError("--use-graphics needs a game on this machine; on a cluster there is none")
    require_ray()


def check_plausible(flags: TrainFlags, task: Task) -> None:
    """Raise UserError if the game's memory is not that of the game it is said to be, unless that is ignored,
    or if there is nothing to ignore."""
    if not flags.ignore_implausible:
        refuse_implausible(task)
    elif not task.game.assumed:
        raise UsageError(f"--ignore-implausible has no effect: the ROM is known to be {task.game.name}")


def _fresh(flags: TrainFlags) -> Plan:
    config = load_config(flags.config, flags.overrides())
    check_cluster(flags, config)
    name = flags.run_name if flags.run_name is not None else new_run_name(flags.config)
    folder = refuse_existing(name)
    weights = find_checkpoint(flags.init_from) if flags.init_from is not None else None
    task = resolve_task(config)
    check_plausible(flags, task)
    if flags.measure_num_envs:
        task = _with_measured_num_envs(flags, task)
    return Plan(
        folder,
        task,
        flags.stop_after,
        flags.use_graphics,
        weights=weights,
        config_file=flags.config,
        ignore_memory=flags.ignore_memory,
    )


def _with_measured_num_envs(flags: TrainFlags, task: Task) -> Task:
    from training.ppo.build import resolve_device
    from training.session.sizing import with_measured_num_envs

    resolve_device(task.config.device)
    return with_measured_num_envs(lambda more: load_config(flags.config, {**flags.overrides(), **more}), task)


def _resumed(flags: TrainFlags, name: str) -> Plan:
    folder = existing_run(name)
    own = load_config(folder / "config.json")
    config = load_config(flags.config or folder / "config.json", flags.overrides())
    check_cluster(flags, config)
    changes = config.differences(own)
    if changes and not flags.accept_changes:
        raise RunError(
            f"run {name}: settings differ from its own ({', '.join(changes)});"
            " --accept-changes continues with them"
        )
    game = game_of(config)
    read_manifest(folder)  # refuses a damaged one before anything changes
    if not flags.accept_changes:
        refuse_other_rom(folder, game)
    task = resolve_task(config, game)
    check_plausible(flags, task)
    lock = lock_run(folder)
    checkpoint = _newest_mended(folder)
    if checkpoint.steps >= config.training_steps:
        raise RunError(
            f"run {name} has completed all its {checkpoint.steps:,} steps; --resume {name} --total-steps N"
            f" --accept-changes trains it on, with N above {checkpoint.steps}"
        )
    if flags.stop_after is not None and flags.stop_after <= checkpoint.steps:
        raise UsageError(f"--stop-after {flags.stop_after}: run {name} already has {checkpoint.steps} steps")
    return Plan(
        folder, task, flags.stop_after, flags.use_graphics, resume=checkpoint,
        accept_changes=flags.accept_changes, lock=lock, ignore_memory=flags.ignore_memory,
    )  # fmt: skip


def _newest_mended(folder: Path) -> Checkpoint:
    from training.checkpoints.writing import repair_checkpoints

    if not (folder / "checkpoints").is_dir():
        raise RunError(f"run {folder.name} ended before its first step; remove {folder} and start it again")
    repair_checkpoints(folder / "checkpoints")
    return newest(folder)
