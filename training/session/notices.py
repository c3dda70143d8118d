"""Lines printed before a run starts: its game and start, and settings that do not do what they seem to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from envs.errors import UserError
from envs.game.catalog import chosen_rom
from envs.game.goals import goal_of
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import ROM_VARIABLE
from envs.paths import shown
from envs.ram import GameState, read_state
from training.config import TrainConfig
from training.config.schedules import BaseSchedule
from training.diagnostics.machine_checks import version_problems
from training.environments.local import reward_of
from training.environments.task import Task
from training.ppo.demonstrated import section_of
from training.session.plan import Plan

NEEDS_A_CREATURE = (
    "battle_start_bonus",
    "battle_hp_delta",
    "battle_win",
    "milestone_level_up",
    "milestone_badge",
)
"""Coefficients that pay only once the team has a creature."""
MOMENTS = 20
"""Points of the schedules of layers that are looked at."""


def notices(plan: Plan) -> Iterator[str]:
    """Yield the lines, those that call for a look as warnings."""
    task = plan.task
    yield from (f"warning: {problem}" for problem in version_problems())
    yield plays(task)
    yield from other_rom(task)
    yield from rounded_up(plan)
    yield from of_a_cluster(task.config)
    names = paying(task)
    needs_a_creature = bool(names) and set(names) <= set(NEEDS_A_CREATURE)
    # Looking at the starts reads the cartridge again, so do it only where something depends on it.
    moments = first_moments(task) if needs_a_creature or task.config.goal else {}
    yield from unpaid(names, moments)
    yield from reached_goal(task, moments)
    yield from from_demonstrations(task)


def plays(task: Task) -> str:
    """Return a line with the game, the ROM and the start."""
    game = task.game
    kind = (
        " (embedded)" if game.embedded and not game.assumed else " (as --game says)" if game.assumed else ""
    )
    return f"plays {game.name}{kind}, ROM {game.rom}, from {task.describe_start()}"


def other_rom(task: Task) -> Iterator[str]:
    """Yield a warning if POKEMON_RED_ROM names another ROM than the run's."""
    chosen = os.environ.get(ROM_VARIABLE)
    if not chosen:
        return
    try:
        played = chosen_rom(chosen) == task.game.rom
    except UserError:  # not a path, and not used either
        played = False
    if not played:
        yield (
            f"warning: {ROM_VARIABLE} is {shown(chosen)}, which this run does not play: --rom or its config's"
            ' "rom" comes first'
        )


def rounded_up(plan: Plan) -> Iterator[str]:
    """Yield a line if the run takes more steps than were asked for."""
    config = plan.config
    if plan.last_step != config.training_steps:
        yield (
            f"{config.training_steps:,} steps are rounded up to {plan.last_step:,}: training ends with a"
            f" whole update of {config.rollout_steps:,} steps (n_steps {config.n_steps:,} x num_envs"
            f" {config.num_envs})"
        )


def of_a_cluster(config: TrainConfig) -> Iterator[str]:
    """Yield a warning for settings of a cluster in a run without one.

    Not refused: a config of a cluster is also tried on one machine.
    """
    fields = type(config).model_fields
    given = [
        key
        for key in ("envs_per_actor", "ray")
        if getattr(config, key) != fields[key].get_default(call_default_factory=True)
    ]
    if given and config.ray_address is None:
        yield f"warning: {' and '.join(given)}: no effect without ray_address: all games run on this machine"


def first_moments(task: Task) -> dict[str, GameState]:
    """Return the moments in which episodes begin, by the names of the starts."""
    moments: dict[str, GameState] = {}
    with Emulator(task.game.rom) as emulator:
        for start, _ in task.starts:
            emulator.load_state(start.data)
            moments[start.name] = read_state(emulator.memory)
    return moments


def paying(task: Task) -> list[str]:
    """Return the names of the terms that can ever pay: coefficient and layer weight are above 0."""
    config = task.config
    weights = [config.layers.at(moment, MOMENTS) for moment in range(MOMENTS + 1)]
    reward = reward_of(config, task.game)
    terms = [(term.name, term.layer, reward.coefficients[term.name]) for term in reward.terms]
    terms += [(term.name, term.layer, abs(coefficient)) for term, coefficient in reward.own]
    return [name for name, layer, paid in terms if paid > 0 and any(weight[layer] for weight in weights)]


def unpaid(names: Sequence[str], moments: Mapping[str, GameState]) -> Iterator[str]:
    """Yield a warning if no term pays, or none of ``names`` before the team has a creature."""
    teams = [state.party for state in moments.values()]
    if not names:
        yield "warning: nothing is ever paid: no reward coefficient is above 0 in a layer that counts"
    elif not any(teams) and set(names) <= set(NEEDS_A_CREATURE):
        yield (
            "warning: nothing is paid before the team has a creature, which it has not at"
            f" {', '.join(moments)}: only {', '.join(names)} pay; begin later with --start PATH (play.py"
            " saves states), or pay exploration or events as well"
        )


def reached_goal(task: Task, moments: Mapping[str, GameState]) -> Iterator[str]:
    """Yield a warning if episodes from some start cannot reach the goal, because it is reached there."""
    goal = goal_of(task.game, task.config.goal)
    reached = [name for name, state in moments.items() if all(one.reached(state) for one in goal)]
    if goal and reached:
        yield (
            f'warning: goal "{task.config.goal}" is already reached at {", ".join(reached)}, so no episode'
            " from there ends with it"
        )


def from_demonstrations(task: Task) -> Iterator[str]:
    """Yield lines about a reward from demonstrations that the agent may avoid the goal for, or never sees."""
    section = section_of(task)
    if section is None:
        return
    weight, name = section.learned_weight, section.weight_name
    if not any(weight.values() if isinstance(weight, BaseSchedule) else (weight,)):
        yield f"{section.kind_name}: {name} is 0: its reward is computed but never paid, as an ablation"
    elif task.config.goal:
        yield (
            f'warning: goal "{task.config.goal}" ends episodes early, and {section.kind_name} pays for every'
            " step, so the agent may avoid it; leave the goal out, so that all episodes have one length"
        )
