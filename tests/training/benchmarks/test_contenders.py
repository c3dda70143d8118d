"""Tests of the benchmark's contenders: they do what their config asks for."""

from __future__ import annotations

from training.benchmarks.contenders import Rollouts
from training.config.loading import load_config
from training.environments.task import resolve_task
from training.start_archive.callback import StartArchive

SETTINGS = {"start": "starter", "num_envs": 2, "workers": 1, "n_steps": 16, "batch_size": 16, "device": "cpu"}


def test_training_fills_the_start_archive_of_its_config() -> None:
    archive = {"cells": "tiles", "share": 0.5, "selection": "count"}
    config = load_config(None, {**SETTINGS, "max_steps": 40, "archive": archive})
    contender = Rollouts(resolve_task(config), learn=True)
    try:
        while contender.model.num_timesteps < 96:
            assert contender.run(0.01) > 0
        kept = [one for one in contender.callbacks if isinstance(one, StartArchive)]
        assert len(kept) == 1 and kept[0].archive.entries
    finally:
        contender.close()
