"""Verdicts from TensorBoard files: stock stable-baselines3, damaged files, two runs side by side."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
from torch.utils.tensorboard import SummaryWriter

from callbacks.health.callback import HealthCallback
from callbacks.log_updates import LogUpdates
from envs.errors import UserError
from training.diagnostics.run_health import Diagnosis, diagnose, text
from training.event_logs.reader import LARGEST, MAX_NOTES, EventReader, event_files

Refused = Callable[..., str]
Program = Callable[..., Any]
CART: dict[str, Any] = {"n_steps": 64, "batch_size": 32, "n_epochs": 2, "seed": 0, "device": "cpu"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plain stable-baselines3 run with 20 updates."""
    folder = tmp_path_factory.mktemp("stock")
    model = PPO("MlpPolicy", "CartPole-v1", tensorboard_log=str(folder), **CART)
    model.learn(64 * 21)
    return folder


def write(folder: Path, rows: list[tuple[int, dict[str, float]]]) -> Path:
    """Write event files with torch."""
    with SummaryWriter(str(folder)) as writer:
        for step, values in rows:
            for key, value in values.items():
                writer.add_scalar(key, value, step)
    return next(folder.glob("*tfevents*"))


def levels(diagnosis: Diagnosis) -> dict[str, str]:
    return {finding.metric: finding.level for finding in diagnosis.run.findings}


def test_a_stock_run_gets_a_verdict(stock: Path) -> None:
    diagnosis = diagnose("stock", stock)
    assert diagnosis.folder == stock / "PPO_1"
    assert diagnosis.run.updates == 20
    assert diagnosis.run.verdict in ("healthy", "warning", "unhealthy")
    assert {"approx_kl", "clip_fraction", "explained_variance", "entropy", "value_loss"} <= levels(
        diagnosis
    ).keys()
    assert 0 < diagnosis.last["entropy"] <= math.log(2) + 1e-6
    assert diagnosis.run.series["steps_per_second"].count >= 19  # from the times of writing
    assert diagnosis.run.series["episode_return"].count == 20
    assert diagnosis.run.criteria()[0].met is True
    assert diagnosis.notes == []


def test_the_program_prints_it_and_json(stock: Path, program: Program) -> None:
    done = program("diagnose", stock, fresh=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "KL divergence stays below 0.05" in done.stdout
    found = json.loads(program("diagnose", stock, stock / "PPO_1", "--json").stdout)
    assert [run["updates"] for run in found["runs"]] == [20, 20]
    assert found["runs"][0]["criteria"] == found["runs"][1]["criteria"]


def test_files_give_the_findings_of_the_running_training(tmp_path: Path) -> None:
    model = PPO("MlpPolicy", "CartPole-v1", **CART)
    model.set_logger(Logger(str(tmp_path), [TensorBoardOutputFormat(str(tmp_path))]))
    health = HealthCallback()
    model.learn(64 * 22, callback=CallbackList([health, LogUpdates()]))
    model.logger.close()
    diagnosis = diagnose("again", tmp_path)
    assert diagnosis.run.updates == health.run.updates == 22
    findings = {f.metric: f.level for f in health.findings}
    assert {
        metric: level for metric, level in levels(diagnosis).items() if metric != "steps_per_second"
    } == findings
    assert [c.met for c in diagnosis.run.criteria()] == [c.met for c in health.run.criteria()]
    assert diagnosis.run.series["approx_kl"].mean() == pytest.approx(health.run.series["approx_kl"].mean())


def test_another_algorithm_is_judged_by_its_own_metrics(tmp_path: Path) -> None:
    A2C("MlpPolicy", "CartPole-v1", tensorboard_log=str(tmp_path), seed=0, device="cpu").learn(600)
    diagnosis = diagnose("a2c", tmp_path)
    assert diagnosis.run.updates > 0
    assert "approx_kl" not in levels(diagnosis)
    assert [criterion.met for criterion in diagnosis.run.criteria()][:2] == [None, None]


def test_a_truncated_record_and_a_damaged_one(stock: Path, tmp_path: Path) -> None:
    (original,) = event_files(stock)
    data = original.read_bytes()
    cut = tmp_path / "cut" / original.name
    cut.parent.mkdir()
    cut.write_bytes(data[:-7])
    diagnosis = diagnose("cut", cut)
    assert diagnosis.notes == [f"{cut.name}: the last record is cut off"]
    assert diagnosis.run.updates == 20

    header = bytearray(data)
    spot = data.index(b"train/value_loss", len(data) // 2)
    header[spot + 3] ^= 0xFF  # within one record's data
    cut.write_bytes(header)
    diagnosis = diagnose("flipped", cut)
    assert [note.split(" at byte ")[0] for note in diagnosis.notes] == [f"{cut.name}: damaged"]
    assert "one record skipped" in diagnosis.notes[0]
    assert (diagnosis.run.updates, diagnosis.run.series["value_loss"].count) == (20, 19)

    cut.write_bytes(data[: len(data) // 2] + b"\x00" * 64 + data[len(data) // 2 :])
    diagnosis = diagnose("torn", cut)
    assert len(diagnosis.notes) >= 1
    assert 5 < diagnosis.run.updates < 20


def test_a_file_cut_anywhere_is_read_up_to_the_cut(stock: Path, tmp_path: Path) -> None:
    (original,) = event_files(stock)
    data = original.read_bytes()
    path = tmp_path / original.name
    steps = []
    for end in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:end])
        reader = EventReader([path])
        steps.append(max((row.step for row in reader.rows()), default=0))
        assert reader.notes in ([], [f"{path.name}: the last record is cut off"])
    assert steps == sorted(steps)
    assert steps[-1] > 1000


def test_several_files_of_one_run_are_joined_and_repeated_steps_count_once(tmp_path: Path) -> None:
    values = {"train/approx_kl": 0.01, "train/clip_fraction": 0.2}
    first = write(tmp_path, [(step, values) for step in range(100, 1100, 100)])
    first.rename(tmp_path / "events.out.tfevents.1000.here.1.0")
    later = write(tmp_path / "later", [(step, values) for step in range(900, 2100, 100)])
    later.rename(tmp_path / "events.out.tfevents.2000.here.2.0")
    (tmp_path / "later").rmdir()
    diagnosis = diagnose("both", tmp_path)
    assert (diagnosis.run.updates, diagnosis.run.steps) == (20, 2000)
    assert diagnosis.notes == ["2 points at steps that were logged again were skipped"]


def test_nan_infinity_and_pictures(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(1, 6):
            writer.add_scalar("train/loss", math.inf if step == 3 else 1.0, step, new_style=step % 2 == 0)
            writer.add_scalar("train/explained_variance", math.nan, step)
            writer.add_text("train/note", "x" * 2 * LARGEST, step)
            writer.add_histogram("train/weights", torch.ones(10), step)
    diagnosis = diagnose("broken", tmp_path)
    assert diagnosis.run.updates == 5
    assert diagnosis.run.verdict == "unhealthy"
    assert list(diagnosis.run.broken) == ["loss"]
    assert diagnosis.run.broken["loss"].steps == 3
    assert json.dumps(diagnosis.plain(), allow_nan=False)


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    for name, kl in (("calm", 0.01), ("wild", 0.4)):
        write(tmp_path / name, [(100 * n, {"train/approx_kl": kl}) for n in range(1, 13)])
    both = text([diagnose(name, tmp_path / name) for name in ("calm", "wild")])
    lines = [line.split() for line in both.splitlines()]
    assert ["calm", "wild"] in lines
    assert ["verdict", "healthy", "unhealthy"] in lines
    assert ["approx_kl", "0.01", "good", "0.4", "bad"] in lines
    assert "wild: unhealthy" in both
    assert "approx_kl 0.4 is bad (above 0.1): lower learning_rate, then clip_range, then n_epochs" in both


def test_wrong_input_is_one_line(stock: Path, tmp_path: Path, refused: Refused) -> None:
    assert refused("diagnose", "nothing").startswith("run nothing does not exist in ")
    assert refused("diagnose", tmp_path / "no" / "where") == f"{tmp_path / 'no' / 'where'}: no such folder"
    assert "holds no TensorBoard files" in refused("diagnose", tmp_path)
    two = tmp_path / "two"
    shutil.copytree(stock / "PPO_1", two / "PPO_1")
    shutil.copytree(stock / "PPO_1", two / "PPO_2")
    assert f"{two} holds 2 runs; name one of them: {two / 'PPO_1'}, {two / 'PPO_2'}" == refused(
        "diagnose", two
    )
    assert "holds 2 runs" in refused("diagnose", stock, two)
    assert "--jsn" in refused("diagnose", stock, "--jsn")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "no update"), (b"not events at all, but text", "damaged at byte 0"), (b"abc", "is cut off")],
)
def test_files_without_updates_are_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.here"
    path.write_bytes(content)
    with pytest.raises(UserError, match=why):
        diagnose("x", path)


def test_other_keys_are_named_as_missing(tmp_path: Path) -> None:
    write(tmp_path, [(1, {"loss/train": 1.0})])
    with pytest.raises(UserError, match="holds no update: none of train/approx_kl, train/loss"):
        diagnose("x", tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4), st.integers(0, 60_000))
def test_any_bytes_are_read_or_refused(
    stock: Path, tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    (original,) = event_files(stock)
    data = bytearray(original.read_bytes()[cut : cut + 20_000])
    for place, flip in changes:
        if data:
            data[place % len(data)] ^= flip
    path = tmp_path / original.name
    path.write_bytes(data)
    reader = EventReader([path])
    steps = [row.step for row in reader.rows()]
    assert steps == sorted(set(steps))
    assert len(reader.notes) <= MAX_NOTES
