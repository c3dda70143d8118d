"""The closing table: the same numbers as everywhere else, and where to go on."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from callbacks.health.report import lines
from callbacks.health.run_health import RunHealth
from callbacks.run_totals import COUNTED
from training.diagnostics.run_health import Diagnosis
from training.diagnostics.run_health import text as diagnosis_text
from training.runs.summary import RunSummary, run_report


@pytest.fixture
def health() -> RunHealth:
    """Twelve updates whose last explained variance is far from their mean."""
    run = RunHealth()
    for number in range(12):
        last = number == 11
        run.add(
            100 * number,
            {"approx_kl": 0.04 if last else 0.01, "clip_fraction": 0.05, "explained_variance": 0.7 * last},
        )
    return run


@pytest.fixture
def summary(tmp_path: Path, health: RunHealth) -> RunSummary:
    """A run of that health in a folder that exists."""
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return RunSummary(
        folder=folder, steps=1200, wanted_steps=1200, session_steps=1200, seconds=2.0, updates=12,
        counts=dict.fromkeys(COUNTED, 3), mean_return=1.0, metrics=health.means(), verdict=health.verdict,
        findings=lines(health),
    )  # fmt: skip


def number_of(report: str, row: str) -> str:
    found = re.search(rf"^ *{row}.*? (\S+)$", report, re.MULTILINE)
    assert found is not None, report
    return found[1]


def test_table_criteria_and_diagnosis_give_the_same_numbers(summary: RunSummary, health: RunHealth) -> None:
    """The table showed the last update's 0.700 where the criterion below it said 0.07."""
    report = run_report(summary)
    assert number_of(report, "explained variance, last 10 updates") == "0.070"
    assert number_of(report, "KL divergence, last 10 updates") == "0.0130"
    assert "explained variance reaches 0.7 by 20M steps: too early: 0.07 " in report
    assert "KL divergence stays below 0.05: highest moving mean 0.013" in report
    diagnosis = diagnosis_text([Diagnosis("one", summary.folder, health, {}, [])])
    assert number_of(diagnosis, "explained_variance +") == "low"
    assert re.search(r"explained_variance +0\.07 low", diagnosis)


def test_a_healthy_run_is_not_told_to_change_anything(summary: RunSummary) -> None:
    """ "healthy" stood beside "clip_fraction 0.05 is low: raise learning_rate"."""
    report = run_report(summary)
    assert number_of(report, "health") == "healthy"
    (line,) = (line for line in report.splitlines() if "clip_fraction 0.05" in line)
    assert "is low (below 0.1): safe; if learning is slow, raise learning_rate" in line


def test_a_short_run_has_criteria_that_are_too_early_not_failed() -> None:
    """After a minute of training the table said that "19,959,040 steps are left for it", and "failed"."""
    run = RunHealth()
    for number in range(4):
        run.add(
            10_240 * (number + 1),
            {"approx_kl": 0.01, "clip_fraction": 0.2, "explained_variance": 0.358, "entropy": 1.9,
             "episode_return": 1.0, "battles_started": 2.0},
        )  # fmt: skip
    assert [criterion.met for criterion in run.criteria()] == [None] * 5
    assert all(criterion.text.startswith("too early: ") for criterion in run.criteria())
    assert str(run.criteria()[2]) == (
        "[-] explained variance reaches 0.7 by 20M steps: too early: 0.358 at the end, after 40,960 steps"
    )
    assert "steps left" not in json.dumps([criterion.text for criterion in run.criteria()])


def test_criteria_are_judged_once_they_can_be() -> None:
    run = RunHealth()
    for number in range(40):
        run.add(
            (number + 1) * 600_000,
            {"approx_kl": 0.2, "clip_fraction": 0.6, "explained_variance": 0.1, "entropy": 1.0 + number,
             "episode_return": 1.0, "battles_started": 2.0},
        )  # fmt: skip
    assert [criterion.met for criterion in run.criteria()] == [False] * 5


def test_a_stopped_run_says_how_to_continue(summary: RunSummary) -> None:
    report = run_report(replace(summary, stopped_by="SIGTERM"))
    assert "stopped by SIGTERM; go on with --resume one" in report
    assert f"--logdir_spec {summary.folder.name}:{summary.folder}/tensorboard" in report


@pytest.mark.parametrize("stopped_by", ["SIGTERM", None])
def test_a_run_whose_folder_is_gone_is_not_advised_to_resume(
    summary: RunSummary, stopped_by: str | None
) -> None:
    (summary.folder / "config.json").unlink()
    report = run_report(replace(summary, stopped_by=stopped_by))
    assert "--resume" not in report
    assert "--logdir" not in report
    assert f"run folder: {summary.folder} was removed while it trained" in report
