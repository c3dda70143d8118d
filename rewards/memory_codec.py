"""Codec of the episode memory to plain JSON values and bytes, for an exact resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from rewards.base import BattleMemory, EpisodeMemory, ProgressMemory, VisitMemory

_ROW = np.dtype("<i8")  # tile, step of the last visit, number of payments of the recent reward


def plain_memory(memory: EpisodeMemory) -> dict[str, Any]:
    """Convert ``memory`` to JSON values, with visited tiles as bytes (rows of three little-endian int64)."""
    battle, places, progress = memory.battle, memory.places, memory.progress
    rows = [(tile, step, paid) for tile, (step, paid) in places.tiles.items()]
    return {
        "step": memory.step,
        "steps_without_progress": memory.steps_without_progress,
        "steps_before_battle": memory.steps_before_battle,
        "tiles": np.array(rows, _ROW).tobytes(),
        "idle_steps": places.idle_steps,
        "last_tile": places.last_tile,
        "carried": places.carried,
        "battle": {
            **asdict(battle),
            "last_enemy": list(battle.last_enemy),
            "enemy_low": [[*enemy, low] for enemy, low in battle.enemy_low.items()],
            "owned_at_start": list(battle.owned_at_start),
        },
        "progress": {
            "badges": progress.badges,
            "events": hex(progress.events),
            "maps": sorted(progress.maps),
            "behind": sorted(progress.behind),
            "ranks": list(progress.levels),
            "party": list(progress.party),
            "open_goals": list(progress.open_goals),
        },
    }


def memory_from(plain: Mapping[str, Any]) -> EpisodeMemory:
    """Convert back from ``plain_memory``.

    Values that hold for a single step keep their defaults: the next step sets them anew.
    """
    rows = np.frombuffer(plain["tiles"], _ROW).reshape(-1, 3).tolist()
    return EpisodeMemory(
        step=plain["step"],
        steps_without_progress=plain["steps_without_progress"],
        steps_before_battle=plain["steps_before_battle"],
        places=VisitMemory(
            tiles={tile: (step, paid) for tile, step, paid in rows},
            idle_steps=plain["idle_steps"],
            last_tile=plain["last_tile"],
            carried=plain["carried"],
        ),
        battle=_battle(plain["battle"]),
        progress=_progress(plain["progress"]),
    )


def _battle(plain: Mapping[str, Any]) -> BattleMemory:
    return BattleMemory(
        **{
            **plain,
            "last_enemy": tuple(plain["last_enemy"]),
            "enemy_low": {(kind, level, hp): low for kind, level, hp, low in plain["enemy_low"]},
            "own_low": list(plain["own_low"]),
            "owned_at_start": tuple(plain["owned_at_start"]),
        }
    )


def _progress(plain: Mapping[str, Any]) -> ProgressMemory:
    return ProgressMemory(
        badges=plain["badges"],
        events=int(plain["events"], 16),
        maps=set(plain["maps"]),
        behind=set(plain["behind"]),
        levels=list(plain["ranks"]),
        party=tuple(plain["party"]),
        open_goals=tuple(plain.get("open_goals", ())),
    )
