"""Board files: what is read, what each run is trained with, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from training.boards.board_file import read_board
from training.boards.entries import Track, resolve_tracks, trials
from training.config.files import ConfigError
from training.config.loading import load_config

TRACK = {"start": "bedroom", "max_steps": 40, "num_envs": 2, "n_steps": 32, "batch_size": 32}
BOARD: dict[str, Any] = {
    "budget": 1000,
    "seeds": [3, 5],
    "tracks": {"sparse": {**TRACK, "layers": {"dense": 0.0}}, "shaped": TRACK},
    "methods": {"ppo": {}, "fast": {"learning_rate": 0.01}},
}


def board_file(folder: Path, **changes: Any) -> Path:
    path = folder / "board.json"
    path.write_text(json.dumps({**BOARD, **changes}))
    return path


def resolved(path: Path, methods: tuple[str, ...] = ()) -> list[Track]:
    return resolve_tracks(read_board(path).only((), methods), path)


def test_every_run_has_the_track_the_method_and_the_budget(tmp_path: Path) -> None:
    planned = trials("b", resolved(board_file(tmp_path)), (3, 5))
    assert [trial.run for trial in planned[:4]] == [
        "b.sparse.ppo.s3",
        "b.sparse.fast.s3",
        "b.shaped.ppo.s3",
        "b.shaped.fast.s3",
    ]
    assert [trial.seed for trial in planned] == [3] * 4 + [5] * 4
    fast = planned[1].config
    assert (fast.learning_rate, fast.max_steps, fast.seed) == (0.01, 40, 3)
    assert (fast.total_steps, fast.save_interval, fast.layers.dense) == (1000, 200, 0.0)
    assert planned[3].config.layers.dense == 1.0


def test_a_method_may_be_a_file_on_top_of_the_track(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"gamma": 0.9, "rewards": {"battle_win": 7.0}}')
    (track, _) = resolved(board_file(tmp_path, methods={"mine": "mine.json"}))
    config = track.methods["mine"]
    assert (config.gamma, config.max_steps) == (0.9, 40)
    assert config.rewards["battle_win"] == 7.0
    assert config.rewards["milestone_badge"] == 500.0, "the file adds to what the track pays"


@pytest.mark.parametrize("as_file", [True, False])
def test_a_method_that_extends_a_file_replaces_the_track_in_training_only(
    tmp_path: Path, as_file: bool
) -> None:
    (tmp_path / "whole.json").write_text('{"max_steps": 99, "rewards": {"battle_win": 7.0}}')
    (tmp_path / "mine.json").write_text('{"extends": "whole.json", "gamma": 0.9}')
    mine = "mine.json" if as_file else {"extends": "whole.json", "gamma": 0.9}
    track = resolved(board_file(tmp_path, methods={"mine": mine}))[0]
    config = track.methods["mine"]
    assert (config.gamma, config.max_steps, config.total_steps, config.num_envs) == (0.9, 99, 1000, 16)
    assert config.rewards["milestone_badge"] == 0.0
    assert (track.task.config.max_steps, track.task.config.rewards["milestone_badge"]) == (40, 500.0)


def test_a_method_may_train_from_elsewhere_and_is_evaluated_from_the_tracks_start(tmp_path: Path) -> None:
    methods = {"near": {"start": "route1"}, "mixed": {"starts": {"route1": 1.0, "forest": 2.0}}}
    track = resolved(board_file(tmp_path, methods=methods))[0]
    assert track.methods["near"].start == "route1"
    assert track.methods["mixed"].starts == {"route1": 1.0, "forest": 2.0}
    assert [start.name for start, _ in track.task.starts] == ["bedroom"]


def test_of_a_track_with_several_starts_evaluations_begin_at_the_first(tmp_path: Path) -> None:
    track = {**TRACK, "start": None, "starts": {"route1": 1.0, "forest": 2.0}}
    (found,) = resolved(board_file(tmp_path, tracks={"mixed": track}))
    assert [start.name for start, _ in found.task.starts] == ["route1"]
    assert found.methods["ppo"].starts == {"route1": 1.0, "forest": 2.0}


def test_a_method_may_be_limited_to_some_tracks(tmp_path: Path) -> None:
    methods = {"ppo": {}, "bold": {"tracks": ["shaped"], "ent_coef": 0.1}}
    sparse, shaped = resolved(board_file(tmp_path, methods=methods))
    assert list(sparse.methods) == ["ppo"]
    assert list(shaped.methods) == ["ppo", "bold"]


def test_the_baseline_is_plain_ppo_or_the_first_method(tmp_path: Path) -> None:
    board = read_board(board_file(tmp_path, methods={"fast": {}, "ppo": {}}))
    assert board.baseline == "ppo"
    assert board.only((), ("fast",)).baseline == "fast"
    assert list(board.only(("shaped",), ()).tracks) == ["shaped"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"budgte": 1}, "budgte is not a key of {path}; did you mean budget?"),
        ({"budget": 0}, "{path}: budget 0 is out of range: must be at least 1"),
        ({"seeds": []}, "{path}: seeds [] must not be empty"),
        ({"seeds": [1, 1]}, "{path}: seeds: seed 1 is given twice"),
        ({"episodes": "many"}, '{path}: episodes "many" must be a whole number'),
        ({"tracks": {}}, "{path}: tracks {{}} must not be empty"),
        ({"tracks": {"a b": {}}}, "{path}: tracks.a b: names must be lower-case letters"),
        ({"methods": {"ppo": 3}}, "{path}: methods.ppo must be an object with the keys of a config"),
        ({"methods": {"random": {}}}, "{path}: methods: random is a row of every board"),
        ({"methods": {"ppo": {"tracks": ["shapd"]}}}, "shapd is not a track for method ppo; did you mean"),
        ({"methods": {"ppo": {"tracks": 3}}}, "method ppo: tracks 3 must be a list of tracks"),
        (
            {"methods": {"ppo": {"tracks": []}}},
            "method ppo: tracks [] must be a list of tracks, at least one",
        ),
    ],
)
def test_a_wrong_board_gets_one_line(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    path = board_file(tmp_path, **changes)
    with pytest.raises(ConfigError) as error:
        read_board(path)
    assert line.format(path=path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_keys_are_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match=rf"^{path}: budget is missing; {path}: seeds is missing; "):
        read_board(path)


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ({"no_such_key": 1}, "no_such_key is not a key of {path}, method new; known: "),
        ({"gama": 1}, "gama is not a key of {path}, method new; did you mean gamma?"),
        ({"gamma": 2}, "{path}, method new: gamma 2 is out of range: must be at most 1"),
        ({"seed": 1}, "{path}, method new: seed is set by the board for all runs; leave it out"),
        ({"score_to_win": 9.0}, "{path}, method new: score_to_win is set by the board for all runs"),
        ({"total_steps": 9}, "{path}, method new: total_steps is set by the board for all runs"),
        ({"batch_size": 7}, "{path}, method new: batch_size 7 does not divide n_steps x num_envs"),
        ({"extends": 3}, "{path}, method new: extends 3 must be the path of a JSON or YAML file"),
        ({"start": "nowhere"}, 'start "nowhere": neither a start of clover nor a file'),
        ({"game": "red"}, "{path}, method new: game red is not the track's, which is None"),
        ("missing.json", "missing.json: no such file"),
    ],
)
def test_a_wrong_method_gets_one_line_unless_it_is_left_out(tmp_path: Path, method: Any, line: str) -> None:
    path = board_file(tmp_path, methods={"ppo": {}, "new": method})
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        resolved(path)
    assert line.format(path=path) in str(error.value)
    assert resolved(path, ("ppo",))


def test_unknown_tracks_and_methods_are_named(tmp_path: Path) -> None:
    board = read_board(board_file(tmp_path))
    with pytest.raises(ConfigError, match="shapd is not a track of the board; did you mean shaped"):
        board.only(("shapd",), ())
    with pytest.raises(ConfigError, match="slow is not a method of the board"):
        board.only((), ("slow",))


def test_the_shipped_board_differs_by_the_dense_layer_alone() -> None:
    path = ROOT / "configs" / "board.json"
    board = read_board(path)
    sparse, shaped = (
        load_config(None, values) for values in board.tracks.values() if isinstance(values, dict)
    )
    lines = [line for line in shaped.differences(sparse) if not line.startswith("description")]
    assert lines == ["rewards.exploration_new_tile: 0.0 -> 0.1"]
    assert board.baseline == "ppo" and board.methods["ppo"] == {}
    assert len(board.seeds) >= 5
    tracks = resolve_tracks(board, path)
    assert [track.name for track in tracks] == ["sparse", "shaped"]
    remembering = {"lstm", "gpt2"}
    assert not remembering & tracks[0].methods.keys() and remembering <= tracks[1].methods.keys()
    assert (path.parent / (board.page or "")).resolve() == ROOT / "docs" / "board.md"
