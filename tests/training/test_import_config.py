"""import_config.py: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.errors import UserError
from training.config.loading import load_config
from training.import_config import main


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_it_writes_a_config_once_and_lists_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "run.sh", tmp_path / "ours.json"
    source.write_text("python ppo.py --num-steps 64 --env-id Pong")
    assert run(source, "--out", out) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{out}: 19 settings of CleanRL\nnote: ")
    assert said.out.endswith("left out: env-id: the game is set with rom and start\n")
    assert said.err == ""
    assert load_config(out).n_steps == 64
    with pytest.raises(UserError, match=r"ours\.json exists already"):
        run(source, "--out", out)
    assert run(source) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads(out.read_text())
    assert "left out: env-id: " in shown.err


def test_it_refuses_in_one_line_and_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "wrong.sh"
    source.write_text("python ppo.py --gama 1")
    for name, line in (
        ("a.json", f"{source}: --gama is not a flag of CleanRL's ppo.py; did you mean --gamma?"),
        ("a.yaml", f"--out {tmp_path}/a.yaml must end in .json"),
        ("no/a.json", f"--out {tmp_path}/no/a.json: there is no folder {tmp_path}/no"),
    ):
        with pytest.raises(UserError) as caught:
            run(source, "--out", tmp_path / name)
        assert str(caught.value) == line
    with pytest.raises(UserError, match=r"none\.sh: no such file"):
        run(tmp_path / "none.sh")
    assert list(tmp_path.iterdir()) == [source]
