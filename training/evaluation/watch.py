"""evaluate.py --watch: a trained policy plays in a window, at the speed of a real Game Boy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from callbacks.stop_signals import StopRequest
from envs.game_boy.emulator import Emulator
from training.config.schema import TrainConfig
from training.environments.local import check_display, make_env
from training.environments.task import resolve_task
from training.evaluation.players import load_policy, policy_choice
from training.evaluation.playing import FIRST_EVALUATION_SEED
from training.runs.lookup import run_checkpoint

REPORTED = ("return", "length", "battles_won", "levels_gained", "badges_earned", "map_progress")


def watch(run: Path, config: TrainConfig, episodes: int, greedy: bool, checkpoint: str | None) -> str:
    """Show up to ``episodes`` episodes until the window is closed or a signal arrives; return a line for each
    that ended.

    Keys: Escape closes the window, P pauses, Space toggles full speed. Raises UserError when there is no
    display, or the checkpoint, the ROM or the start state is wrong.
    """
    check_display("--watch")
    found = run_checkpoint(run, checkpoint)
    task = resolve_task(config).at_first_start()
    # Before the window: an exception raised by a signal would be lost in PyBoy's compiled code.
    with StopRequest() as stopped:
        emulator = Emulator(task.game.rom, sound=config.sound, window="SDL2", real_speed=True)
        env = DummyVecEnv([lambda: make_env(task, emulator=emulator)])
        try:
            choose = policy_choice(load_policy(config, env, found), greedy)
            torch.manual_seed(0)
            env.seed(FIRST_EVALUATION_SEED)
            observations, starts = env.reset(), np.ones(1, np.bool_)
            lines: list[str] = []
            while emulator.running and not stopped() and len(lines) < episodes:
                observations, _, dones, infos = env.step(choose(observations, starts))  # type: ignore[arg-type]
                starts = dones.copy()
                if dones[0]:
                    lines.append(_line(len(lines) + 1, infos[0]["episode_stats"]))
        finally:
            env.close()
    return "\n".join(lines) or "stopped before an episode ended"


def _line(number: int, stats: dict[str, Any]) -> str:
    return f"episode {number}: " + ", ".join(f"{name.replace('_', ' ')} {stats[name]:g}" for name in REPORTED)
