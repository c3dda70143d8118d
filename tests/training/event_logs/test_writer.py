"""The event log: no points lost or repeated whatever the disk does, and truncation to a checkpoint."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3.common.logger import Logger
from tensorboard.compat.proto.event_pb2 import Event

from tests.training.event_logs.files import FIRST, SECOND, event, official, write_file
from training.event_logs.reader import EventReader
from training.event_logs.records import files_in, time_of
from training.event_logs.writer import MOST_WAITING, EventFile, EventLog, cut_events_after

KEY = "train/approx_kl"


def add(file: EventFile, *steps: int) -> None:
    for step in steps:
        file.add_event(Event.FromString(event(step, {KEY: step})))


def points(folder: Path) -> list[tuple[int, float]]:
    reader = EventReader(files_in(folder))
    found = [(row.step, row.values[KEY]) for row in reader.rows()]
    assert reader.notes == []
    assert reader.repeated == 0
    return found


def test_a_logger_writes_what_tensorboard_reads(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    logger = Logger(None, [log])
    for step in (64, 128):
        logger.record(KEY, np.float32(step / 64))
        logger.record("words", "are not points", exclude=("tensorboard",))
        logger.dump(step)
    assert official(tmp_path, KEY) == points(tmp_path) == [(64, 1.0), (128, 2.0)]
    logger.close()
    assert points(tmp_path) == [(64, 1.0), (128, 2.0)]


def test_a_resumed_session_makes_tensorboard_drop_cut_off_points(tmp_path: Path) -> None:
    """An open TensorBoard has read points up to 4; the session resumes from 2."""
    add(first := EventFile(tmp_path, 0), 1, 2, 3, 4)
    first.flush()
    add(second := EventFile(tmp_path, 2), 3)
    second.flush()
    assert official(tmp_path, KEY) == [(1, 1), (2, 2), (3, 3)]


def test_files_are_read_in_session_order_even_if_the_clock_was_set_back(tmp_path: Path) -> None:
    future = "events.out.tfevents.4000000000.here.1"
    write_file(tmp_path / future, [event(1, {KEY: 1})])
    add(later := EventFile(tmp_path, 1), 2)
    later.flush()
    assert [time_of(path) for path in files_in(tmp_path)] == [4_000_000_000, 4_000_000_001]
    assert points(tmp_path) == [(1, 1), (2, 2)]


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """Limit files to ``size`` bytes: a write stores what fits and then fails, as on a full disk."""
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_points_wait_while_the_disk_is_full_and_one_warning_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = EventFile(tmp_path, 0)
    add(file, 1, 2)
    file.flush()
    (path,) = files_in(tmp_path)
    size = path.stat().st_size
    for steps, room in (
        ((3, 4), 0),
        ((5, 6), 20),
        ((7, 8), 130),
    ):  # bytes: none, then half a record
        add(file, *steps)
        with full_at(size + room):
            file.flush()
        assert path.stat().st_size == size + room
    add(file, 9)
    file.flush()
    assert points(tmp_path) == official(tmp_path, KEY) == [(step, step) for step in range(1, 10)]
    why = os.strerror(errno.EFBIG)
    assert (
        capsys.readouterr().err
        == f"warning: {tmp_path}: cannot be written ({why}); its points are kept for later\n"
    )


def test_a_full_disk_leaves_a_file_to_be_cut_unchanged(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    write_file(path, [event(step, {KEY: step}) for step in range(1, 6)])
    before = path.read_bytes()
    with full_at(100), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        cut_events_after(tmp_path, 4)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [FIRST]


def test_a_deleted_folder_costs_its_points_and_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tensorboard"
    file = EventFile(folder, 0)
    add(file, 1)
    file.flush()
    (gone,) = files_in(folder)
    shutil.rmtree(folder)
    add(file, 2)
    file.flush()
    add(file, 3)
    file.close()
    assert points(folder) == [(2, 2), (3, 3)]
    warning = f"warning: {gone} is gone and its points are lost; new points go to a new file\n"
    assert capsys.readouterr().err == warning


def test_a_file_in_place_of_the_folder_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tensorboard"
    folder.write_bytes(b"")
    file = EventFile(folder, 0)
    for step in (1, 2):
        add(file, step)
        file.flush()
    assert len(capsys.readouterr().err.splitlines()) == 1
    folder.unlink()
    add(file, 3)
    file.flush()
    assert points(folder) == [(1, 1), (2, 2), (3, 3)]


def test_waiting_events_are_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    blocked = tmp_path / "tensorboard"
    blocked.write_bytes(b"")
    file = EventFile(blocked, 0)
    add(file, *range(MOST_WAITING + 5))
    blocked.unlink()
    file.flush()
    steps = [step for step, _ in points(blocked)]
    assert steps == list(range(5, MOST_WAITING + 5))


def test_cutting_back_keeps_everything_up_to_the_step(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [event(step, {KEY: step}) for step in (1, 2, 2, 3)])
    write_file(tmp_path / SECOND, [event(step, {KEY: step}) for step in (3, 4, 5)])
    (tmp_path / "other").write_bytes(b"stays")
    before = (tmp_path / FIRST).read_bytes()
    assert cut_events_after(tmp_path, 3) == 2
    assert (tmp_path / FIRST).read_bytes() == before
    assert official(tmp_path, KEY) == [(1, 1), (2, 2), (2, 2), (3, 3), (3, 3)]
    assert cut_events_after(tmp_path, 3) == 0
    assert cut_events_after(tmp_path, 0) == 5
    assert official(tmp_path, KEY) == []
    assert [path.name for path in files_in(tmp_path)] == [FIRST, SECOND]
    assert (tmp_path / "other").read_bytes() == b"stays"


def test_later_steps_between_earlier_ones_are_removed(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [event(step, {KEY: step}) for step in (1, 9, 2, 8, 3)])
    assert cut_events_after(tmp_path, 3) == 2
    assert points(tmp_path) == [(1, 1), (2, 2), (3, 3)]


def test_a_file_cut_at_any_byte_is_truncated_to_complete_records(tmp_path: Path) -> None:
    """Killed during a write, then resumed from step 2 in a new file."""
    path = tmp_path / FIRST
    ends = write_file(path, [event(step, {KEY: step}) for step in range(1, 5)])
    data = path.read_bytes()
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        whole = [end for end in (0, *ends) if end <= length]
        removed = cut_events_after(tmp_path, 2)
        assert removed == max(0, len(whole) - 4), length  # nothing, the header, two steps
        assert path.read_bytes() == data[: min(whole[-1], ends[2])], length


@pytest.mark.parametrize("place", [3, 10, 20])
def test_data_after_damage_is_cut_off(tmp_path: Path, place: int) -> None:
    """In the length, its checksum, or data that is then not an event: TensorBoard stops reading there."""
    path = tmp_path / FIRST
    ends = write_file(path, [event(1, {KEY: 1}), b"\xff" * 40, event(3, {KEY: 3})])
    data = bytearray(path.read_bytes())
    data[ends[1] + place] ^= 0x40
    path.write_bytes(data)
    assert cut_events_after(tmp_path, 10) == 0
    assert path.read_bytes() == data[: ends[1]]


def test_large_records_stay(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    write_file(path, [event(step, {f"{KEY}/{'x' * 200_000}": step}) for step in (1, 2, 3)])
    assert cut_events_after(tmp_path, 2) == 1
    assert path.stat().st_size > 400_000
    assert cut_events_after(tmp_path, 2) == 0


def test_a_cut_file_keeps_its_permissions_and_leftovers_go(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [event(step, {KEY: step}) for step in (1, 2)])
    (tmp_path / FIRST).chmod(0o640)
    (tmp_path / f".{FIRST}.1-2.new").write_bytes(b"half")
    cut_events_after(tmp_path, 1)
    assert stat.S_IMODE((tmp_path / FIRST).stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [FIRST]


def test_an_empty_log_has_nothing_to_cut(tmp_path: Path) -> None:
    assert cut_events_after(tmp_path / "nowhere", 5) == 0
    assert cut_events_after(tmp_path, 5) == 0


def test_curves_of_cloning_stay_since_their_steps_are_epochs(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [event(step, {key: step}) for step in (1, 2) for key in ("clone/loss", KEY)])
    assert cut_events_after(tmp_path, 0) == 2
    assert official(tmp_path, "clone/loss") == [(1, 1), (2, 2)]
