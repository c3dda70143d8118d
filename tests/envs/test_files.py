"""Atomic writing after a kill, on a full disk, for other users, and between threads; safe reading."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.files import (
    disk_may_refuse,
    inflate,
    open_atomically,
    read_plain,
    remove_unfinished,
    write_atomically,
    write_json,
    write_synced,
)
from tests.paths import ROOT

OLD, NEW = b"old", b"new" * 100_000
WRITER = """
import sys
from pathlib import Path
from envs.files import open_atomically, write_atomically
path = Path(sys.argv[1])
"""
IN_THE_MIDDLE = """
with open_atomically(path) as file:
    file.write(b"new" * 50_000)
    file.flush()
    print("half", flush=True)
    sys.stdin.read()
"""
AGAIN_AND_AGAIN = """
print("begins", flush=True)
while True:
    for letter in b"ab":
        write_atomically(path, bytes([letter]) * 3_000_000)
"""
LITTLE_ROOM = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails with an OSError, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_atomically(path, b"new" * 100_000)
except OSError as error:
    print(error.errno)
"""


def writer(code: str, path: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that writes ``path``; return it and its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER + code, str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_atomically(path, OLD)
    process, _ = writer(IN_THE_MIDDLE, path)
    assert path.read_bytes() == OLD
    (half,) = [name for name in names(tmp_path) if name != "kept"]
    assert (tmp_path / half).stat().st_size == 150_000
    end(process)
    assert path.read_bytes() == OLD
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["kept"]


@pytest.mark.parametrize("after", [0.0, 0.003, 0.01, 0.03, 0.1])
def test_a_kill_at_any_moment_leaves_a_complete_file(tmp_path: Path, after: float) -> None:
    path = tmp_path / "kept"
    write_atomically(path, OLD)
    process, _ = writer(AGAIN_AND_AGAIN, path)
    threading.Event().wait(after)
    end(process)
    data = path.read_bytes()
    assert data == OLD or (len(data) == 3_000_000 and len(set(data)) == 1)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_atomically(path, OLD)
    process, said = writer(LITTLE_ROOM, path)
    process.communicate()
    assert said == str(errno.EFBIG)
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["kept"]


def test_an_error_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_atomically(path, OLD)
    with pytest.raises(ZeroDivisionError), open_atomically(path) as file:
        file.write(NEW)
        raise ZeroDivisionError
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["kept"]


@pytest.mark.parametrize("synced", [True, False])
def test_what_is_written_is_there_with_its_folder(tmp_path: Path, synced: bool) -> None:
    path = tmp_path / "deep" / "er" / "file"
    write_atomically(path, OLD, synced)
    write_atomically(path, NEW, synced)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["file"]


def test_data_is_flushed_to_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure cannot be tested, so fsync is recorded, and still called."""
    seen: list[tuple[int, bool]] = []
    real, path = os.fsync, tmp_path / "kept"

    def watched(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, path.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_atomically(path, NEW)
    write_synced(tmp_path / "other", OLD)
    write_atomically(tmp_path / "third", OLD, synced=False)
    assert seen == [(len(NEW), False), (len(OLD), True)]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "new", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(OLD)
    path.chmod(0o640)
    write_atomically(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "new", NEW)
    tmp_path.chmod(0o700)
    assert names(tmp_path) == []


def test_a_folder_instead_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "taken", NEW)
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "below", NEW)
    assert names(tmp_path) == ["file", "taken"]


def test_threads_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    contents = [bytes([letter]) * 200_000 for letter in b"abcd"]
    failed: list[BaseException] = []

    def write(data: bytes) -> None:
        try:
            for _ in range(20):
                write_atomically(path, data, synced=False)
                assert path.read_bytes() in contents
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert names(tmp_path) == ["kept"]


def test_only_unfinished_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".folder.new").mkdir()
    for name in (".kept.1-2.new", "mine.new", ".hidden"):
        (tmp_path / name).write_bytes(OLD)
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "nowhere")
    assert names(tmp_path) == [".folder.new", ".hidden", "mine.new"]


def test_json_is_indented_and_ends_its_line(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": [1]})
    assert (tmp_path / "x.json").read_text() == '{\n  "a": [\n    1\n  ]\n}\n'


def test_pipes_folders_and_files_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(NEW)
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="not a plain file"):
            read_plain(tmp_path / name, 10**6)
    with pytest.raises(OSError, match="300000 bytes are too many, at most 299999"):
        read_plain(tmp_path / "large", 299_999)
    assert read_plain(tmp_path / "large", 300_000) == NEW
    assert read_plain(tmp_path / "large", 300_000, only=3) == b"new"


def test_a_disk_error_is_reported_once_until_it_works_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report"
    for refuses in (True, True, False, True):
        with disk_may_refuse(path):
            if refuses:
                raise OSError(errno.ENOSPC, "No space left on device")
    line = f"warning: {path} cannot be written: No space left on device; the run continues\n"
    assert capsys.readouterr().err == 2 * line


@given(st.binary(max_size=2000))
def test_compressed_data_is_inflated(data: bytes) -> None:
    assert inflate(zlib.compress(data), 2000) == data
    assert inflate(memoryview(zlib.compress(data)), 2000) == data


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (b"no such thing", "cannot be unpacked (Error -3"),
        (zlib.compress(bytes(1000))[:-5], "incomplete"),
        (zlib.compress(bytes(10**7)), "more than 1000 bytes"),
        (b"", "incomplete"),
    ],
)
def test_damaged_or_too_large_data_is_refused(packed: bytes, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        inflate(packed, 1000)
    assert why in str(caught.value)
