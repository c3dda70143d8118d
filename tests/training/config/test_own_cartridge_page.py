"""The example of several starts in docs/own_cartridge.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests.paths import CONFIGS, ROOT
from training.config.loading import load_config


def test_the_example_extends_a_shipped_config(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "own_cartridge.md").read_text("utf-8")
    ((name, text),) = re.findall(r"<!-- example: (\S+) -->\n```json\n(.*?)```", page, re.DOTALL)
    for shipped in CONFIGS.glob("red_*.json"):
        (tmp_path / shipped.name).write_text(shipped.read_text())
    (tmp_path / name).write_text(text)
    config = load_config(tmp_path / name)
    assert next(iter(config.starts or ())) == "bedroom"
    assert len(config.starts or ()) == 4
    assert config.goal == "badge1"
