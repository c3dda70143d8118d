"""What "rewards" of several files come to, and the line that says so when a run starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewards.coefficients import DEFAULT_COEFFICIENTS
from tests.paths import CONFIGS
from training.config.files import ConfigError
from training.config.loading import load_config
from training.runs.summary import pays

Files = Callable[..., Path]
STEP_COUNTS = ("exploration_recent_window", "stuck_after")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """files(*rewards): configs of which each extends the one before; the last one's path. None: without."""

    def make(*rewards: dict[str, Any] | None) -> Path:
        for number, own in enumerate(rewards):
            values: dict[str, Any] = {} if own is None else {"rewards": own}
            if number:
                values["extends"] = f"{number - 1}.json"
            (tmp_path / f"{number}.json").write_text(json.dumps(values))
        return tmp_path / f"{len(rewards) - 1}.json"

    return make


def paid(path: Path | None, overrides: dict[str, Any] | None = None) -> dict[str, float]:
    """The coefficients that are not 0, without counts of steps."""
    rewards = load_config(path, overrides).rewards
    return {name: value for name, value in rewards.items() if value and name not in STEP_COUNTS}


DEFAULTS = {name: value for name, value in DEFAULT_COEFFICIENTS.items() if value and name not in STEP_COUNTS}


def test_one_coefficient_on_top_of_a_config_changes_that_one(files: Files) -> None:
    assert paid(files(None, {"battle_win": 80})) == DEFAULTS | {"battle_win": 80}
    assert paid(files({"battle_win": 1, "battle_loss": -1}, None, {"battle_win": 2})) == {
        "battle_win": 2,
        "battle_loss": -1,
    }
    assert paid(files(None), {"rewards": {"battle_win": 80.0}}) == DEFAULTS | {"battle_win": 80}


def test_no_rewards_change_nothing(files: Files) -> None:
    assert paid(files({"battle_win": 1}, {})) == {"battle_win": 1}
    assert paid(files({"battle_win": 1}), {"rewards": {}}) == {"battle_win": 1}
    assert paid(files({})) == paid(files(None)) == paid(files(None, {})) == paid(None) == DEFAULTS


def test_a_file_that_extends_nothing_names_all_that_is_paid(files: Files) -> None:
    assert paid(files({"battle_win": 1})) == {"battle_win": 1}
    assert paid(None, {"rewards": {"battle_win": 1.0}}) == {"battle_win": 1}


def test_null_removes_a_coefficient(files: Files) -> None:
    without = {name: value for name, value in DEFAULTS.items() if name != "battle_loss"}
    assert paid(files(None, {"battle_loss": None})) == without
    assert paid(files({"battle_win": 1}, {"battle_win": None})) == {}, "and not the defaults"
    assert paid(files({"battle_win": 1}, {"battle_win": None}, {"battle_win": 3})) == {"battle_win": 3}
    assert (
        load_config(files({"penalty_stuck": -1, "stuck_after": 9}, {"stuck_after": None})).rewards[
            "stuck_after"
        ]
        == DEFAULT_COEFFICIENTS["stuck_after"]
    )


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ([{"battle_win": None}], "0.json: rewards: battle_win null removes nothing"),
        ([{"battle_win": 1}, {"battle_loss": None}], "1.json: rewards: battle_loss null removes nothing"),
        ([None, {"battle_wim": None}], 'unknown reward coefficient "battle_wim"; did you mean "battle_win"?'),
        ([None, {"battle_wim": 1}], 'unknown reward coefficient "battle_wim"'),
        ([None, {"battle_win": "much"}], '"much" must be a number'),
    ],
)
def test_what_has_no_effect_or_no_meaning_is_one_line(
    files: Files, rewards: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as error:
        load_config(files(*rewards))
    assert said in str(error.value)


def test_a_line_says_what_is_paid(files: Files) -> None:
    assert pays(load_config(files({"battle_win": 60, "battle_loss": -5}))) == (
        "pays battle_win 60, battle_loss -5; nothing for exploration_new_tile, exploration_forward_tile,"
        " exploration_recent_tile, penalty_step, penalty_wall, penalty_stuck, battle_start_bonus,"
        " battle_hp_delta, milestone_badge, milestone_level_up, milestone_key_location, milestone_event,"
        " milestone_goal"
    )
    assert pays(load_config(None)).startswith(
        "pays the defaults: exploration_new_tile 0.05, penalty_step -0.001"
    )
    stuck = pays(load_config(files({"penalty_stuck": -1, "stuck_after": 9})))
    assert stuck.startswith("pays penalty_stuck -1 (stuck_after 9); nothing for")
    badge = pays(load_config(CONFIGS / "full_game.json"))
    assert "battle_win 40, milestone_badge 1000" in badge
    assert "battle_weak_decay 0.2" in badge
    sparse = pays(load_config(CONFIGS / "sparse_only.json"))
    assert sparse.startswith("pays battle_start_bonus 10")
    assert "nothing for exploration_new_tile" in sparse and "penalty_step" in sparse


def test_the_line_names_terms_of_the_users_own(files: Files, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Good:\n    layer = 'dense'\n")
    config = load_config(files({"battle_win": 1}), {"reward_terms": {f"{tmp_path}/mine.py:Good": 2.5}})
    assert "pays battle_win 1, mine.py:Good 2.5; nothing for" in pays(config)


def test_a_runs_own_config_pays_the_same(files: Files, tmp_path: Path) -> None:
    config = load_config(files(None, {"battle_loss": None, "battle_win": 3}))
    (tmp_path / "config.json").write_text(config.model_dump_json())
    assert load_config(tmp_path / "config.json").rewards == config.rewards
