"""A real browser for the tests of the history page. Screenshots are saved under build/screenshots/."""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest

from tests.paths import ROOT
from tests.training.web.page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = ROOT / "build" / "screenshots"
BROWSER_TESTS = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]


def until(tab: Any, expression: str, arg: Any = None, seconds: float = 45) -> None:
    """Wait until ``expression`` is true. Playwright's own function needs eval, which the page forbids."""
    deadline = time.monotonic() + seconds
    while not _holds(tab, expression, arg):
        assert time.monotonic() < deadline, expression
        time.sleep(0.1)


def _holds(tab: Any, expression: str, arg: Any) -> bool:
    try:
        return bool(tab.evaluate(expression, arg))
    except Exception as error:
        if "Execution context was destroyed" in str(error):
            return False  # the tab is on its way to another page
        raise


def own(url: str, page: Page) -> bool:
    """Whether ``url`` belongs to the page's own site."""
    return url.startswith((page.address + "/", "blob:", "data:"))


def shot(tab: Any, name: str) -> None:
    """Save a screenshot of the whole page."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SHOTS / f"{name}.png", full_page=True)
