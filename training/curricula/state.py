"""Where a curriculum stands, in runs/NAME/curriculum.json: begun, read back, and checked against its file."""

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
from training.runs.folder import refuse_existing, run_folder, runs_root

STATE = "curriculum.json"
FORMAT = 1


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
        names = open_milestones(resolve_task(config).episodes)
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
