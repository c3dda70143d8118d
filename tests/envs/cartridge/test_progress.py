"""Tests of the order of progress in the embedded cartridge's world, which is smaller and has its own gates.

At every stage of the story, the places that open are the next ones in that order.
"""

from __future__ import annotations

from collections import deque
from functools import cache

from envs.cartridge.walkthrough.atlas import Place, atlas
from envs.cartridge.walkthrough.ways import FIELD_MOVES, Means, Search
from envs.game.catalog import Game
from envs.ram import EVENT_BYTES, GameState, PartyMon

START = Place(38, 3, 6)
# The story of Clover: what a player gains at each stage.
STORY: tuple[dict[str, tuple[str, ...]], ...] = (
    {},
    {"events": ("FOLLOWED_PROFESSOR", "GOT_STARTER", "BATTLED_RIVAL")},
    {"events": ("GOT_PARCEL", "PARCEL_DELIVERED")},
    {"events": ("BEAT_LEADER_1",)},
    {"events": ("BEAT_RIVAL_2", "BEAT_LEADER_2"), "items": ("TICKET",)},
    {"moves": ("cut",)},
    {"events": ("BEAT_LEADER_3", "GYM_3_OPEN", "BEAT_LEADER_4"), "moves": ("light",)},
    {"items": ("DRINK",), "events": ("GUARDS_DRANK", "BEAT_LEADER_6")},
    {"items": ("FLUTE",), "events": ("TOWER_CLEARED", "SLEEPER_GONE", "BEAT_LEADER_5")},
    {"moves": ("swim", "push")},
    {"events": ("GYM_7_OPEN", "BEAT_LEADER_7")},
    {"events": ("GYM_8_OPEN", "BEAT_LEADER_8", "LEAGUE_ROAD_OPEN")},
    {"events": tuple(f"LEAGUE_{n}_DONE" for n in range(1, 5))},
)


def moment(stage: int) -> GameState:
    """State of a player who has everything in STORY up to ``stage``."""
    had = [(kind, name) for part in STORY[: stage + 1] for kind, names in part.items() for name in names]
    events = bytearray(EVENT_BYTES)
    badges = 0
    for name in (name for kind, name in had if kind == "events"):
        number = atlas().events[name]
        events[number // 8] |= 1 << number % 8
        badges |= 1 << int(name[-1]) - 1 if name.startswith("BEAT_LEADER_") else 0
    moves = [FIELD_MOVES[name][0] for kind, name in had if kind == "moves"]
    known = tuple((moves + [0] * 4)[:4])
    bag = tuple((atlas().items[name], 1) for kind, name in had if kind == "items")
    return GameState(
        event_bytes=bytes(events),
        badges=badges,
        bag=bag,
        party=(PartyMon(1, 5, moves=known),),  # type: ignore[arg-type]
    )


@cache
def open_maps(stage: int) -> frozenset[int]:
    """Maps that can be reached at ``stage``."""
    search = Search(atlas(), Means(moment(stage)), (), ())
    seen, waiting = {START}, deque([START])
    while waiting:
        place = waiting.popleft()
        for step in atlas().steps(place):
            if step.place not in seen and search.cost(place, step) is not None:
                seen.add(step.place)
                waiting.append(step.place)
    return frozenset(place.map for place in seen)


def test_at_the_end_all_maps_are_open() -> None:
    assert open_maps(len(STORY) - 1) == set(atlas().by_number)


def test_places_open_in_the_order_of_progress(game: Game) -> None:
    """At every stage, the open places are the first of this world's places, without gaps."""
    own = [place for place in game.progress_order if place in atlas().by_number]
    assert len(own) > 50
    counts = []
    for stage in range(len(STORY)):
        places = [place for place in own if place in open_maps(stage)]
        assert places == own[: len(places)], stage
        counts.append(len(places))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (2, len(own))


def test_maps_open_from_early_on_are_not_places(game: Game) -> None:
    """The way to the last cave is open before anything can be gained there."""
    assert not {33, 193, 34} & set(game.progress_order)
