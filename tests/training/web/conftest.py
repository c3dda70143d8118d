"""A browser and its tabs; a file that uses them has a fixture ``page``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.web.browser import CHROMIUM, own
from tests.training.web.page import Page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any, page: Page, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A tab that must log no errors and request nothing from other sites."""
    settings = getattr(request, "param", {"viewport": {"width": 1300, "height": 900}})
    context = chromium.new_context(base_url=page.address, **settings)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda asked: complaints.append(asked.url) if not own(asked.url, page) else None)
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert complaints == []
