"""docs/api.md: its examples run, as scripts, and train."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


def run(folder: Path, text: str) -> str:
    script = folder / "example.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stock.py", "ours.py"])
def test_stable_baselines3_and_our_ppo_finish_episodes(name: str, tmp_path: Path) -> None:
    assert len(EXAMPLES[name].splitlines()) <= 15
    said = run(tmp_path, EXAMPLES[name])
    assert len(re.findall(r"^{'r': .*'l': .*64", said, re.MULTILINE)) == 8, said


@pytest.mark.slow
def test_a_loop_of_ones_own_learns_and_counts_episodes(tmp_path: Path) -> None:
    said = run(tmp_path, EXAMPLES["loop.py"])
    assert re.search(r"loss: -?\d+\.?\d* return: -?\d+\.\d+", said), said


def test_every_example_is_run() -> None:
    assert set(EXAMPLES) == {"stock.py", "loop.py", "ours.py"}


def test_the_first_lines_register_the_game_in_a_new_process(tmp_path: Path) -> None:
    first = PAGE.split("```python\n")[1].split("```")[0]
    text = first.split("\nenvs = ")[0] + '\nprint(env.reset(seed=1)[1]["start"])\nenv.close()\n'
    assert run(tmp_path, text) == "route1\n"


def test_the_first_lines_make_what_they_say() -> None:
    import gymnasium

    first = PAGE.split("```python\n")[1].split("```")[0].replace("configs/", f"{ROOT}/configs/")
    names: dict[str, gymnasium.Env[object, object]] = {}
    exec(first, names)
    assert names["env"].reset()[1]["start"] == "route1"
    assert names["envs"].num_envs == 16  # type: ignore[attr-defined]
    names["env"].close()
    names["envs"].close()
