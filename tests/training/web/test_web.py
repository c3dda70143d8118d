"""The history page over HTTP: what it shows, and which requests it refuses."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.training.conftest import Program, environment
from tests.training.web.page import Page, make_run, serving
from training.web.security import Guard
from training.web.words import ago, figure, setting, short, span


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with four runs, and a file outside that must not be served."""
    folder = tmp_path_factory.mktemp("web") / "runs"
    make_run(folder, "first", agent_id="explorer", tags=["baseline"], seed=1, gamma=0.99)
    make_run(folder, "second", agent_id="explorer", tags=["baseline", "long"], seed=2, gamma=0.99)
    make_run(
        folder, "third", agent_id="fighter", sweep_variant="lr_high", gamma=0.5, name="<b>bold</b>",
        description='<script>alert("no")</script>', tags=['"><img src=x onerror=alert(1)>'],
    )  # fmt: skip
    make_run(folder, "fourth", status="failed", reason="WorkerFailed: <i>it</i> broke")
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "sly").symlink_to(folder.parent)
    (folder.parent / "config.json").write_text("{}")
    (folder / "first" / "exploration").mkdir()
    (folder / "first" / "exploration" / "000 home.png").write_bytes(b"no name for a file here")
    (folder / "first" / "exploration" / "000_home.png").write_bytes(b"\x89PNG\r\n")
    (folder / "first" / "exploration" / "way_out.png").symlink_to(folder.parent / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    """The page over these runs, served by its program."""
    with serving(root) as served:
        served.until_listed("third")  # runs are imported by name
        yield served


def names(html: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/training/run/([^"]+)"', html)


def test_the_list_filters_and_sorts(page: Page) -> None:
    everything = page.get("/training")
    assert everything.status == 200
    assert sorted(names(everything.text)) == ["first", "fourth", "second", "third"]
    assert names(page.get("/training?agent=explorer&sort=name&order=asc").text) == ["first", "second"]
    assert names(page.get("/training?tag=long").text) == ["second"]
    assert names(page.get("/training?status=failed").text) == ["fourth"]
    assert names(page.get("/training?q=LR_high").text) == ["third"]
    assert names(page.get("/training?q=baseline+first").text) == ["first"]
    assert names(page.get("/training?sort=seed&order=desc").text)[:2] == ["second", "first"]
    nothing = page.get("/training?q=%25&part=runs").text
    assert "No run matches" in nothing
    assert "<html" not in nothing


def test_user_text_is_escaped(page: Page) -> None:
    for path in ("/training", "/training/run/third", "/training/run/fourth", "/training?q=<script>",
                 "/training/compare?run=third&run=<script>"):  # fmt: skip
        html = page.get(path).text
        assert not re.search(r"<script(?! src=\"/training/static/)", html), path
        assert "<b>bold" not in html
        assert "<i>it" not in html
        assert "<img src=x" not in html
    assert "&lt;script&gt;alert(" in page.get("/training/run/third").text


def test_the_detail_page_describes_the_run(page: Page, root: Path) -> None:
    html = page.get("/training/run/first").text
    for text in ("explorer_agent", "raise learning_rate", "badge 1", "entropy falls smoothly", "gamma: 0.997",
                 "Differences from its base", "/configs/explorer.json", "What should I change?"):  # fmt: skip
        assert text in html, text
    assert page.get("/training/run/first/exploration/000_home.png").status == 200
    assert "home.png" in html
    assert "way_out" in html  # listed, and refused below


def test_curves_come_as_columns(page: Page) -> None:
    answer = page.get("/training/api/curves?run=first&run=second&key=train/approx_kl&points=70")
    content = json.loads(answer.text)
    assert [run["name"] for run in content["runs"]] == ["first", "second"]
    assert content["runs"][0]["family"] == content["runs"][1]["family"]  # they differ only in the seed
    assert content["runs"][0]["label"] == "explorer"
    for curve in content["curves"]:
        assert curve["step"][-1] == 20480  # the newest point is always included
        assert len(curve["step"]) == len(curve["seconds"]) == len(curve["value"]) == 50
    whole = json.loads(page.get("/training/api/curves?run=first&key=train/approx_kl").text)["curves"][0]
    assert len(whole["value"]) == 100
    assert whole["value"][0] is None  # NaN, which JSON cannot express
    assert whole["value"][1:3] == [0.02, 0.03]


@pytest.mark.parametrize(
    "path",
    [
        "/training/run/nothing", "/training/run/..", "/training/run/%2e%2e", "/training/run/..%2f..%2fetc",
        "/training/run/sly", "/training/run/sly/exploration/secret.txt", "/training/run/first%00",
        "/training/run/first/exploration/../config.json", "/training/run/first/exploration/..%2fconfig.json",
        "/training/run/first/exploration/%2e%2e%2fconfig.json", "/training/run/first/exploration/config.json",
        "/training/run/first/exploration/way_out.png", "/training/run/first/replays/../../../secret.txt",
        "/training/run/first/exploration/%2fetc%2fpasswd", "/training/static/../app.py",
        "/training/static/..%2fapp.py", "/training/static/%2e%2e/%2e%2e/history.py",
        "/training/run/first/replays/x.mp4", "/training/api/run/first/replays/..%2f..%2fconfig.json",
        "/training/compare", "/training/compare?run=nothing", "/training/compare?" + "&run=x" * 31,
        "/training?page=0", "/training?page=x", "/training?q=" + "x" * 300, "/etc/passwd", "//etc/passwd",
        "/training/api/curves", "/training/api/curves?run=first", "/training/api/curves?run=a&key=b&points=9",
        "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_missing_and_outside_paths_are_refused(page: Page, path: str) -> None:
    answer = page.get(path)
    assert 400 <= answer.status < 500, path
    assert "secret" not in answer.text.replace(path, "")
    assert "Traceback" not in answer.text


def test_only_requests_to_its_own_names_are_answered(page: Page) -> None:
    for host in (
        "evil.example",
        f"evil.example:{page.port}",
        "localhost.evil.example",
        "",
        "a b",
        "127.0.0.1@x",
    ):
        assert page.get("/training", host=host).status == 400, host
    for host in ("localhost", f"127.0.0.1:{page.port}", "[::1]:80", "10.1.2.3"):
        assert page.get("/training", host=host).status == 200, host
    assert Guard(["Box.example"]).answers_to("box.example:5173")


def test_only_the_pages_own_scripts_can_change_anything(page: Page, root: Path) -> None:
    path, content = "/training/api/run/second/tags", json.dumps({"tags": ["stolen"]})
    own = {"Origin": f"http://127.0.0.1:{page.port}", "Content-Type": "application/json"}
    assert page.get(path).status == 405
    assert page.post(path, content, {**own, "Origin": "http://evil.example"}).status == 403
    assert page.post(path, content, {**own, "Origin": "null"}).status == 403
    assert page.post(path, content, {"Content-Type": "application/json"}).status == 403
    assert page.post(path, content, {**own, "Content-Type": "text/plain"}).status == 415
    assert page.post(path, '{"tags": ["x"], "more": 1}', own).status == 422
    assert page.post(path, '{"tags": "stolen"}', own).status == 422
    assert page.post("/training/api/run/nothing/tags", content, own).status == 404
    assert not (root / "second" / "tags.json").exists()
    assert page.post(path, '{"tags": [" kept  here ", "kept here"]}', own).status == 200
    assert json.loads((root / "second" / "tags.json").read_text()) == {"tags": ["kept here"]}
    assert names(page.get("/training?tag=kept+here").text) == ["second"]


def test_responses_have_security_headers_and_load_nothing_from_other_sites(page: Page) -> None:
    for path in ("/training", "/training/run/first", "/training/compare?run=first", "/training/nothing"):
        answer = page.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.findall(r'(?:src|href)="(?!/training|\?|#)([^"]*)"', answer.text) == []
        assert " style=" not in answer.text  # which the policy would block
        assert not re.search(r"<[^>]*\son[a-z]+=", answer.text)
    for path in sorted((ROOT / "training/web/static").glob("*.[jc]s*")):
        without_comments = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"https?://", without_comments), path


def test_a_locked_database_is_reported_and_can_still_be_read(page: Page, root: Path) -> None:
    holder = sqlite3.connect(root / "history.sqlite", timeout=10)
    holder.execute("BEGIN IMMEDIATE")
    own = {"Origin": f"http://127.0.0.1:{page.port}", "Content-Type": "application/json"}
    answer = page.post("/training/api/run/first/tags", '{"tags": ["late"]}', own)
    assert answer.status == 503
    assert "locked" in json.loads(answer.text)["error"]
    assert page.get("/training").status == 200
    holder.close()


def test_a_run_without_a_folder_is_not_shown_as_before_its_first_update(page: Page, root: Path) -> None:
    make_run(root, "lost")
    page.until_listed("lost")
    assert "raise learning_rate" in page.get("/training/run/lost").text
    shutil.rmtree(root / "lost")
    html = page.get("/training/run/lost").text
    assert "its folder is gone" in html
    assert "before the first update" not in html
    assert "no updates" not in html
    assert "healthy" in html, "the verdict is in the history"
    assert "which is gone" in html


def test_a_port_in_use_is_reported_in_one_line(page: Page, root: Path) -> None:
    command = [sys.executable, str(ROOT / "training/history.py"), "--port", str(page.port)]
    done = subprocess.run(
        command, env=environment(root), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: --port {page.port} is in use by another program on 127.0.0.1; choose another --port\n"
    )


@pytest.mark.parametrize(("flags", "message"), [
    (["--port", "0"], "--port 0 is out of range"),
    (["--host", "no.such.name.invalid"], "--host no.such.name.invalid is not an address of this machine"),
])  # fmt: skip
def test_wrong_flags_are_refused(program: Program, flags: list[str], message: str) -> None:
    done = program("history", *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_numbers_are_short_and_accurate() -> None:
    shown = {12345: "12,345", 12345.6: "12,346", 1.234: "1.23", 0.00123: "0.0012", 0: "0", None: "–"}
    assert {value: figure(value) for value in shown} == shown
    assert figure(float("nan")) == figure("x") == "–"
    assert [short(n) for n in (950, 12_300, 4_500_000)] == ["950", "12.3k", "4.5M"]
    assert [span(n) for n in (12, 200, 7500, 200_000)] == ["12 s", "3 min 20 s", "2 h 5 min", "2 d 7 h"]
    assert setting({"kind": "linear", "start": 0.02, "end": 0.005, "share": 0.5}) == (
        "linear 0.02 → 0.005 (share 0.5)"
    )
    assert setting({"kind": "piecewise", "points": [[0, 3], [1, 1]]}) == "piecewise 3 → 1"
    assert ago(None) == "–"
