"""The config section "layers": schedules of weights, and error messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paths import CONFIGS
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.local import reward_of


def load(folder: Path, layers: Any, **more: Any) -> TrainConfig:
    path = folder / "x.json"
    path.write_text(json.dumps({"layers": layers, **more}))
    return load_config(path)


@pytest.mark.parametrize(
    ("schedule", "weights"),
    [
        (2.0, [2.0, 2.0, 2.0, 2.0, 2.0]),
        ({"kind": "fade_out", "after": 0.5}, [1.0, 1.0, 1.0, 0.5, 0.0]),
        ({"kind": "fade_out", "after": 0.25, "by": 0.75, "start": 4.0}, [4.0, 4.0, 2.0, 0.0, 0.0]),
        ({"kind": "fade_out", "after": 0.5, "by": 0.5}, [1.0, 1.0, 0.0, 0.0, 0.0]),
        ({"kind": "fade_out", "after": 1.0}, [1.0, 1.0, 1.0, 1.0, 0.0]),
        ({"kind": "linear", "start": 1.0, "end": 0.0, "share": 0.5}, [1.0, 0.5, 0.0, 0.0, 0.0]),
        ({"kind": "cosine", "start": 1.0, "end": 0.0}, [1.0, 0.853553, 0.5, 0.146447, 0.0]),
        ({"kind": "piecewise", "points": [[0, 1], [100, 3], [400, 0]]}, [1.0, 3.0, 2.0, 1.0, 0.0]),
    ],
)
def test_a_weight_follows_the_steps(tmp_path: Path, schedule: Any, weights: list[float]) -> None:
    config = load(tmp_path, {"dense": schedule})
    curve = config.layers.curve(400)
    assert [curve(steps)["dense"] for steps in (0, 100, 200, 300, 400)] == pytest.approx(weights, abs=1e-6)
    assert {curve(200)["sparse"], curve(200)["very_sparse"]} == {1.0}
    written = tmp_path / "config.json"
    written.write_text(config.model_dump_json())
    assert load_config(written) == config, "a run's own config says the same"


def test_environments_begin_with_the_first_weights(tmp_path: Path) -> None:
    from training.environments.task import game_of

    config = load(tmp_path, {"dense": {"kind": "linear", "start": 0.5, "end": 0.0}, "sparse": 0.0})
    stack = reward_of(config, game_of(config))
    assert stack.layer_weights == {"dense": 0.5, "sparse": 0.0, "very_sparse": 1.0}


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ({"dens": 1.0}, "x.json: layers"),
        ({"dense": -1.0}, "layers.dense -1.0 is out of range: must be at least 0"),
        ({"dense": {"kind": "fade_out", "after": 0.5, "start": -1}}, "must be at least 0"),
        ({"dense": {"kind": "fading"}}, 'an object whose "kind" is one of linear, cosine'),
        ({"dense": {"kind": "fade_out"}}, "a fade_out after None by 1.0 from 1.0: all must be numbers"),
        ({"dense": {"kind": "fade_out", "after": 0.9, "by": 0.2}}, "0 <= after <= by <= 1"),
        ({"dense": {"kind": "fade_out", "afte": 0.9}}, "afte is not a key of a fade_out"),
        ({"dense": "much"}, "layers.dense"),
    ],
)
def test_mistakes_give_one_line(tmp_path: Path, layers: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as error:
        load(tmp_path, layers)
    assert said in str(error.value)


def test_sparse_only_pays_no_dense_term() -> None:
    config = load_config(CONFIGS / "sparse_only.json")
    assert config.layers.at(0, 1) == {"dense": 0.0, "sparse": 1.0, "very_sparse": 1.0}
