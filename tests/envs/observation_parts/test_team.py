"""The party, as the network sees it."""

from __future__ import annotations

from envs.ram import GameState, PartyMon
from tests.envs.observation_parts.reading import fields_of, read_all

STRONG = PartyMon(
    84, 100, 999, 999, 0x40, (15, 2, 3, 4), (30, 0, 5, 63), types=(20, 2), stats=(400, 999, 8, 0)
)
WEAK = PartyMon(165, 3, 1, 16, 8, (33, 0, 0, 0), (1, 0, 0, 0), types=(0, 0), stats=(5, 6, 7, 8))
TEAM = GameState(party=(STRONG, WEAK))


def test_every_slot_has_its_ids_and_an_empty_one_none() -> None:
    ids = [numbers for field, numbers in fields_of("team", TEAM) if field.ids]
    assert ids[:3] == [[84], [20, 2], [15, 2, 3, 4]]
    assert ids[3:6] == [[165], [0, 0], [33, 0, 0, 0]]
    assert ids[6:] == [[0], [255, 255], [0, 0, 0, 0]] * 4


def test_numbers_cover_the_range_of_the_game() -> None:
    def first_two(meaning: str) -> list[list[int]]:
        slots = read_all("team", TEAM, meaning)
        assert slots[2:] == [[0] * len(slots[0])] * 4
        return slots[:2]

    assert first_two("there is") == [[1], [1]]
    assert first_two("level") == [[100], [3]]
    assert first_two("share of HP") == [[255], [15]]
    assert first_two("maximum HP") == [[249], [4]]
    assert first_two("asleep") == [[0, 0, 0, 0, 1], [0, 1, 0, 0, 0]]
    assert first_two("attack") == [[100, 249, 2, 0], [1, 1, 1, 2]]
    assert first_two("share of power") == [[255, 0, 127, 255], [7, 0, 0, 0]]


def test_the_one_in_battle_is_marked_with_its_hp_in_battle() -> None:
    state = TEAM._replace(battle=1, active_slot=1, own_level=3, own_max_hp=16, own_hp=8)
    assert read_all("team", state, "it is the one") == [[0], [1], [0], [0], [0], [0]]
    assert read_all("team", state, "share of HP")[:2] == [[255], [127]]
    assert not any(number for (number,) in read_all("team", TEAM, "it is the one"))
