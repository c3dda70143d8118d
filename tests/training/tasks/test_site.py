"""The documentation's site: its parts exist; ``make docs`` itself, in CI, checks every link and anchor."""

from __future__ import annotations

import re
from importlib.util import find_spec

from tests.paths import ROOT
from training.tasks.site import REFERENCE, pages, reference

SETTINGS = (ROOT / "mkdocs.yml").read_text("utf-8")


def test_the_reference_names_modules_that_exist_each_once() -> None:
    modules = [module for page in REFERENCE.values() for module in page]
    assert [module for module in modules if find_spec(module) is None] == []
    assert len(modules) == len(set(modules))
    assert "::: envs.red_env" in reference("Environments", REFERENCE["Environments"])


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": (\S+\.md)$", SETTINGS, re.MULTILINE))
    found = {path.relative_to(ROOT).as_posix() for path in pages() if path.suffix == ".md"}
    assert listed == found | {f"reference/{title.lower()}.md" for title in REFERENCE}


def test_nothing_is_loaded_from_the_net() -> None:
    assert "font: false" in SETTINGS
    assert "http" not in SETTINGS.split("nav:")[0]
