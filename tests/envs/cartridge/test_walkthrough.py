"""Tests of the scripted player up to the first badge, with different random numbers, checked in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.cartridge.walkthrough import MILESTONES, run_to
from envs.cartridge.walkthrough.__main__ import play
from envs.cartridge.walkthrough.atlas import GRASS, Place, atlas
from envs.cartridge.walkthrough.fight import best_move
from envs.cartridge.walkthrough.lore import worth
from envs.cartridge.walkthrough.story import new_player
from envs.errors import UserError
from envs.game.boot import boot_to_control
from envs.game_boy.emulator import Emulator
from envs.ram import PartyMon, read_state
from tests.conftest import State

MOST_ACTIONS = 6000
"""Limit for the whole way to the first badge, including the boot."""
STARTER, RIVAL, DEX, DELIVERED, PARCEL, LEADER = 0x22, 0x23, 0x25, 0x38, 0x39, 0x77
"""Event numbers of the commercial game for the same events."""


@pytest.fixture(scope="module")
def bedroom(rom: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """The first moment of control and the actions it took from power-on."""
    with Emulator(rom) as emulator:
        boot_to_control(emulator, tmp_path_factory.mktemp("boot") / "boot.png")
        return emulator.save_state(), emulator.actions


@pytest.mark.parametrize("wait", [0, 13, 400])
def test_from_power_on_to_the_first_badge(rom: Path, bedroom: tuple[bytes, int], wait: int) -> None:
    reached: dict[str, int] = {}
    with Emulator(rom) as emulator:
        emulator.load_state(bedroom[0])
        emulator.tick(wait)

        def on_milestone(name: str, actions: int) -> None:
            reached[name] = actions
            check(name, emulator)

        actions = run_to(emulator, "badge1", on_milestone)
    assert list(reached) == list(MILESTONES)
    assert reached["badge1"] == actions
    assert bedroom[1] + actions < MOST_ACTIONS


def check(name: str, emulator: Emulator) -> None:
    """Check the memory at a milestone."""
    state = read_state(emulator.memory)
    assert state.battle == 0
    assert state.joy_ignore == 0
    place = Place(state.map_id, state.x, state.y)
    if name == "starter":
        assert place == Place(0, 8, 4)
        assert len(state.party) == 1
        assert state.party[0].level >= 5
        assert state.has_event(STARTER)
        assert state.has_event(RIVAL)
        assert not state.has_event(PARCEL)
    elif name == "route1":
        assert place.map == 12
        assert any(GRASS in atlas().attributes(after) for _, after in atlas().next_steps(place))
    elif name == "errand done":
        assert all(state.has_event(event) for event in (PARCEL, DELIVERED, DEX))
        assert (4, 5) in state.bag
        assert all(item != 70 for item, _ in state.bag)
    elif name == "gym1":
        assert place == Place(2, 21, 6)
        assert max(mon.level for mon in state.party) >= 10
        assert state.badges == 0
        assert state.blackout_map == 58
    else:
        assert state.badges == 1
        assert state.has_event(LEADER)


@pytest.mark.parametrize(
    "name", ["HOME_TOWN", "HOUSE", "NEIGHBOUR", "MILLBRIDGE", "CENTRE_1", "SHOP_1", "SCHOOL"]
)
def test_everybody_has_something_to_say(emulator: Emulator, state: State, name: str) -> None:
    """Every sign and every person who stands still opens a text box, which ends and frees the player."""
    emulator.load_state(state("errand done"))
    pilot = new_player(emulator).pilot
    source = atlas().maps[name]
    people = [thing for thing in source.objects if thing.movement == "still"]
    places = [(thing.x, thing.y) for thing in people if atlas().present(thing, pilot.state.has_event)]
    for x, y in [*places, *((sign.x, sign.y) for sign in source.signs)]:
        spots = dict(atlas().beside(name, x, y))
        pilot.go(list(spots))
        assert pilot.turn(spots[pilot.place])
        pilot.press("a")
        assert pilot.screen.has_box, (name, x, y)
        pilot.settle()
        assert not pilot.screen.has_box


def test_the_program_prints_a_line_per_milestone(rom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Emulator(rom) as emulator:
        assert play(emulator, "starter", 5) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["control", "starter"]
    assert 0 < int(lines[0].split()[-2]) < int(lines[1].split()[-2])


def test_an_unknown_milestone_is_refused(rom: Path) -> None:
    with Emulator(rom) as emulator, pytest.raises(UserError, match='did you mean "badge1"'):
        run_to(emulator, "bagde1")


def test_it_picks_the_move_with_most_damage() -> None:
    leaf, rock, bug = 153, 169, 123
    bump, grumble, lash = 33, 45, 22
    mon = PartyMon(species=leaf, level=8, hp=20, max_hp=20, moves=(bump, grumble, lash, 0), pp=(9, 9, 9, 0))
    assert worth(lash, leaf, rock) > worth(bump, leaf, rock) > worth(grumble, leaf, rock) == 0
    assert best_move(mon, rock, mon.pp) == 2
    assert best_move(mon, rock, (9, 9, 0, 0)) == 0
    assert best_move(mon, bug, mon.pp) == 0
