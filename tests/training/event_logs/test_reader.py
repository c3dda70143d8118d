"""The event reader on truncated, damaged and repeated data, compared with TensorBoard."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pytest
import torch
from tensorboard.compat.proto import event_pb2
from torch.utils.tensorboard import SummaryWriter

from envs.errors import UserError
from tests.training.event_logs.files import FIRST, SECOND, event, official, write_file
from training.event_logs.curves import mean_curve, read_curve
from training.event_logs.reader import LARGEST, MAX_NOTES, EventReader, event_files
from training.event_logs.records import files_in, time_of

KEY, OTHER = "train/approx_kl", "train/loss"


def rows(reader: EventReader) -> list[tuple[int, dict[str, float]]]:
    return [(row.step, row.values) for row in reader.rows()]


def numbered(steps: range, key: str = KEY, plus: float = 0.0) -> list[bytes]:
    return [event(step, {key: step + plus}) for step in steps]


@pytest.mark.parametrize("checked", [True, False])
def test_a_file_cut_at_any_byte_gives_all_complete_records(tmp_path: Path, checked: bool) -> None:
    path = tmp_path / FIRST
    ends = write_file(path, numbered(range(1, 6)))
    data = path.read_bytes()
    assert len(data) == ends[-1]
    for length in range(len(data)):
        path.write_bytes(data[:length])
        reader = EventReader([path], checked)
        whole = sum(end <= length for end in ends[1:])
        assert [step for step, _ in rows(reader)] == list(range(1, whole + 1)), length
        cut = length not in (0, *ends)
        assert reader.notes == ([f"{FIRST}: the last record is cut off"] if cut else []), length


@pytest.mark.parametrize("flip", [1, 0x80])
def test_a_changed_byte_costs_its_record_or_the_rest(tmp_path: Path, flip: int) -> None:
    path = tmp_path / FIRST
    ends = write_file(path, numbered(range(1, 5)))
    data = path.read_bytes()
    for place in range(ends[0], ends[-1]):
        path.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
        hit = sum(end <= place for end in ends)  # the step of the record with the changed byte
        in_header = place - ends[hit - 1] < 12
        reader = EventReader([path])
        kept = [step for step in range(1, 5) if (step < hit if in_header else step != hit)]
        assert [(step, values[KEY]) for step, values in rows(reader)] == [(step, step) for step in kept], (
            place
        )
        ended = "nothing after it can be read" if in_header else "one record skipped"
        assert reader.notes == [f"{FIRST}: damaged at byte {ends[hit - 1]}, {ended}"], place


def test_without_data_checksums_records_that_are_not_events_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    ends = write_file(path, [event(1, {KEY: 1}), b"\xff" * 20, event(3, {KEY: 3})])
    for checked in (True, False):
        reader = EventReader([path], checked)
        assert [step for step, _ in rows(reader)] == [1, 3]
        assert reader.notes == [f"{FIRST}: the record at byte {ends[1]} is not an event"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert [step for step, _ in rows(EventReader([path], checked=False))] == [1, 3]
    assert [step for step, _ in rows(EventReader([path]))] == [1]


def test_a_later_file_replaces_points_after_its_first_step(tmp_path: Path) -> None:
    """A run was killed after step 9 and resumed from step 6; the row of that step combines both."""
    write_file(tmp_path / FIRST, [event(step, {KEY: step, OTHER: step}) for step in range(1, 10)])
    write_file(tmp_path / SECOND, numbered(range(6, 13), plus=0.5))
    reader = EventReader(files_in(tmp_path))
    found = rows(reader)
    assert [step for step, _ in found] == list(range(1, 13))
    assert [values[KEY] for _, values in found] == [1, 2, 3, 4, 5, *(step + 0.5 for step in range(6, 13))]
    assert found[5] == (6, {KEY: 6.5, OTHER: 6})
    assert OTHER not in found[6][1]
    assert (reader.repeated, reader.notes) == (3, [])
    assert EventReader(files_in(tmp_path)).steps(KEY) == [*range(1, 10), *range(6, 13)]


def test_the_newest_of_three_sessions_counts(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, numbered(range(1, 10)))
    write_file(tmp_path / SECOND, numbered(range(8, 12), plus=0.25))
    write_file(tmp_path / SECOND.replace("2000", "3000"), numbered(range(5, 7), plus=0.5))
    found = rows(EventReader(files_in(tmp_path)))
    assert found == [(step, {KEY: step}) for step in range(1, 5)] + [(5, {KEY: 5.5}), (6, {KEY: 6.5})]


def test_decreasing_steps_within_a_file_are_skipped(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, numbered(range(1, 5)) + numbered(range(2, 7), plus=0.5))
    reader = EventReader([tmp_path / FIRST])
    assert [values[KEY] for _, values in rows(reader)] == [1, 2, 3, 4.5, 5.5, 6.5]
    assert reader.repeated == 2


def test_points_of_one_step_are_one_row_with_the_last_time(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    write_file(path, [event(7, {KEY: 1}, 10.0), event(7, {OTHER: 2}, 11.0), event(7, {KEY: 3}, 12.0)])
    (row,) = EventReader([path]).rows()
    assert (row.step, row.wall_time, row.values) == (7, 12.0, {KEY: 3, OTHER: 2})


def test_nan_is_in_the_row_but_not_in_the_curve(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    values = [math.nan, 1.5, math.inf, 2.5, -math.inf]
    write_file(folder / FIRST, [event(step, {KEY: value}) for step, value in enumerate(values)])
    found = [values[KEY] for _, values in rows(EventReader(files_in(folder)))]
    assert str(found) == "[nan, 1.5, inf, 2.5, -inf]"
    steps, numbers = read_curve(tmp_path, KEY)
    assert (steps.tolist(), numbers.tolist()) == ([1, 3], [1.5, 2.5])
    assert [len(part) for part in read_curve(tmp_path, "no/such_key")] == [0, 0]
    assert [len(part) for part in read_curve(tmp_path / "nowhere", KEY)] == [0, 0]
    assert [len(part) for part in mean_curve([read_curve(tmp_path, "no/such_key")])] == [0, 0]


def test_it_reads_what_tensorboard_reads(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(20):
            writer.add_scalar(KEY, step / 7, step, new_style=True)
            writer.add_scalar(OTHER, -step, step)
            writer.add_histogram("weights", torch.arange(10.0), step)
            writer.add_image("picture", torch.zeros(3, 200, 200), step)
            writer.add_text("words", "x" * LARGEST, step)
    reader = EventReader(event_files(tmp_path))
    found = rows(reader)
    for key in (KEY, OTHER):
        assert [(step, values[key]) for step, values in found] == official(tmp_path, key)
    assert all(set(values) == {KEY, OTHER} for _, values in found)
    assert reader.notes == []


def test_tensors_that_are_not_single_numbers_are_skipped(tmp_path: Path) -> None:
    made = event_pb2.Event(step=1)
    made.summary.value.add(tag="text").tensor.dtype = 7
    made.summary.value.add(tag="unknown").tensor.dtype = 99
    made.summary.value.add(tag="kept", simple_value=1.0)
    write_file(tmp_path / FIRST, [made.SerializeToString()])
    assert rows(EventReader([tmp_path / FIRST])) == [(1, {"kept": 1.0})]


def test_files_are_sorted_by_the_time_in_their_names_without_half_written_ones(tmp_path: Path) -> None:
    names = ["events.out.tfevents.999.b", "events.out.tfevents.1000.a", "events.out.tfevents.1000.b"]
    for name in (*names[::-1], f".{names[0]}.1-2.new", "other"):
        (tmp_path / name).touch()
    (tmp_path / "events.out.tfevents.5.folder").mkdir()
    assert [path.name for path in files_in(tmp_path)] == names
    assert event_files(tmp_path) == files_in(tmp_path)
    assert [time_of(path) for path in files_in(tmp_path)] == [999, 1000, 1000]
    assert files_in(tmp_path / "nowhere") == []
    with pytest.raises(UserError, match="holds no TensorBoard files"):
        event_files(tmp_path / "nowhere")


def test_a_missing_file_is_noted_and_the_others_are_read(tmp_path: Path) -> None:
    write_file(tmp_path / SECOND, numbered(range(1, 4)))
    reader = EventReader([tmp_path / FIRST, tmp_path / SECOND])
    assert len(rows(reader)) == 3
    assert reader.notes == [f"{FIRST}: cannot be read: No such file or directory"]


def test_a_file_may_grow_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    write_file(path, numbered(range(1, 40)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    reading = EventReader([path]).rows()
    assert next(reading).step == 1
    with path.open("ab") as file:
        file.write(data[len(data) // 2 :])
    assert [row.step for row in reading] == list(range(2, 40))


def test_notes_are_bounded(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [b"\xff" * 9] * 3 * MAX_NOTES)
    reader = EventReader([tmp_path / FIRST])
    assert rows(reader) == []
    assert len(reader.notes) == MAX_NOTES


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / FIRST
    most = []
    for events in (2_000, 20_000):
        write_file(path, numbered(range(events)))
        tracemalloc.start()
        assert sum(1 for _ in EventReader([path], checked=False).rows()) == events
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert path.stat().st_size > 800_000
    assert most[1] < most[0] + 20_000
