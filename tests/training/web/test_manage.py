"""Deleting and renaming runs over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException

from tests.training.web.page import Page, make_run, serving
from training.runs.folder import LOCK
from training.runs.locks import take_lock
from training.web.security import is_loopback, local_only


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manage") / "runs"
    for name in ("first", "second", "held"):
        make_run(folder, name)
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    with serving(root) as served:
        for name in ("first", "second", "held"):
            served.until_listed(name)
        yield served


def post(page: Page, path: str, **content: Any) -> tuple[int, dict[str, Any]]:
    own = {"Origin": page.address, "Content-Type": "application/json"}
    answer = page.post(f"/training/api/run/{path}", json.dumps(content), own)
    return answer.status, json.loads(answer.text)


def test_a_run_is_renamed(page: Page, root: Path) -> None:
    assert post(page, "first/rename", to="fine") == (200, {"name": "fine"})
    assert (root / "fine" / "config.json").is_file()
    assert not (root / "first").exists()
    assert page.get("/training/run/fine").status == 200
    assert page.get("/training/run/first").status == 404
    assert post(page, "fine/rename", to="first")[0] == 200


@pytest.mark.parametrize(
    ("to", "status"),
    [("second", 409), ("", 400), ("../out", 400), (".hidden", 400), ("a/b", 400), ("pretrained", 400)],
)
def test_wrong_names_are_refused(page: Page, root: Path, to: str, status: int) -> None:
    before = sorted(root.rglob("*"))
    found, reply = post(page, "first/rename", to=to)
    assert found == status, reply
    assert {path for path in root.rglob("*") if "sqlite" not in path.name} == {
        path for path in before if "sqlite" not in path.name
    }


def test_a_run_in_training_is_neither_deleted_nor_renamed(page: Page, root: Path) -> None:
    lock = take_lock(root / "held" / LOCK)
    assert lock is not None
    with lock:
        for action, content in (("delete", {"confirm": "held"}), ("rename", {"to": "other"})):
            status, reply = post(page, f"held/{action}", **content)
            assert (status, reply) == (409, {"error": "run held is training; stop it first"})
    assert (root / "held" / "config.json").is_file()


def test_a_run_is_deleted_once_its_name_is_typed(page: Page, root: Path) -> None:
    status, reply = post(page, "second/delete", confirm="first")
    assert (status, reply["error"]) == (400, "type the name of the run, second, to delete it")
    assert (root / "second").is_dir()
    assert post(page, "second/delete", confirm="second") == (200, {"deleted": "second"})
    assert not (root / "second").exists()
    assert "/training/run/second" not in page.get("/training?q=second").text


def test_the_record_of_a_run_whose_folder_is_gone_is_deleted(page: Page, root: Path) -> None:
    make_run(root, "gone")
    page.until_listed("gone")
    (root / "gone" / "config.json").unlink()
    (root / "gone").rename(root.parent / "elsewhere")
    assert post(page, "gone/delete", confirm="gone") == (200, {"deleted": "gone"})
    assert (root.parent / "elsewhere").is_dir()


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.7", False),
     ("::ffff:10.0.0.7", False), ("2001:db8::1", False), ("testclient", False), ("", False)],
)  # fmt: skip
def test_other_machines_are_refused(host: str, local: bool) -> None:
    assert is_loopback(host) == local
    request: Any = SimpleNamespace(client=SimpleNamespace(host=host))
    if local:
        local_only(request)
    else:
        with pytest.raises(HTTPException, match="only for browsers on the machine of the server"):
            local_only(request)
