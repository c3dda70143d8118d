"""Reader for the scalars of TensorBoard event files: one row per step, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

from envs.errors import UserError
from training.event_logs.records import files_in, parse_event, read_records

FOLDERS = ("", "tensorboard/", "*/", "*/*/")
ANY_NAME = "*tfevents*"
LARGEST = 1 << 16  # bytes of a record to read: scalars take about a hundred, pictures are skipped
MAX_NOTES = 10


@dataclass(slots=True)
class LoggedStep:
    """Values logged at one step by key, and the time of the last one, in Unix seconds."""

    step: int
    wall_time: float
    values: dict[str, float] = field(default_factory=dict)


class EventReader:
    """The scalars of several event files, oldest first; ``notes`` describes what could not be used.

    A later file that begins before the end of an earlier one (a run that was killed and resumed) replaces
    what the earlier one has after that step. ``repeated`` counts the skipped points. If ``checked``, records
    whose data fails its checksum are skipped; checking takes most of the time.
    """

    def __init__(self, files: Sequence[Path], checked: bool = True) -> None:
        self.files = list(files)
        self.checked = checked
        self.notes: list[str] = []
        self.repeated = 0

    def rows(self) -> Iterator[LoggedStep]:
        """Yield one row per step, in increasing order."""
        row: LoggedStep | None = None
        for file, end in zip(self.files, self._ends(), strict=True):
            for event, values in self._scalars(file):
                step = event.step
                if step > end or (row is not None and step < row.step):
                    self.repeated += 1
                elif row is None or step > row.step:
                    if row is not None:
                        yield row
                    row = LoggedStep(step, event.wall_time, values)
                else:
                    row.wall_time = event.wall_time
                    row.values.update(values)
        if row is not None:
            yield row

    def steps(self, key: str) -> list[int]:
        """Return the step of every point of ``key`` in the files, including repeated ones."""
        return [event.step for file in self.files for event, values in self._scalars(file) if key in values]

    def _ends(self) -> list[float]:
        """Return for each file the step after which a later file replaces it."""
        ends = [math.inf] * len(self.files)
        for number in range(len(self.files) - 1, 0, -1):
            apart = EventReader(self.files[number : number + 1], self.checked)  # with separate notes
            first = next((event.step for event, _ in apart._scalars(apart.files[0])), math.inf)
            ends[number - 1] = min(ends[number], first)
        return ends

    def _scalars(self, path: Path) -> Iterator[tuple[Event, dict[str, float]]]:
        """Yield each event that holds scalars, with the scalars."""
        note = partial(self._note, path)
        try:
            with path.open("rb") as file:
                for begin, data in read_records(file, note, LARGEST, self.checked):
                    event = parse_event(data)
                    if event is None:
                        note(f"the record at byte {begin} is not an event")
                    elif values := scalars(event):
                        yield event, values
        except OSError as error:
            note(f"cannot be read: {error.strerror}")

    def _note(self, path: Path, line: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"{path.name}: {line}")


def scalars(event: Event) -> dict[str, float]:
    """Return key -> value of the scalars in one event, in the old and the new encoding."""
    found: dict[str, float] = {}
    for value in event.summary.value[:]:  # a copy: iterating over the original takes twice as long
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            found[value.tag] = value.simple_value
        elif kind == "tensor" and value.metadata.plugin_data.plugin_name in ("", "scalars"):
            try:
                array = make_ndarray(value.tensor)
            except (TypeError, ValueError):
                continue  # a tensor of a type without numbers
            if array.size == 1 and array.dtype.kind in "fiu":
                found[value.tag] = float(array.reshape(-1)[0])
    return found


def event_files(path: Path) -> list[Path]:
    """Return the event files of one run, oldest first: ``path`` itself, or the files in it, in its
    tensorboard folder, or in the only folder below it that has any.

    Raises:
        UserError: there are no files, or files of several runs.
    """
    if path.is_file():
        return [path]
    for folder in FOLDERS:
        try:
            found = files_in(path, folder + ANY_NAME)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        folders = sorted({file.parent for file in found})
        if len(folders) > 1:
            some = ", ".join(str(folder) for folder in folders[:5])
            raise UserError(f"{path} holds {len(folders)} runs; name one of them: {some}")
        if found:
            return found
    raise UserError(f"{path} holds no TensorBoard files (names with tfevents in them)")
