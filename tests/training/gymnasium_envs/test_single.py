"""PokemonRed-v0 through gymnasium.make: checkers, wrappers, render modes, and one line for what is wrong."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics, RecordVideo, TimeLimit
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from envs.errors import UserError
from training.config.loading import load_config
from training.gymnasium_envs.registration import ENV_ID, register

MOVIEPY = Path(sys.prefix) / "moviepy"
"""What RecordVideo writes with, in a folder of its own because it asks for an older Pillow."""
SHORT: dict[str, Any] = {"start": "bedroom", "max_steps": 6}


@pytest.fixture(autouse=True)
def registered() -> None:
    register()


def test_both_checkers_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # they try the render mode "human" too
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*SDL2.*")
        with gymnasium.make(ENV_ID, config=SHORT, render_mode="rgb_array") as env:
            check_env(env.unwrapped)
            sb3_check_env(env)


def test_a_file_a_dict_and_a_config_give_the_same_episodes(tmp_path: Path) -> None:
    path = tmp_path / "short.json"
    path.write_text(json.dumps(SHORT))

    def played(config: Any) -> list[float]:
        with gymnasium.make(ENV_ID, config=config) as env:
            seen = [env.reset(seed=3)[0]["screen"].sum()]
            return seen + [float(env.step(action)[1]) for action in (0, 1, 2, 3, 4)]

    assert played(path) == played(str(path)) == played(SHORT) == played(load_config(path))


def test_start_and_settings_replace_those_of_the_config() -> None:
    config = {"starts": {"bedroom": 1.0, "starter": 1.0}, "max_steps": 100}
    with gymnasium.make(ENV_ID, config=config, start="route1", max_steps=2) as env:
        assert env.reset(seed=0)[1]["start"] == "route1"
        assert not env.step(0)[3]
        assert env.step(0)[3]


def test_the_usual_wrappers_work() -> None:
    env = gymnasium.make(ENV_ID, config=SHORT, max_steps=100)
    stacked = FrameStackObservation(RecordEpisodeStatistics(TimeLimit(env, 3)), 4)
    first, _ = stacked.reset(seed=0)
    assert first["screen"].shape == (4, *env.observation_space["screen"].shape)  # type: ignore[index]
    results = [stacked.step(action) for action in (0, 1, 2)]
    assert [result[3] for result in results] == [False, False, True]
    assert results[-1][4]["episode"]["l"] == 3
    assert np.array_equal(results[-1][0]["facing"][-2], results[-2][0]["facing"][-1])
    stacked.close()


def test_a_video_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(MOVIEPY)
    pytest.importorskip("moviepy", reason="make test installs it")
    env = gymnasium.make(ENV_ID, config=SHORT, render_mode="rgb_array")
    recorded = RecordVideo(env, str(tmp_path), disable_logger=True)
    recorded.reset(seed=0)
    while not recorded.step(0)[3]:
        pass
    recorded.close()
    assert [file.suffix for file in tmp_path.iterdir()] == [".mp4"]


def test_rendering_follows_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with gymnasium.make(ENV_ID, config=SHORT) as env:
        env.reset()
        with pytest.warns(UserWarning, match="render_mode"):
            assert env.unwrapped.render() is None
    with gymnasium.make(ENV_ID, config=SHORT, render_mode="rgb_array") as env:
        env.reset()
        picture = env.render()
        assert isinstance(picture, np.ndarray)
        assert picture.shape == (144, 160, 3)
    with pytest.raises(UserError, match='render_mode "human" needs a display'):
        gymnasium.make(ENV_ID, config=SHORT, render_mode="human")
    with pytest.raises(ValueError, match="render_mode 'ansi' must be"):
        gymnasium.make(ENV_ID, config=SHORT, render_mode="ansi", disable_env_checker=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"config": "nowhere.json"}, "nowhere.json: no such file"),
        ({"config": {"gama": 1}}, "gama is not a setting; did you mean gamma?"),
        ({"start": "bedrom"}, "bedroom"),
        ({"max_steps": 0}, "max-steps 0 is out of range"),
    ],
)
def test_what_is_wrong_gives_one_line(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        gymnasium.make(ENV_ID, **arguments)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_registering_twice_is_no_mistake() -> None:
    register()
    assert gymnasium.spec(ENV_ID).vector_entry_point is not None
