"""Progress through a curriculum: train a stage, evaluate it, move on or stop.

All state is in the course's file and the stages' runs, so that a course can resume wherever it was stopped.
"""

from __future__ import annotations

import shutil

from callbacks.stop_signals import StopRequest
from envs.files import append_json_line, write_json
from training.checkpoints.writing import Checkpoint
from training.curricula.state import Course
from training.environments.task import resolve_task
from training.environments.vectorized import task_vec_env
from training.evaluation.episode_statistics import Summary, summarise
from training.evaluation.players import load_policy, open_milestones, play_seeds, seeded_policy
from training.evaluation.playing import CHOOSING, SIDE_BY_SIDE, Interrupted
from training.runs.lookup import newest, refuse_other_rom
from training.runs.summary import summary_record
from training.session.plan import Plan
from training.session.session import train

PASSED, BUDGET_ENDED, STOPPED, FINISHED = "passed", "budget ended", "stopped", "finished"


def follow(course: Course, stopped: StopRequest) -> str:
    """Train and evaluate stage by stage; returns FINISHED, BUDGET_ENDED or STOPPED.

    Raises:
        UserError: a checkpoint, the ROM or the start state is wrong.
        WorkerFailed, Diverged, NotSaved: from ``training.session.session.train``; the course can be resumed.
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
    """Continue the current stage; returns PASSED, BUDGET_ENDED or STOPPED."""
    stage = course.curriculum.stages[course.stage]
    while course.checks * stage.check_every < stage.steps:
        target = min((course.checks + 1) * stage.check_every, stage.steps)
        if not _train_to(course, target, stopped):
            return STOPPED
        try:
            summary, checkpoint = _evaluate(course, stopped)
        except Interrupted:
            return STOPPED
        holds = stage.move_on.holds(summary)
        _note(course, summary, checkpoint, holds)
        if holds:
            return PASSED
    return BUDGET_ENDED


def _train_to(course: Course, target: int, stopped: StopRequest) -> bool:
    """Train the stage's run up to ``target`` steps; returns False when it was stopped earlier."""
    plan = _plan(course, target)
    if plan.first_step >= target:
        return not stopped()
    summary = train(plan)
    write_json(summary.folder / "summary.json", summary_record(summary))
    short = summary.steps < target  # stopped by a signal or a health finding
    stopped.reason = stopped.reason or summary.signal or (summary.stopped_by if short else None)
    return not stopped()


def _plan(course: Course, target: int) -> Plan:
    folder, task = course.run_of(course.stage), resolve_task(course.configs[course.stage])
    if (folder / "config.json").is_file() and not any((folder / "checkpoints").glob("[!.]*")):
        print(f"run {folder.name} ended before its first checkpoint and starts over", flush=True)
        shutil.rmtree(folder)
    if folder.exists():
        refuse_other_rom(folder, task.game)
        return Plan(folder, task, target, False, resume=newest(folder))
    weights = newest(course.run_of(course.stage - 1)) if course.stage else None
    return Plan(folder, task, target, False, weights=weights)


def _evaluate(course: Course, stopped: StopRequest) -> tuple[Summary, Checkpoint]:
    """Evaluate the stage's newest checkpoint on seeds unique to this check. Raises Interrupted."""
    task = resolve_task(course.configs[course.stage]).at_first_start()
    criterion = course.curriculum.stages[course.stage].move_on
    checkpoint = newest(course.run_of(course.stage))
    names = open_milestones(task.episodes)
    env = task_vec_env(task.on_this_machine(), min(SIDE_BY_SIDE, criterion.episodes))
    try:
        player = seeded_policy(load_policy(task.config, env, checkpoint), greedy=False)
        first = CHOOSING + course.checks * criterion.seeds
        seeds = range(first, first + criterion.seeds)
        played = play_seeds(env, player, criterion.episodes, seeds, stopped)
    finally:
        env.close()
    return summarise(played, names), checkpoint


def _note(course: Course, summary: Summary, checkpoint: Checkpoint, holds: bool) -> None:
    """Record and print the result of a check."""
    stage = course.curriculum.stages[course.stage]
    criterion = stage.move_on
    value, low, high = criterion.figures(summary)
    row = {"steps": checkpoint.steps, "policy": "stochastic", "while": "curriculum", **summary}
    append_json_line(course.run_of(course.stage) / "eval.jsonl", row)
    course.checks += 1
    look = {"metric": criterion.metric, "value": value, "low": low, "high": high}
    course.looks.append({"stage": stage.name, "steps": checkpoint.steps, **look, "holds": holds})
    course.save()
    planned = course.configs[course.stage].planned_steps
    interval = "no interval: all episodes are the same" if low is None else f"{low:.3g} to {high:.3g}"
    print(
        f"stage {course.stage + 1} of {len(course.configs)}, {stage.name}, {checkpoint.steps:,} of"
        f" {planned:,} steps: {criterion.metric} {value:.3g} ({interval}), the lower"
        f" end must reach {criterion.at_least:g} to move on: {_verdict(course, holds)}",
        flush=True,
    )


def _verdict(course: Course, holds: bool) -> str:
    stage = course.curriculum.stages[course.stage]
    if holds:
        return "passed"
    if course.checks * stage.check_every < stage.steps:
        return "not yet"
    if stage.when_budget_ends == "stop":
        return "its budget is used up, the curriculum stops here"
    return "its budget is used up, continuing anyway"


def ending(course: Course, result: str, stopped: StopRequest) -> str:
    """Return the last line of a session."""
    count, stage = len(course.configs), course.curriculum.stages[min(course.stage, len(course.configs) - 1)]
    if result == FINISHED:
        weights = newest(course.run_of(count - 1)).folder
        return f"curriculum {course.name} is finished; its weights are in {weights}"
    if result == STOPPED:
        return (
            f"stopped by {stopped.reason} in stage {stage.name}; continue with --name {course.name} --resume"
        )
    return (
        f"curriculum {course.name} stops: stage {stage.name} did not pass within its {stage.steps:,} steps;"
        f" its run is {course.run_of(course.stage)}; raise the budget in the file and use --resume"
    )
