"""Curricula: criteria, wrong files, and whole courses as processes, stopped and resumed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callbacks.stop_signals import StopRequest
from envs.errors import UserError
from tests.paths import ROOT
from tests.training.conftest import TINY, Program
from tests.training.evaluation.test_playing import STATS
from tests.training.forked import Child, Forker, wait_for
from training.config.files import ConfigError
from training.curricula.progress import FINISHED, STOPPED, follow
from training.curricula.schema import Criterion, read_curriculum, stage_configs
from training.curricula.state import begin_course, read_course
from training.evaluation.episode_statistics import summarise
from training.evaluation.playing import PlayedEpisode
from training.session.session import Session

pytestmark = pytest.mark.slow

NEVER = {"metric": "reach:second town", "at_least": 0.9, "episodes": 2}
EASY = {"metric": "length", "at_least": 1, "episodes": 2}
Write = Callable[..., Path]


def stage(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "config": "tiny.json", "steps": 64, "check_every": 64, "move_on": EASY, **changes}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return write(stage, ...), which writes a curriculum with these stages of the tiny config."""

    def file(*stages: dict[str, Any], **more: Any) -> Path:
        (tmp_path / "tiny.json").write_text(json.dumps(TINY))
        path = tmp_path / "curriculum.json"
        path.write_text(json.dumps({"stages": stages, **more}))
        return path

    return file


def test_a_stage_passes_when_the_lower_end_of_the_interval_is_high_enough() -> None:
    won = [
        PlayedEpisode({**STATS, "success": index < 19, "battles_won": 2}, {"forest": 9})
        for index in range(20)
    ]
    summary = summarise(won, ["forest", "gym1"])
    success = Criterion(metric="success_rate", at_least=0.8)
    assert success.figures(summary) == pytest.approx((0.95, 0.7639, 0.9911), abs=1e-4)
    assert not success.holds(summary), "19 of 20 may be luck at 80 %"
    assert Criterion(metric="success_rate", at_least=0.76).holds(summary)
    assert Criterion(metric="battles_won", at_least=2).holds(summary)
    assert Criterion(metric="reach:forest", at_least=0.8).holds(summary)
    assert not Criterion(metric="reach:gym1", at_least=0.01).holds(summary)


def test_one_episode_per_seed_still_gives_an_interval() -> None:
    """With seeds as strata the interval had no width, and the mean alone decided."""
    played = [PlayedEpisode({**STATS, "battles_won": seed % 2 * 4}, {}, seed) for seed in range(20)]
    criterion = Criterion(metric="battles_won", at_least=1.9, episodes=1, seeds=20)
    value, low, _ = criterion.figures(summarise(played, []))
    assert value == 2.0
    assert low is not None and low < 1.2
    assert not criterion.holds(summarise(played, []))


def test_repeats_of_one_episode_do_not_pass_a_stage() -> None:
    played = [PlayedEpisode({**STATS, "battles_won": 9}, {}, 0, "same")] * 20
    criterion = Criterion(metric="battles_won", at_least=1)
    assert criterion.figures(summarise(played, [])) == (9, None, None)
    assert not criterion.holds(summarise(played, []))


@pytest.mark.parametrize(
    ("stages", "line"),
    [
        ([], "stages [] must not be empty"),
        ([stage("a"), stage("a")], "two stages are called a"),
        ([stage("a", steps=0)], "stages.0.steps 0 is out of range: must be at least 1"),
        ([stage("a", stepps=5)], "stepps is not a key of {path}: stages.0; did you mean steps?"),
        ([stage("A b")], "stages.0.name \"A b\" must be"),
        ([stage("a", move_on={**EASY, "metric": "battle_won"})], "did you mean battles_won?"),
        ([stage("a", move_on={**EASY, "at_most": 1})], "at_most is not a key of {path}: stages.0.move_on"),
        ([stage("a", move_on={**EASY, "episodes": 1})], "length of one episode has no interval"),
        ([stage("a", when_budget_ends="give up")], "must be stop or go on"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line(write: Write, stages: list[Any], line: str) -> None:
    path = write(*stages)
    with pytest.raises(ConfigError) as refusal:
        read_curriculum(path)
    assert line.format(path=path) in str(refusal.value)
    assert str(refusal.value).startswith(str(path)) or "is not a key of" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("smoke.json", "config of a run, which train_ppo.py --config"),
        ("full_game.json", "config of a run, which train_ppo.py --config"),
        ("sweeps/space.json", "search space, which run_sweep.py --search"),
    ],
)
def test_a_file_of_another_kind_is_named_and_not_its_fifteen_keys(name: str, kind: str) -> None:
    path = ROOT / "configs" / name
    with pytest.raises(ConfigError) as refusal:
        read_curriculum(path)
    assert str(refusal.value) == f"{path}: is a {kind} takes; must be a curriculum"


def test_a_name_that_is_taken_gets_advice_that_works(
    write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was "--resume NAME", which curriculum.py refuses: the name goes with --name."""
    monkeypatch.setenv("POKERED_RUNS", str(runs))
    path = write(stage("a"))
    curriculum = read_curriculum(path)
    configs = stage_configs(path, curriculum)
    begin_course("taken", curriculum, configs)
    with pytest.raises(UserError, match="continue it with --name taken --resume, or choose another --name"):
        begin_course("taken", curriculum, configs)
    (runs / "other-1-a").mkdir()
    with pytest.raises(UserError, match=r"run other-1-a exists already .*; choose another --name$"):
        begin_course("other", curriculum, configs)
    assert not (runs / "other").exists()


def test_stages_whose_weights_would_not_fit_are_refused(write: Write) -> None:
    path = write(stage("a"), stage("b", overrides={"network": {"hidden": [7]}}))
    with pytest.raises(ConfigError, match="stage b: network differs from the previous stage"):
        stage_configs(path, read_curriculum(path))
    path = write(stage("a", overrides={"gama": 1.0}))
    with pytest.raises(ConfigError, match="stage a: gama is not a setting; did you mean gamma"):
        stage_configs(path, read_curriculum(path))


def test_flags_beat_the_stages_and_budgets_become_steps(write: Write) -> None:
    path = write(stage("a", overrides={"seed": 1}), stage("b", steps=640))
    configs = stage_configs(path, read_curriculum(path), {"seed": 9})
    assert [(config.seed, config.total_steps) for config in configs] == [(9, 64), (9, 640)]


def test_the_shipped_curriculum_loads() -> None:
    path = ROOT / "configs" / "curriculum.json"
    configs = stage_configs(path, read_curriculum(path))
    assert [config.max_steps for config in configs] == [512, 4096, 8192, 12288, 40960]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ([], "curriculum, --name must be given"),
        (["{path}", "--name", "x", "--resume"], "curriculum x does not exist"),
        (["{path}", "--name", "x", "--resume", "--num-envs", "3"], "--num-envs needs a new course"),
        (["{path}", "--name", "no/name"], "run name 'no/name' must be letters"),
        (["{path}", "--name", "x"], "nowhere is not a milestone that is open at its start"),
    ],
)
def test_wrong_commands_leave_nothing_behind(
    refused: Callable[..., str], write: Write, flags: list[str], line: str
) -> None:
    path = write(stage("a", move_on={**EASY, "metric": "reach:nowhere"}))
    assert line in refused("curriculum", *(flag.format(path=path) for flag in flags))


def _state(runs: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((runs / name / "curriculum.json").read_text())
    return content


def _wait_for_checkpoint(child: Child, run: Path) -> None:
    """Until ``run`` has a checkpoint of its training."""
    wait_for(lambda: any(run.glob("checkpoints/[1-9]*")) or child.ended)
    assert not child.ended, child.errors


def test_a_course_stopped_by_sigterm_resumes_where_it_stopped(
    forker: Forker, program: Program, write: Write, runs: Path
) -> None:
    """The first stage fails its criterion but the course continues; the second is stopped midway."""
    first = stage("one", move_on=NEVER, when_budget_ends="go on")
    path = write(first, stage("two", overrides={"max_steps": 60}, steps=1024, check_every=1024))
    child = forker.start(path, "--name", "course", program="curriculum")
    second = runs / "course-2-two"
    _wait_for_checkpoint(child, second)
    child.kill(signal.SIGTERM)
    assert child.wait() == 0, child.errors
    assert "its budget is used up, continuing anyway" in child.shown
    assert child.shown.endswith("stopped by SIGTERM in stage two; continue with --name course --resume\n")
    state = _state(runs, "course")
    assert (state["stage"], state["checks"], len(state["looks"])) == (1, 0, 1)
    stopped_at = max(int(found.name) for found in (second / "checkpoints").iterdir())
    assert 0 < stopped_at < 1024

    resumed = program("curriculum", path, "--name", "course", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"run course-2-two from step {stopped_at:,}" in resumed.stdout
    assert "curriculum course is finished" in resumed.stdout
    manifest = json.loads((second / "manifest.json").read_text())
    assert [session["from_steps"] for session in manifest["sessions"]] == [0, stopped_at]
    assert "course-1-one" in manifest["init_from"]
    looks = [(look["stage"], look["steps"], look["holds"]) for look in _state(runs, "course")["looks"]]
    assert looks == [("one", 64, False), ("two", 1024, True)]
    rows = [json.loads(line) for line in (second / "eval.jsonl").read_text().splitlines()]
    assert [(row["while"], row["steps"]) for row in rows] == [("curriculum", 1024)]


def test_a_killed_course_resumes_without_losing_or_repeating_a_check(
    forker: Forker, program: Program, write: Write, runs: Path
) -> None:
    path = write(
        stage("one", steps=512, check_every=256, move_on=NEVER, when_budget_ends="go on"), stage("two")
    )
    child = forker.start(path, "--name", "hard", program="curriculum")
    first = runs / "hard-1-one"
    _wait_for_checkpoint(child, first)
    child.kill(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    begun = max(int(found.name) for found in (first / "checkpoints").glob("[1-9]*"))

    resumed = program("curriculum", path, "--name", "hard", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    sessions = json.loads((first / "manifest.json").read_text())["sessions"]
    assert 0 < begun <= sessions[1]["from_steps"] < 512
    looks = [(look["stage"], look["steps"], look["holds"]) for look in _state(runs, "hard")["looks"]]
    assert looks == [("one", 256, False), ("one", 512, False), ("two", 64, True)]
    rows = [json.loads(line) for line in (first / "eval.jsonl").read_text().splitlines()]
    assert [row["steps"] for row in rows] == [256, 512]


@pytest.mark.parametrize("steps", [64, 128], ids=["of the budget", "before a check"])
def test_a_signal_just_before_a_check_is_not_lost(
    write: Write, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training has reached its steps, and only its last checkpoint is still to be written."""
    monkeypatch.setenv("POKERED_RUNS", str(tmp_path / "runs"))
    path = write(stage("only", steps=steps))
    curriculum = read_curriculum(path)
    course = begin_course("late", curriculum, stage_configs(path, curriculum))
    save = Session._settle_and_save

    def signalled(session: Session) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return save(session)

    with monkeypatch.context() as patch, StopRequest() as stopped:
        patch.setattr(Session, "_settle_and_save", signalled)
        assert follow(course, stopped) == STOPPED
    assert (stopped.reason, course.looks) == ("SIGTERM", [])
    again = read_course("late", curriculum)
    with StopRequest() as stopped:
        assert follow(again, stopped) == FINISHED
    assert [look["steps"] for look in again.looks] == [64]


def test_a_budget_that_was_too_small_can_be_raised(program: Program, write: Write, runs: Path) -> None:
    ended = program("curriculum", write(stage("only", move_on=NEVER)), "--name", "short")
    assert ended.returncode == 1, ended.stderr
    assert "stage only did not pass within its 64 steps" in ended.stdout
    again = program("curriculum", write(stage("only", steps=128)), "--name", "short", "--resume")
    assert again.returncode == 0, again.stderr
    assert [look["steps"] for look in _state(runs, "short")["looks"]] == [64, 128]
    other = program("curriculum", write(stage("other")), "--name", "short", "--resume")
    assert other.returncode == 2
    assert "was started with other stages" in other.stderr
