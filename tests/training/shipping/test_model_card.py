"""Model cards of exports: what the hub and a reader find in them, and that they hold nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from tests.paths import ROOT
from tests.training.conftest import Program
from training.checkpoints.writing import read_checkpoint
from training.config.loading import load_config
from training.shipping.model_card import Subject, model_card
from training.shipping.origin import known_origin

pytestmark = pytest.mark.slow
EMBEDDED_SHA1 = (ROOT / "envs/cartridge/clover.gb.sha1").read_text().split()[0]


@pytest.fixture(scope="module")
def run(program: Program, tiny: Path, runs: Path) -> Path:
    """A run of which one checkpoint was evaluated."""
    done = program("train_ppo", "--config", tiny, "--run-name", "carded", "--seed", 3, "--fast-text")
    assert done.returncode == 0, done.stderr
    done = program("evaluate", "carded", "--episodes", 4, "--checkpoint", "192")
    assert done.returncode == 0, done.stderr
    return runs / "carded"


def exported(program: Program, run: Path, folder: Path, checkpoint: str) -> tuple[ModelCard, str]:
    """The card of an export in ``folder``, as the hub's library reads it, and its whole text."""
    done = program("export_sb3", run, "--out", folder / "mine.zip", "--checkpoint", checkpoint)
    assert done.returncode == 0, done.stderr
    card = folder / "mine.MODEL_CARD.md"
    assert f"{card}: model card, for the Hugging Face hub as README.md" in done.stdout
    return ModelCard.load(card), card.read_text("utf-8")


def test_a_card_has_what_the_run_knows(run: Path, program: Program, tmp_path: Path) -> None:
    card, text = exported(program, run, tmp_path, "192")
    data = card.data.to_dict()
    assert data["library_name"] == "stable-baselines3" and data["pipeline_tag"] == "reinforcement-learning"
    assert {"reinforcement-learning", "PokemonRed-v0", "stable-baselines3"} <= set(data["tags"])
    assert "license" not in data, "no file of a run names one"
    manifest = json.loads((run / "manifest.json").read_text())
    row = next(json.loads(line) for line in (run / "eval.jsonl").read_text().splitlines())
    (result,) = card.data.eval_results or []
    assert (result.dataset_name, result.metric_type) == ("PokemonRed-v0", "mean_reward")
    assert result.metric_value == f"{row['return_mean']:.2f} +/- {row['return_std']:.2f}"
    for line in (
        "| run | carded |", "| checkpoint | 192 |", "| steps | 192 |", "| PPO updates | 3 |", "| seed | 3 |",
        "| game | clover |", f"| SHA-1 of the cartridge | {EMBEDDED_SHA1} |",
        "| episodes begin at | bedroom (made by boot script) |", "| steps of an episode | 40 |",
        f"| commit of the project | {manifest['sessions'][0]['git_commit']} |",
        "The game pays exploration_new_tile 0.1, battle_start_bonus 1; nothing for",
        "Enabled in training: fast_text.", "4 episodes from bedroom on seeds that training does not use",
        "fewer than 20 independent episodes",
    ):  # fmt: skip
        assert line in text, line
    interval = f"{row['return_mean']:.2f} ({row['return_low']:.2f} to {row['return_high']:.2f}) |"
    assert f"| return | {interval}" in text and "| random buttons |" in text
    assert re.search(r"Counted in training: fast_text \d", text)
    assert "demonstrations" not in text
    assert str(ROOT) not in text and str(run.parent) not in text and str(tmp_path) not in text


def test_the_same_run_gives_the_same_card(run: Path, program: Program, tmp_path: Path) -> None:
    _, text = exported(program, run, tmp_path, "192")
    found = read_checkpoint(run / "checkpoints" / "192")
    assert model_card(Subject(run, "mine.zip", found, known_origin(run, found))) == text


def test_figures_of_other_weights_are_not_shown(run: Path, program: Program, tmp_path: Path) -> None:
    card, text = exported(program, run, tmp_path, "final")
    assert "This checkpoint was not evaluated on held-out seeds." in text
    assert card.data.eval_results is None and "intervals are about" not in text


def test_the_lines_that_load_it_do(run: Path, program: Program, tmp_path: Path) -> None:
    _, text = exported(program, run, tmp_path, "final")
    (tmp_path / "settings.json").write_text(text.split("```json\n")[1].split("```")[0])
    ours, theirs = load_config(tmp_path / "settings.json"), load_config(run / "config.json")
    machine = {"device", "workers"}
    assert ours.model_dump(exclude=machine) == theirs.model_dump(exclude=machine)
    code = text.split("```python\n")[1].split("```")[0] + "print(observation.keys())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "screen" in done.stdout


def test_what_is_not_known_is_left_out(run: Path, program: Program, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    (bare / "manifest.json").write_text("{")
    (bare / "eval.jsonl").write_text('{"policy_sha256": 3}\n[]\n{"cut off')
    _, text = exported(program, bare, tmp_path, "192")
    assert "SHA-1 of the cartridge" not in text and "commit of the project" not in text
    assert "| steps | 192 |" in text and "| None" not in text
    assert "Its manifest is missing or damaged" in text
    assert "This checkpoint was not evaluated" in text


def test_demonstrations_other_rules_and_the_first_weights_are_told(tmp_path: Path) -> None:
    """The card of the policy that ships, as a run that went on from it and was evaluated otherwise."""
    policy = next(ROOT.glob("policies/*/provenance.json")).parent
    found = read_checkpoint(policy / "checkpoints" / "final")
    row: dict[str, Any] = json.loads((policy / "eval.jsonl").read_text().splitlines()[0])
    row["settings"]["max_steps"] = 77
    row["settings"]["rewards"]["battle_win"] = 2.5
    (tmp_path / "eval.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "config.json").write_bytes((policy / "config.json").read_bytes())
    begun = {"init_from": "/home/me/runs/first/checkpoints/best", "commits": ["a" * 40 + "-dirty"]}
    facts = {**known_origin(policy, found), **begun}
    text = model_card(Subject(tmp_path, "far", found, facts))
    given = facts["demonstrations"]
    assert f"demonstrations: {given['episodes']} episodes, {given['steps']:,} steps, played by script" in text
    assert "| began with the weights of | first, checkpoint best |" in text
    assert 'Settings other than in training: `{"max_steps": 77, "rewards": {"battle_win": 2.5}}`.' in text
    assert "changes that were not committed" in text and "/home/me" not in text
    assert "library_name: pokered-harness" in text and "random buttons" not in text
    assert "python training/evaluate.py pretrained:far --episodes 20" in text
