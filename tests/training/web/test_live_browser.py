"""Live play, groups, renaming and deleting in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import copy_of
from tests.training.web.browser import BROWSER_TESTS, shot, until
from tests.training.web.page import Page, make_run, serving
from training.demonstrations.demo_set import read_set

pytestmark = BROWSER_TESTS
PLAYING = "document.getElementById('play').dataset.state === 'playing'"
TILE = "name => document.querySelector(`[data-tile=${name}]`).textContent"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, plain_run: Path) -> Path:
    """A run to play, a sweep of two runs, and a run to rename and delete."""
    folder = tmp_path_factory.mktemp("browser") / "runs"
    copy_of(plain_run, folder / "played")
    for seed in range(2):
        make_run(folder, f"swept-{seed}", agent_id="explorer", seed=seed)
        manifest = json.loads((folder / f"swept-{seed}" / "manifest.json").read_text())
        (folder / f"swept-{seed}" / "manifest.json").write_text(json.dumps({**manifest, "sweep": "rates"}))
    make_run(folder, "spare")
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    with serving(root) as served:
        for name in ("played", "swept-1", "spare"):
            served.until_listed(name)
        yield served


def test_a_person_watches_takes_over_and_saves(tab: Any, root: Path) -> None:
    tab.goto("/training/run/played")
    tab.click("text=Play live")
    until(tab, PLAYING, seconds=240)
    until(tab, f"({TILE})('step') !== '–'", seconds=60)
    assert "Plays the checkpoint at 64 steps" in tab.inner_text("#message")
    drawn = """() => {
        const pen = document.getElementById("screen").getContext("2d");
        return new Set(pen.getImageData(0, 0, 160, 144).data).size;
    }"""
    assert tab.evaluate(drawn) > 2, "a picture with several shades"
    assert tab.locator("meter").count() == 7
    until(tab, "document.getElementById('position-map').width > 50")
    tab.keyboard.press("n")  # pauses
    until(tab, "document.getElementById('pause').textContent.startsWith('Go on')")
    tab.keyboard.press("t")
    until(tab, "document.getElementById('play').classList.contains('by-hand')")
    tab.keyboard.down("ArrowLeft")
    tab.keyboard.press("n")
    until(tab, f"({TILE})('who') === 'you'")
    tab.keyboard.up("ArrowLeft")
    until(tab, "document.querySelector('.pressed').dataset.share === 'left'")
    shot(tab, "live")
    tab.set_viewport_size({"width": 360, "height": 740})
    shot(tab, "live-narrow")
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    tab.keyboard.press("d")
    until(tab, "document.getElementById('message').textContent.includes('of them with a key')")
    tab.keyboard.press("z")
    until(tab, "document.getElementById('message').textContent.startsWith('saved: ')")
    tab.click("#hand")
    until(tab, "!document.getElementById('play').classList.contains('by-hand')")
    tab.click("#pause")
    tab.click("[data-do=faster]")
    until(tab, "document.getElementById('speed').textContent === '2x'")
    before = tab.evaluate(TILE, "step")
    until(tab, f"before => ({TILE})('step') !== before && ({TILE})('who') === 'the policy'", arg=before)
    tab.click("#end")
    until(tab, "document.getElementById('play').dataset.state === 'ended'")
    (only,) = read_set(root / "played" / "by_hand" / "demonstrations")
    assert only.episode.header.steps - len(only.noise) == 1
    assert list((root / "played" / "by_hand" / "states").glob("live-1.*"))


def test_a_sweep_is_folded_and_empty_columns_are_left_out(tab: Any) -> None:
    tab.goto("/training")
    assert "Agent" in tab.inner_text(".runs thead")
    assert "Variant" not in tab.inner_text(".runs thead")
    assert tab.locator(".spark polyline").count() >= 3
    assert tab.get_by_label("Select swept-0").is_visible()
    tab.click(".fold >> text=sweep rates")
    assert not tab.get_by_label("Select swept-0").is_visible()
    tab.click("thead >> text=Run")
    until(tab, "location.search.includes('sort=name')")
    assert not tab.get_by_label("Select swept-0").is_visible(), "it stays folded"
    shot(tab, "list-groups")
    tab.click(".fold")
    tab.click(".group >> text=compare")
    until(tab, "location.pathname === '/training/compare'")


def test_a_run_is_renamed_and_deleted(tab: Any, root: Path) -> None:
    tab.goto("/training/run/spare")
    assert tab.get_attribute("#copy", "data-command") == "python training/train_ppo.py --resume spare"
    tab.click("#copy")
    until(tab, "document.getElementById('managed').textContent.includes('--resume spare')")
    tab.click("summary >> text=Rename or delete")
    tab.fill("#rename input", "kept")
    tab.click("#rename button")
    until(tab, "location.pathname === '/training/run/kept'")
    tab.click("summary >> text=Rename or delete")
    tab.fill("#delete input", "kept")
    tab.click("#delete button")
    until(tab, "location.pathname === '/training'")
    assert not (root / "kept").exists()
