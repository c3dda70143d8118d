"""Very sparse terms: badges, levels, key locations and story events, as high-water marks of the episode.

Protections against farming:

- A value counts only if it held for two steps, so transients while a map loads or a battle starts are never
  paid. What the first moment of an episode holds is never paid either.
- ``milestone_badge`` and ``milestone_event`` remember every bit, so each pays once an episode even if it is
  cleared and set again. The museum ticket, which can be bought repeatedly, does not count.
- ``milestone_level_up`` keeps a mark for each rank of the party, highest level first, and pays levels above
  the marks while the party consists of the same species. Deposits, withdrawals, catches and trades change the
  party: they raise marks and pay nothing. Training one weak creature after another does not pay: the second
  highest, for example, pays only for levels that no second highest had before.
- ``milestone_key_location`` pays a map once. Maps before the start of the episode and the destination of a
  blackout pay nothing.
- ``milestone_goal`` pays once, on the step that reaches the goal of the episode and ends it. A goal that held
  when the episode began pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from envs.ram import MUSEUM_TICKET, PARTY_MAX, GameState
from rewards.base import EpisodeMemory, ProgressMemory, Term

Goal: TypeAlias = Callable[[GameState], bool]
"""Whether a milestone that is an episode's goal is reached."""

# Map ids up to the second badge, in order of progress.
KEY_MAPS = (40, 0, 12, 1, 13, 51, 2, 54, 14, 15, 59, 60, 61, 3, 65)
FIRST_INDOOR = 37  # FIRST_INDOOR_MAP of pret/pokered, constants/map_constants.asm
_EVENT_MASK = (1 << 2560) - 1 - (1 << MUSEUM_TICKET)


def event_bits(state: GameState) -> int:
    """Return the 2,560 event flags as one number, event n in bit n, without the museum ticket."""
    return int.from_bytes(state.event_bytes, "little") & _EVENT_MASK


def species_of(state: GameState) -> tuple[int, ...]:
    """Return the species of the party, slot by slot."""
    return tuple(mon.species for mon in state.party)


def ranks(state: GameState) -> list[int]:
    """Return six levels of the party, highest first; 0 for an empty slot."""
    levels = sorted((mon.level for mon in state.party), reverse=True)
    return levels + [0] * (PARTY_MAX - len(levels))


def begin(
    memory: EpisodeMemory, state: GameState, key_maps: Sequence[int], goal: Sequence[Goal] = ()
) -> None:
    """Begin an episode: what ``state`` already holds is never paid."""
    progress = memory.progress
    progress.badges, progress.events = state.badges, event_bits(state)
    progress.party, progress.levels = species_of(state), ranks(state)
    progress.maps = _maps_behind(state, key_maps)
    progress.behind = progress.maps - {_beginning(state, key_maps)}
    progress.open_goals = tuple(number for number, one in enumerate(goal) if not one(state))


def _maps_behind(state: GameState, key_maps: Sequence[int]) -> set[int]:
    """Return the key maps up to the episode's start; inside a house, up to the outdoor map around it."""
    if not state.party:  # the journey has not begun
        return {state.map_id} & set(key_maps)
    here = _beginning(state, key_maps)
    return set(key_maps[: key_maps.index(here) + 1]) if here in key_maps else set()


def _beginning(state: GameState, key_maps: Sequence[int]) -> int:
    return state.map_id if state.map_id in key_maps else state.last_map


def place_of(state: GameState, key_maps: Sequence[int]) -> int:
    """Return the map of ``state``, or for an indoor map that is no key map the outdoor map around it."""
    return state.last_map if state.map_id >= FIRST_INDOOR and state.map_id not in key_maps else state.map_id


def observe(memory: EpisodeMemory, before: GameState, now: GameState, key_maps: Sequence[int]) -> None:
    """Take in one step: the milestones that it added."""
    progress, places = memory.progress, memory.places
    places.new_ahead = places.new_tile and place_of(now, key_maps) not in progress.behind
    if memory.battle.is_lost():
        progress.maps |= {now.blackout_map} & set(key_maps)
    still = _same(before, now)
    if still and progress.settled is not None and _same(progress.settled, now):
        progress.new_badges = progress.new_events = progress.new_levels = 0
        progress.new_map = False
        return
    progress.settled = now if still else None
    badges = before.badges & now.badges & ~progress.badges
    progress.badges |= badges
    progress.new_badges = badges.bit_count()
    progress.new_events = _new_events(progress, before, now)
    progress.new_levels = _new_levels(progress, before, now)
    here = now.map_id
    progress.new_map = before.map_id == here and here in key_maps and here not in progress.maps
    if progress.new_map:
        progress.maps.add(here)


def observe_goal(memory: EpisodeMemory, before: GameState, now: GameState, goal: Sequence[Goal]) -> None:
    """Take in one step: whether it reached any of ``goal``, which counts once."""
    progress = memory.progress
    reached = (goal[number] for number in progress.open_goals)
    progress.new_goal = any(one(now) and one(before) for one in reached)
    if progress.new_goal:
        progress.open_goals = ()


def _same(one: GameState, other: GameState) -> bool:
    """Return whether two moments agree in everything that milestones depend on."""
    return (
        one.map_id == other.map_id
        and one.badges == other.badges
        and one.party == other.party
        and one.event_bytes == other.event_bytes
    )


def _new_events(progress: ProgressMemory, before: GameState, now: GameState) -> int:
    held = event_bits(now)
    if before.event_bytes != now.event_bytes:
        held &= event_bits(before)
    fresh = held & ~progress.events
    progress.events |= fresh
    return fresh.bit_count()


def _new_levels(progress: ProgressMemory, before: GameState, now: GameState) -> int:
    """Return the levels above the marks of their ranks; 0 on the step that confirms another party."""
    species = species_of(now)
    if species != species_of(before):
        return 0
    held = list(map(min, ranks(before), ranks(now)))
    gained = sum(max(0, level - mark) for level, mark in zip(held, progress.levels, strict=True))
    progress.levels = list(map(max, held, progress.levels))
    changed, progress.party = species != progress.party, species
    return 0 if changed else gained


TERMS = (
    Term("milestone_badge", "very_sparse", lambda before, now, memory: float(memory.progress.new_badges)),
    Term("milestone_level_up", "very_sparse", lambda before, now, memory: float(memory.progress.new_levels)),
    Term("milestone_key_location", "very_sparse", lambda before, now, memory: float(memory.progress.new_map)),
    Term("milestone_event", "very_sparse", lambda before, now, memory: float(memory.progress.new_events)),
    Term("milestone_goal", "very_sparse", lambda before, now, memory: float(memory.progress.new_goal)),
)
