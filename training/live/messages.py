"""Frames that the process which plays sends to the page: lines of JSON that hold what changed."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.live.game import LiveEpisode, LiveGame, LiveStep


def packed(screen: NDArray[np.uint8]) -> str:
    """Return a picture, uint8 (144, 160) in shades of 0 to 255, as Base64 of four pixels in each byte."""
    shades = (screen // 64).reshape(-1, 4)
    return base64.b64encode((shades << np.array([6, 4, 2, 0], np.uint8)).sum(1, dtype=np.uint8)).decode()


def of_step(game: LiveGame, step: LiveStep, place: str) -> dict[str, Any]:
    """Return the frame of an action, after which the player is on the map called ``place``."""
    episode, state = game.episode, step.state
    return {
        "episode": game.number,
        "step": len(episode.actions),
        "button": step.button,
        "by_hand": step.by_hand,
        "hand_actions": episode.hand_actions,
        "probabilities": _rounded(step.thought.probabilities),
        "value": round(step.thought.value, 4),
        "rewards": {name: round(value, 4) for name, value in episode.sums.items()},
        "milestones": [name for _, name in episode.milestones[-5:]],
        "place": {"map": state.map_id, "name": place, "x": state.x, "y": state.y},
        "battle": state.battle > 0,
        "ended": _end(episode, step) if step.stats is not None else None,
    }


def _rounded(shares: NDArray[np.float32]) -> list[float]:
    return [round(float(share), 4) for share in shares]


def _end(episode: LiveEpisode, step: LiveStep) -> str:
    assert step.stats is not None
    by_hand = f", {episode.hand_actions:,} actions by hand: an intervention" if episode.hand_actions else ""
    return f"return {step.stats['return']:.3g} after {len(episode.actions):,} actions{by_hand}"
