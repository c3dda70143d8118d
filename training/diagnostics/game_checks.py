"""The doctor's checks of the game: ROM, boot, walking, state fields, speed, and one small PPO update."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from envs.errors import UserError
from envs.game.boot import DIRECTIONS, BootError
from envs.game.catalog import Game, chosen_rom, identify
from envs.game.maps import map_name
from envs.game.plausibility import CHECKS, fresh_game_oddities, implausible, memory_oddities
from envs.game_boy.emulator import VERSION, Emulator
from envs.ram import GameState, read_state
from envs.start_states.cache import cache_folder
from training.diagnostics.check_result import FAILURE, OK, WARNING, CheckResult
from training.diagnostics.report_facts import rom_facts, state_facts

MEASURED_SECONDS = 3.0
SLOW = 60  # actions per second on one core
DEMAND = "send this report with its pictures, and say which release the cartridge is"


def find_game(rom: Path | None, name: str | None) -> tuple[Game | None, CheckResult]:
    """Return the game to play and the result for its ROM."""
    try:
        path = chosen_rom(rom)
        game = identify(path, name)
    except UserError as error:
        advice = "give the ROM with --rom, or in POKEMON_RED_ROM"
        return None, CheckResult("rom", FAILURE, str(error), advice, rom_facts(path))
    text = f"{path}: {game.name}, title {game.title}, SHA-1 {game.sha1}"
    facts = {"game": game.name, "game_known_by": "--game" if game.assumed else "SHA-1", **rom_facts(path)}
    if game.assumed:
        advice = f"unknown hash: treated as {game.name}, as given"
        return game, CheckResult("rom", WARNING, text, advice, facts)
    return game, CheckResult("rom", OK, text, facts=facts)


def check_boot(game: Game, emulator: Emulator) -> Iterator[CheckResult]:
    """Boot from power-on to player control, as for start states. A failure saves the last pictures."""
    picture = cache_folder() / "doctor.png"
    started = time.monotonic()
    try:
        game.boot(emulator, picture)
    except BootError as error:
        strip = picture.with_name("doctor-strip.png")
        Image.fromarray(error.strip).save(strip)
        yield CheckResult("boot", FAILURE, f"{error}; the last ones, from left to right, are {strip}", DEMAND)
        return
    state = read_state(emulator.memory)
    place = f"{map_name(state.map_id)} ({state.x}, {state.y})"
    seconds = time.monotonic() - started
    facts = {
        "frame": emulator.frame_count,
        "actions": emulator.actions,
        "seconds": seconds,
        "emulator": VERSION,
    }
    took = f"frame {emulator.frame_count}, after {seconds:.1f} s"
    yield CheckResult("boot", OK, f"control in the {place} at {took}", facts=facts)


def check_walk(emulator: Emulator) -> Iterator[CheckResult]:
    """Check that each step changes only the coordinate of its direction."""
    walked: list[str] = []
    for direction in (*DIRECTIONS, *DIRECTIONS):
        before = read_state(emulator.memory)
        emulator.act(direction)
        emulator.act(None)
        now = read_state(emulator.memory)
        facing, dx, dy = DIRECTIONS[direction]
        moved = (now.x - before.x, now.y - before.y)
        if now.facing != facing or moved not in ((0, 0), (dx, dy)) or now.map_id != before.map_id:
            described = f"{direction} led from {_where(before)} to {_where(now)}, facing {now.facing}"
            yield CheckResult(
                "walk", FAILURE, described, "the ROM has another memory layout, or the boot went wrong"
            )
            return
        walked += [direction] if moved != (0, 0) else []
    if walked:
        yield CheckResult("walk", OK, f"{len(walked)} steps ({', '.join(walked)}) and the coordinates agree")
    else:
        yield CheckResult("walk", FAILURE, "no direction moved the player", DEMAND)


def _where(state: GameState) -> str:
    return f"map {state.map_id} ({state.x}, {state.y})"


def check_state(emulator: Emulator) -> Iterator[CheckResult]:
    """Check that every field of GameState has a value that is possible in a new game."""
    state = read_state(emulator.memory)
    wrong = implausible(state) + memory_oddities(emulator.memory) + fresh_game_oddities(state)
    if wrong:
        advice = "this release has another memory layout, or is not an English Red or Blue"
        text = f"of {len(CHECKS)} fields not plausible: {', '.join(wrong)}"
        yield CheckResult("state", FAILURE, text, advice, state_facts(state))
    else:
        described = (
            f"{_where(state)}, money {state.money}, {state.event_count} events, {state.play_time} s played"
        )
        text = f"{len(CHECKS)} fields plausible: {described}"
        yield CheckResult("state", OK, text, facts=state_facts(state))


def check_speed(game: Game, emulator: Emulator) -> Iterator[CheckResult]:
    """Measure actions per second of one environment on one core, with random buttons."""
    from envs.observations import Observations
    from envs.red_env import EnvConfig, RedEnv
    from envs.start_states.state_files import StartState
    from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

    start = StartState(emulator.save_state(), "control", {})
    env = RedEnv(emulator, RewardStack(DEFAULT_COEFFICIENTS), Observations(), EnvConfig(game, start))
    env.reset(seed=0)
    generator = np.random.default_rng(0)
    count, started = 0, time.monotonic()
    while time.monotonic() - started < MEASURED_SECONDS:
        env.step(generator.integers(0, 7))
        count += 1
    rate = count / (time.monotonic() - started)
    advice = "the processor is busy or saves power" if rate < SLOW else ""
    yield CheckResult("speed", WARNING if rate < SLOW else OK, f"{rate:.0f} actions/s on one core", advice)


def check_update(device: str, game: Game, rom: Path) -> Iterator[CheckResult]:
    """Check that one small PPO update changes the weights and keeps them finite."""
    import torch
    from stable_baselines3.common.logger import Logger

    from training.config.loading import load_config
    from training.make_env import make_vec_env
    from training.ppo.build import build_model

    sizes = {"num_envs": 2, "workers": 1, "n_steps": 32, "batch_size": 32}
    settings = {"rom": str(rom), "start": "bedroom", **sizes}
    given = {**settings, "device": device, **({"game": game.name} if game.assumed else {})}
    config = load_config(None, given)
    env = make_vec_env(config)
    try:
        model = build_model(config, env)
        model.set_logger(Logger(None, []))
        before = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach().clone()
        started = time.monotonic()
        model.learn(config.rollout_steps)
        seconds = time.monotonic() - started
        change = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach() - before
    finally:
        env.close()
    size = float(change.abs().max())
    if not math.isfinite(size) or size == 0:
        yield CheckResult("update", FAILURE, f"one PPO update changed the weights by {size}", DEMAND)
    else:
        text = f"one PPO update of {config.rollout_steps} steps on {model.device}, {seconds:.1f} s"
        yield CheckResult("update", OK, text)
