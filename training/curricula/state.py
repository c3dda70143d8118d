"""State of a curriculum in runs/NAME/curriculum.json: created, read and checked against the curriculum."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.files import write_json
from training.config.files import unknown_name
from training.config.schema import TrainConfig
from training.curricula.schema import REACH, Curriculum
from training.environments.task import resolve_task
from training.evaluation.players import open_milestones
from training.ppo.build import resolve_device
from training.runs.folder import made_folder, refuse_existing, run_folder, runs_root

STATE = "curriculum.json"
FORMAT = 1


@dataclass
class Course:
    """State of a curriculum: current stage, number of checks of its criterion, and the result of every
    check."""

    name: str
    curriculum: Curriculum
    configs: list[TrainConfig]
    stage: int = 0
    checks: int = 0
    looks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The folder with the course's state."""
        return runs_root() / self.name

    def run_of(self, stage: int) -> Path:
        """Return the folder of a stage's run."""
        return run_folder(f"{self.name}-{stage + 1}-{self.curriculum.stages[stage].name}")

    def save(self) -> None:
        """Write the state atomically."""
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
    """Create a course with one config per stage and write its state.

    Raises:
        UserError: its name or that of a stage's run is taken, a ROM, start state or goal is wrong, or a
            criterion's milestone is unknown or already reached at the start.
    """
    course = Course(name, curriculum, configs)
    _refuse_taken(course)
    for stage, config in zip(curriculum.stages, configs, strict=True):
        resolve_device(config.device)
        names = open_milestones(resolve_task(config).episodes)
        wanted = stage.move_on.metric.removeprefix(REACH)
        if stage.move_on.metric.startswith(REACH) and wanted not in names:
            raise UserError(
                f"stage {stage.name}: {unknown_name(wanted, names, 'a milestone that is open at its start')}"
            )
    made_folder(course.folder)
    course.save()
    return course


def _refuse_taken(course: Course) -> None:
    """Raise UserError if the name of the course or of a stage's run is taken."""
    if (run_folder(course.name) / STATE).is_file():
        raise UserError(
            f"curriculum {course.name} exists already ({course.folder}); continue it with --name"
            f" {course.name} --resume, or choose another --name"
        )
    refuse_existing(course.name, "choose another --name")
    for index in range(len(course.configs)):
        refuse_existing(course.run_of(index).name, "choose another --name")


def read_course(name: str, curriculum: Curriculum) -> Course:
    """Read the course ``name``; budgets and criteria come from ``curriculum`` and may have changed.

    Raises:
        UserError: there is no such course, it is damaged, or it was started with other stages.
    """
    path = run_folder(name) / STATE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        configs = [TrainConfig.model_validate_json(json.dumps(config)) for config in state["configs"]]
        original = Curriculum.model_validate_json(json.dumps(state["curriculum"]))
        position = int(state["stage"]), int(state["checks"]), list(state["looks"])
    except FileNotFoundError:
        raise UserError(f"curriculum {name} does not exist ({path} is missing); leave out --resume") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"curriculum {name}: {path} is damaged ({type(error).__name__})") from None
    if _trained(original) != _trained(curriculum):
        raise UserError(
            f"curriculum {name} was started with other stages; names, configs and overrides must not change,"
            " budgets and criteria may"
        )
    budgets = [{"total_steps": stage.steps} for stage in curriculum.stages]
    configs = [config.model_copy(update=new) for config, new in zip(configs, budgets, strict=True)]
    return Course(name, curriculum, configs, *position)


def _trained(curriculum: Curriculum) -> list[tuple[str, str, dict[str, Any]]]:
    """What the stages train, without budgets and criteria."""
    return [(stage.name, stage.config, stage.overrides) for stage in curriculum.stages]
