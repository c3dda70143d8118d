"""A learned reward of the user's: an instance of their class whose results and errors are checked."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.tree_codec import pack
from envs.user_classes import UserClass
from training.config.sections.intrinsic import OwnConfig
from training.learned_rewards.interface import RewardModel, Rollout, Scores, Setting

KIND = "intrinsic"
MAX_SCORE = 1e9
MAX_RANDOM_STEPS = 1_000_000
METHODS = ("score", "state", "restore")


class OwnModel(RewardModel):
    """The class that ``config.kind`` names, created with ``config.settings``.

    It has the methods of RewardModel, of which ``update``, ``warm_up`` and ``random_steps`` may be left out.
    Raises UserError if the class is missing, is not a model, or fails on a rollout of two steps of zeros.
    """

    def __init__(self, config: OwnConfig, setting: Setting) -> None:
        self._class = UserClass(KIND, config.kind)
        self._model = self._make(config)
        trial = copy.copy(self)
        trial._model = self._make(config)
        rollout = _zeros(setting)
        _ = trial.random_steps  # reading it checks it
        trial.score(rollout)
        trial.update(rollout)
        trial.state()

    def _make(self, config: OwnConfig) -> Any:
        made = self._class.make(**config.settings)
        for name in METHODS:
            if not callable(getattr(made, name, None)):
                raise self._class.wrong(f"the class has no method {name}()")
        return made

    @property
    def random_steps(self) -> int:
        """See RewardModel. Raises UserError if it is no number of steps, or nothing learns from them."""
        steps = self._class.call("random_steps", getattr, self._model, "random_steps", 0)
        if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MAX_RANDOM_STEPS:
            raise self._class.wrong(
                f"random_steps is {steps!r}: it must be a whole number from 0 to {MAX_RANDOM_STEPS}"
            )
        if steps and not callable(getattr(self._model, "warm_up", None)):
            raise self._class.wrong(f"random_steps is {steps}, but the class has no method warm_up()")
        return steps

    def warm_up(self, observations: Mapping[str, Any]) -> None:
        """See RewardModel. Raises UserError if the class raises."""
        self._call("warm_up", observations)

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel. Raises UserError if the class raises or returns anything else."""
        scores: NDArray[Any] = self._class.call(
            "the array of score()", np.asarray, self._call("score", rollout)
        )
        if scores.shape != rollout.shape or scores.dtype.kind not in "biuf":
            raise self._class.wrong(
                f"score() gave {scores.dtype} of shape {scores.shape}: it must give numbers of shape"
                f" {rollout.shape}, (n_steps, n_envs)"
            )
        used = scores[rollout.valid]
        wrong = used[~(np.abs(used) <= MAX_SCORE)]
        if len(wrong):
            raise self._class.wrong(
                f"score() gave {wrong[0]}: scores must be between -{MAX_SCORE:g} and {MAX_SCORE:g}"
            )
        return scores.astype(np.float32)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """See RewardModel. Raises UserError if the class raises or returns anything else."""
        curves = self._call("update", rollout) if hasattr(self._model, "update") else {}
        if not isinstance(curves, dict) or not all(map(_is_curve, curves.items())):
            raise self._class.wrong("update() must give a dict of finite numbers by name, for the curves")
        return {name: float(value) for name, value in curves.items()}

    def state(self) -> dict[str, Any]:
        """See RewardModel. Raises UserError if the class raises or returns anything else."""
        state = self._call("state")
        try:
            pack(state)
        except (TypeError, RecursionError) as error:
            raise self._class.wrong(f"state() must give plain values, bytes and arrays: {error}") from error
        if not isinstance(state, dict):
            raise self._class.wrong(f"state() gave a {type(state).__name__}: it must give a dict")
        return copy.deepcopy(state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel. Raises UserError if the class raises."""
        self._call("restore", state)

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._class.call(f"{name}()", getattr(self._model, name), *arguments)


def _is_curve(item: tuple[object, object]) -> bool:
    name, value = item
    try:
        return isinstance(name, str) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number beyond the floats
        return False


def _zeros(setting: Setting) -> Rollout:
    """Return two steps of zeros, to try a model on."""
    steps, envs = 2, setting.n_envs
    shapes = {name: (steps, envs, *(part.shape or ())) for name, part in setting.space.spaces.items()}
    observations = {name: np.zeros(shape, np.uint8) for name, shape in shapes.items()}
    return Rollout(
        observations=observations,
        last={name: array[0] for name, array in observations.items()},
        actions=np.zeros((steps, envs), np.int64),
        episode_starts=np.zeros((steps, envs), np.bool_),
        dones=np.zeros(envs, np.bool_),
        cells=np.zeros((steps, envs), np.uint64),
        valid=np.ones((steps, envs), np.bool_),
    )
