"""A curriculum under way: which stage it is in, what was found so far, and what happens next.

All of it stands in runs/NAME/curriculum.json and in the runs of the stages, so that a course that was
stopped anywhere goes on there.
"""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from envs.errors import UserError
from training.checkpoints import Checkpoint
from training.config import TrainConfig
from training.config_files import unknown_name
from training.curriculum_file import REACH, Curriculum
from training.episodes import CHOOSING, SIDE_BY_SIDE, Interrupted
from training.evaluation import load_policy, open_milestones, play_seeds, seeded_policy
from training.figures import Summary, summarise
from training.make_env import env_config, make_vec_env
from training.model import resolve_device
from training.plan import Plan, newest, refuse_other_rom
from training.report import summary_record
from training.runs import append_json_line, refuse_existing, run_folder, runs_root, write_json
from training.session import train

STATE = "curriculum.json"
FORMAT = 1
PASSED, BUDGET_ENDED, STOPPED, FINISHED = "passed", "budget ended", "stopped", "finished"


class StopRequest:
    """Whether SIGTERM or SIGINT came while it was entered; a second SIGINT raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._handlers: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.reason is not None

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.reason = signal.Signals(number).name


@dataclass
class Course:
    """Where a curriculum stands: the stage under way, how often its criterion was looked at, and each look's
    result."""

    name: str
    curriculum: Curriculum
    configs: list[TrainConfig]
    stage: int = 0
    checks: int = 0
    looks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the course keeps its state."""
        return runs_root() / self.name

    def run_of(self, stage: int) -> Path:
        """The folder of a stage's run."""
        return run_folder(f"{self.name}-{stage + 1}-{self.curriculum.stages[stage].name}")

    def save(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "format": FORMAT,
            "curriculum": self.curriculum.model_dump(mode="json"),
            "configs": [config.model_dump(mode="json") for config in self.configs],
            "stage": self.stage,
            "checks": self.checks,
            "looks": self.looks,
        }
        write_json(self.folder / STATE, state)


def begin_course(name: str, curriculum: Curriculum, configs: list[TrainConfig]) -> Course:
    """A new course, its state written; the configs are the stages'.

    Raises:
        UserError: the name or that of a stage's run is taken, a ROM, start or goal is wrong, or a criterion
            asks for a milestone that is not there to be reached.
    """
    course = Course(name, curriculum, configs)
    refuse_existing(name)
    for index, (stage, config) in enumerate(zip(curriculum.stages, configs, strict=True)):
        refuse_existing(course.run_of(index).name)
        resolve_device(config.device)
        names = open_milestones(env_config(config))
        wanted = stage.move_on.metric.removeprefix(REACH)
        if stage.move_on.metric.startswith(REACH) and wanted not in names:
            raise UserError(
                f"stage {stage.name}: {unknown_name(wanted, names, 'a milestone that is open at its start')}"
            )
    course.folder.mkdir(parents=True)
    course.save()
    return course


def read_course(name: str, curriculum: Curriculum) -> Course:
    """The course ``name`` as it was left; budgets and criteria are those of ``curriculum``, which may differ
    from what it began with.

    Raises:
        UserError: there is none, it is damaged, or it began with other stages.
    """
    path = run_folder(name) / STATE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        configs = [TrainConfig.model_validate_json(json.dumps(config)) for config in state["configs"]]
        began_with = Curriculum.model_validate_json(json.dumps(state["curriculum"]))
        position = int(state["stage"]), int(state["checks"]), list(state["looks"])
    except FileNotFoundError:
        raise UserError(f"curriculum {name} has not begun ({path} is missing); leave --resume out") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"curriculum {name}: {path} is damaged ({type(error).__name__})") from None
    if _trained(began_with) != _trained(curriculum):
        raise UserError(
            f"curriculum {name} began with other stages than these; name, config and overrides of each must"
            " stay, budgets and criteria may change"
        )
    budgets = [{"total_steps": stage.steps} for stage in curriculum.stages]
    configs = [config.model_copy(update=new) for config, new in zip(configs, budgets, strict=True)]
    return Course(name, curriculum, configs, *position)


def _trained(curriculum: Curriculum) -> list[tuple[str, str, dict[str, Any]]]:
    """What the stages train, without how long and until when."""
    return [(stage.name, stage.config, stage.overrides) for stage in curriculum.stages]


def follow(course: Course, stopped: StopRequest) -> str:
    """Train and look, stage by stage, until the last one is done; returns FINISHED, BUDGET_ENDED or STOPPED.

    Raises:
        UserError: a checkpoint, the ROM or the start state is wrong.
        WorkerFailed, Diverged, NotSaved: as ``training.session.train``; the course can be resumed.
    """
    while course.stage < len(course.configs):
        result = _stage(course, stopped)
        if result == STOPPED:
            return STOPPED
        choice = course.curriculum.stages[course.stage].when_budget_ends
        if result == BUDGET_ENDED and choice == "stop":
            return BUDGET_ENDED
        course.stage, course.checks = course.stage + 1, 0
        course.save()
    return FINISHED


def _stage(course: Course, stopped: StopRequest) -> str:
    """Go on with the stage under way: PASSED, BUDGET_ENDED or STOPPED."""
    stage = course.curriculum.stages[course.stage]
    while course.checks * stage.check_every < stage.steps:
        target = min((course.checks + 1) * stage.check_every, stage.steps)
        if not _train_to(course, target, stopped):
            return STOPPED
        try:
            summary, checkpoint = _look(course, stopped)
        except Interrupted:
            return STOPPED
        holds = stage.move_on.holds(summary)
        _note(course, summary, checkpoint, holds)
        if holds:
            return PASSED
    return BUDGET_ENDED


def _train_to(course: Course, target: int, stopped: StopRequest) -> bool:
    """Train the stage's run until it has ``target`` steps; False when a signal came before."""
    plan = _plan(course, target)
    if plan.first_step >= target:
        return not stopped()
    summary = train(plan)
    write_json(summary.folder / "summary.json", summary_record(summary))
    if summary.stopped_by is not None and summary.steps < target:  # by a signal, or for a finding of health
        stopped.reason = summary.stopped_by
    return not stopped()


def _plan(course: Course, target: int) -> Plan:
    folder, config = course.run_of(course.stage), course.configs[course.stage]
    if (folder / "config.json").is_file() and not any((folder / "checkpoints").glob("[!.]*")):
        print(f"run {folder.name} has no checkpoint: it ended before its first; it begins anew", flush=True)
        shutil.rmtree(folder)
    if folder.exists():
        refuse_other_rom(folder, config)
        return Plan(folder, config, target, False, resume=newest(folder))
    weights = newest(course.run_of(course.stage - 1)) if course.stage else None
    return Plan(folder, config, target, False, weights=weights)


def _look(course: Course, stopped: StopRequest) -> tuple[Summary, Checkpoint]:
    """Evaluate the stage's newest checkpoint, on seeds of this look's own. Raises Interrupted."""
    stage, config = course.curriculum.stages[course.stage], course.configs[course.stage]
    criterion = stage.move_on
    checkpoint = newest(course.run_of(course.stage))
    names = open_milestones(env_config(config))
    env = make_vec_env(config, min(SIDE_BY_SIDE, criterion.episodes))
    try:
        player = seeded_policy(load_policy(config, env, checkpoint), greedy=False)
        first = CHOOSING + course.checks * criterion.seeds
        seeds = range(first, first + criterion.seeds)
        played = play_seeds(env, player, criterion.episodes, seeds, stopped)
    finally:
        env.close()
    return summarise(played, names), checkpoint


def _note(course: Course, summary: Summary, checkpoint: Checkpoint, holds: bool) -> None:
    """Say what a look found, and keep it."""
    stage = course.curriculum.stages[course.stage]
    criterion = stage.move_on
    value, low, high = criterion.figures(summary)
    row = {"steps": checkpoint.steps, "policy": "stochastic", "while": "curriculum", **summary}
    append_json_line(course.run_of(course.stage) / "eval.jsonl", row)
    course.checks += 1
    look = {"metric": criterion.metric, "value": value, "low": low, "high": high}
    course.looks.append({"stage": stage.name, "steps": checkpoint.steps, **look, "holds": holds})
    course.save()
    print(
        f"stage {course.stage + 1} of {len(course.configs)}, {stage.name}, {checkpoint.steps:,} of"
        f" {stage.steps:,} steps: {criterion.metric} {value:.3g} ({low:.3g} to {high:.3g}), to move on the"
        f" lower end must be at least {criterion.at_least:g}: {_verdict(course, holds)}",
        flush=True,
    )


def _verdict(course: Course, holds: bool) -> str:
    stage = course.curriculum.stages[course.stage]
    if holds:
        return "done"
    if course.checks * stage.check_every < stage.steps:
        return "not done yet"
    if stage.when_budget_ends == "stop":
        return "its budget is over, the curriculum stops here"
    return "its budget is over, what follows begins all the same"


def ending(course: Course, result: str, stopped: StopRequest) -> str:
    """The last line of a session."""
    count, stage = len(course.configs), course.curriculum.stages[min(course.stage, len(course.configs) - 1)]
    if result == FINISHED:
        weights = newest(course.run_of(count - 1)).folder
        return f"curriculum {course.name} is finished; its weights are in {weights}"
    if result == STOPPED:
        return f"stopped by {stopped.reason} in stage {stage.name}; go on with --name {course.name} --resume"
    return (
        f"curriculum {course.name} stops: stage {stage.name} was not done within its {stage.steps:,} steps;"
        f" its run is {course.run_of(course.stage)}; a larger budget in the file and --resume go on with it"
    )
