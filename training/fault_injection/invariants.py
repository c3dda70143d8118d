"""Checks of a run after a soak."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import torch

from envs.episodes.file_format import SUFFIX, read_episode
from training.checkpoints.writing import numbered_checkpoints, read_checkpoint
from training.event_logs.reader import EventReader
from training.event_logs.records import files_in
from training.fault_injection.training_process import TrainingProcess
from training.runs.folder import TENSORBOARD

Checks = list[tuple[str, bool]]
LONG_ENOUGH = 100  # steps; two episodes of this length do not have the same actions by chance


def run_checks(trainee: TrainingProcess, status: int, wanted: int, lost: Collection[str]) -> Checks:
    """Return a description of each check and whether it holds."""
    checkpoint = read_checkpoint(numbered_checkpoints(trainee.checkpoints)[0])
    counted = checkpoint.trainer["extra"]["counts"]["episodes"]
    recorded, doubled = episodes(trainee.run / "episodes")
    curve = approx_kl_steps(trainee.run)
    finite = all(bool(torch.isfinite(tensor).all()) for tensor in checkpoint.policy.values())
    alive = _wait_until_gone(trainee)
    shared = [path for path in trainee.shared if path.exists()]
    return [
        (f"exit status of the last session: {status}", status == 0),
        (f"steps: {checkpoint.steps:,} counted, {wanted:,} wanted", checkpoint.steps == wanted),
        (f"every session continued from the newest sound checkpoint{_list(lost)}", not lost),
        (f"episodes: {counted:,} counted, {recorded:,} recorded", counted == recorded),
        (f"duplicate episodes: {doubled}", doubled == 0),
        ("weights are finite", finite),
        (f"TensorBoard: {len(curve)} updates, no duplicate points", curve == sorted(set(curve))),
        (f"processes left: {len(alive)}", not alive),
        (f"shared memory left: {len(shared)}", not shared),
    ]


def _list(lost: Collection[str]) -> str:
    return ": " + "; ".join(lost) if lost else ""


def episodes(folder: Path) -> tuple[int, int]:
    """Return the number of recorded episodes, and how many of them have the same actions as another."""
    played = [read_episode(path) for path in sorted(folder.glob("*" + SUFFIX))]
    long = Counter(bytes(episode.actions) for episode in played if len(episode.actions) >= LONG_ENOUGH)
    return len(played), sum(times - 1 for times in long.values())


def approx_kl_steps(run: Path) -> list[int]:
    """Return the steps of all points of the KL divergence, in the order of the files."""
    return EventReader(files_in(run / TENSORBOARD)).steps("train/approx_kl")


def _wait_until_gone(trainee: TrainingProcess, seconds: float = 10.0) -> list[int]:
    deadline = time.monotonic() + seconds
    while trainee.alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    return trainee.alive()
