"""How well rewards from demonstrations tell held-out ones from random play."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from training.demonstrations.demo_set import DemonstrationSet
from training.evaluation.imitation_rewards import auroc, main


def test_auroc_is_the_probability_of_a_higher_score() -> None:
    positive, negative = np.array([1.0, 3.0, 5.0], np.float32), np.array([0.0, 3.0], np.float32)
    assert auroc(positive, negative) == pytest.approx((1 + 1.5 + 2) / 6)
    assert auroc(positive, positive) == pytest.approx(0.5)


def config(tmp_path: Path, **section: object) -> str:
    path = tmp_path / "config.json"
    settings = {"start": "starter", "observations": ["place"], "device": "cpu"}
    path.write_text(json.dumps({**settings, **({"intrinsic": section} if section else {})}))
    return str(path)


def test_it_measures_a_config(
    tmp_path: Path,
    short_set: DemonstrationSet,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (("EPISODES", 2), ("STEPS", 30), ("UPDATES", 3)):
        monkeypatch.setattr(f"training.evaluation.imitation_rewards.{name}", value)
    common = {"demonstrations": str(short_set.folder), "inputs": ["place"]}
    assert main([config(tmp_path, kind="amp", **common)]) == 0
    said = capsys.readouterr().out
    assert "AUROC of the discriminator" in said
    assert ", 29 of random play" in said
    assert main([config(tmp_path, kind="near", n_iters=30, L=3, **common)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-3:]] == ["0", "1", "2"]


def test_what_it_cannot_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no reward from demonstrations"):
        main([config(tmp_path)])
    with pytest.raises(UserError, match="usage"):
        main([])
