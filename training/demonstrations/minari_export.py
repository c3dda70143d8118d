"""Export of a set of demonstrations to Minari, the format for offline data of Gymnasium's authors.

A set keeps actions alone; Minari keeps what was seen. Every episode is therefore replayed, and verified on
the way. Observations are stored as they are: Minari's default would compress pictures with loss.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.errors import UserError
from envs.red_env import RedEnv
from training.demonstrations.demo_set import Demonstration, DemonstrationSet
from training.demonstrations.samples import task_of, verify_step
from training.environments.local import make_env, observations_of
from training.environments.task import Task

if TYPE_CHECKING:
    from minari.data_collector.episode_buffer import EpisodeBuffer

NOT_IMITATED = "random_action"
"""The info of Minari's steps that is true where the action was drawn at random, or nobody pressed a key."""


NAME = re.compile(r"([-\w]+/)*[-\w]+-v[0-9]+")


def new_dataset(name: str) -> Path:
    """Return the folder of a new dataset: in MINARI_DATASETS_PATH, or in ~/.minari/datasets.

    Raises UserError if Minari is not installed, ``name`` cannot be a dataset's, or there is one of that name.
    """
    try:
        from minari.storage import get_dataset_path
    except ImportError as error:
        raise UserError(
            f"--minari needs the package minari, which is not installed ({error}): pip install -e '.[minari]'"
        ) from error
    if not NAME.fullmatch(name):
        raise UserError(f"--minari {name!r}: must be a name and a version, such as pokered/first-badge-v0")
    folder = Path(get_dataset_path(name))
    if folder.exists():
        raise UserError(f"--minari {name}: exists already in {folder}; choose another name or remove it")
    return folder


def export_to_minari(found: DemonstrationSet, task: Task, name: str) -> Iterator[Demonstration]:
    """Write the set as the dataset ``name``, with the observations of ``task``; yields each written episode.

    An episode is in memory while it is written: about 22 kB a step with the default observations. Raises
    UserError if an episode does not replay as it was recorded; nothing of the dataset is left then.
    """
    folder = new_dataset(name)
    from minari import create_dataset_from_buffers

    dataset = None
    try:
        for one in found:
            buffer = _buffer(one, task)
            if dataset is None:
                dataset = create_dataset_from_buffers(name, [buffer], **_about(found, task))
            else:
                dataset.update_dataset_from_buffer([buffer])
            yield one
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _about(found: DemonstrationSet, task: Task) -> dict[str, Any]:
    manifest = found.manifest
    source = ", ".join(f"{key} {value}" for key, value in manifest.source.items() if value is not None)
    observations = observations_of(task.config)
    return {
        "observation_space": observations.space,
        "action_space": RedEnv.actions(),
        "algorithm_name": f"{manifest.player} ({source})",
        "description": (
            f"Demonstrations of {manifest.game}, ROM SHA-1 {manifest.rom_sha1}, set SHA-256 {found.sha256}."
            f" Where the info {NOT_IMITATED} is true, the action is not the player's."
        ),
        "jpeg_encoding": False,
    }


def _buffer(one: Demonstration, task: Task) -> EpisodeBuffer:
    """Replay an episode: n actions and rewards, n + 1 observations and infos."""
    from minari.data_collector.episode_buffer import EpisodeBuffer

    header, actions = one.episode.header, one.episode.actions
    rewards, seen = np.zeros(header.steps), []
    with contextlib.closing(make_env(task_of(task, one))) as env:
        observed, _ = env.reset(options={"wait_frames": header.wait_frames})
        seen.append(observed)
        for step, action in enumerate(actions):
            observed, rewards[step], *_ = env.step(action)
            seen.append(observed)
            verify_step(env, one, step + 1)
    ended = np.arange(header.steps) == header.steps - 1
    random = np.isin(np.arange(header.steps + 1), sorted(one.noise))
    return EpisodeBuffer(
        observations={name: np.stack([each[name] for each in seen]) for name in seen[0]},
        actions=np.frombuffer(actions, np.uint8).astype(np.int64),
        rewards=rewards,
        terminations=np.zeros(header.steps, np.bool_),
        truncations=ended,
        infos={NOT_IMITATED: random},
    )
