"""docs/howto.md: its examples run, as scripts, and train."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGE = (ROOT / "docs" / "howto.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
SHORT = 15
"""Lines of a plain example, beside empty ones."""

pytestmark = pytest.mark.slow


def run(folder: Path, text: str) -> str:
    script = folder / "example.py"
    script.write_text(text)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("OMP_WAIT_POLICY", None)
    done = subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["a2c.py", "dqn.py", "recurrent.py", "maskable.py"])
def test_other_algorithms_finish_episodes(name: str, tmp_path: Path) -> None:
    said = run(tmp_path, EXAMPLES[name])
    assert len(re.findall(r"^{'r': .*'l': .*64", said, re.MULTILINE)) == 8, said
    lines = [line for line in EXAMPLES[name].splitlines() if line]
    assert len(lines) <= SHORT or "class" in EXAMPLES[name]


def test_a_callback_of_ones_own_sees_episodes(tmp_path: Path) -> None:
    said = run(tmp_path, EXAMPLES["callback.py"])
    assert int(said.split("most tiles:")[1]) > 1, said


def test_every_example_is_run() -> None:
    assert set(EXAMPLES) == {"callback.py", "a2c.py", "dqn.py", "recurrent.py", "maskable.py"}
