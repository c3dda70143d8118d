"""What ships is found from any working directory, and programs are named as they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs import installation
from envs.installation import call, program, shipped, shipped_config
from tests.paths import CONFIGS, ROOT

SMOKE = Path("configs/smoke.json")


def test_a_config_that_ships_is_found_where_the_working_directory_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped_config(SMOKE) == CONFIGS / "smoke.json"
    assert shipped_config(Path("configs/sweeps/*_plain.json")) == CONFIGS / "sweeps" / "*_plain.json"
    for other in ("smoke.json", "configs/nothing.json", "configs/../pyproject.toml", "/configs/smoke.json"):
        assert shipped_config(Path(other)) == Path(other)
    (tmp_path / "configs").mkdir()
    (tmp_path / SMOKE).write_text("{}")
    assert shipped_config(SMOKE) == SMOKE, "the own one comes first"
    assert shipped_config(SMOKE, tmp_path / "deeper") == CONFIGS / "smoke.json"


def test_messages_name_programs_as_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "AS_COMMAND", False)
    assert (program("train_ppo.py"), call("train_ppo.py")) == (
        "train_ppo.py",
        "python training/train_ppo.py",
    )
    monkeypatch.setattr(installation, "AS_COMMAND", True)
    assert program("run_sweep.py") == call("run_sweep.py") == "pokered sweep"
    assert program("python -m training.fault_injection") == "pokered soak"
    assert program("unknown.py") == "unknown.py"


def test_a_checkout_has_what_ships_beside_its_packages() -> None:
    assert not installation.INSTALLED
    assert shipped("policies") == ROOT / "policies"
