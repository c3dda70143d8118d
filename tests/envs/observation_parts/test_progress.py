"""How far the story is, as the network sees it."""

from __future__ import annotations

import pytest

from envs.game.milestones import LATER_MILESTONES, MILESTONES
from envs.observation_parts.progress import STORY
from envs.ram import GameState, PartyMon
from tests.envs.observation_parts.reading import read

CUTTER, FLYER = PartyMon(moves=(15, 0, 0, 0)), PartyMon(moves=(0, 19, 0, 0))


def test_badges_and_events_have_a_flag_each() -> None:
    flags = bytearray(320)
    flags[0x12A // 8] |= 1 << 0x12A % 8
    state = GameState(badges=0b1000_0010, event_bytes=bytes(flags))
    assert read("progress", state, "badges") == [0, 1, 0, 0, 0, 0, 0, 1]
    assert [n for n, flag in zip(STORY, read("progress", state, "events"), strict=True) if flag] == [0x12A]


def test_every_milestone_that_is_an_event_is_part_of_the_story() -> None:
    events = {milestone.number for milestone in MILESTONES + LATER_MILESTONES if milestone.kind == "event"}
    assert events <= STORY.keys()


@pytest.mark.parametrize(
    ("state", "usable"),
    [
        (GameState(party=(CUTTER,)), [0, 0, 0, 0, 0]),
        (GameState(party=(CUTTER,), badges=0b10), [1, 0, 0, 0, 0]),
        (GameState(badges=0xFF), [0, 0, 0, 0, 0]),
        (GameState(party=(CUTTER, FLYER), badges=0b110, map_id=3), [1, 1, 0, 0, 0]),
        (GameState(party=(CUTTER, FLYER), badges=0b110, map_id=51), [1, 0, 0, 0, 0]),
    ],
)
def test_a_field_move_takes_badge_creature_and_sky(state: GameState, usable: list[int]) -> None:
    assert read("progress", state, "field moves") == usable
