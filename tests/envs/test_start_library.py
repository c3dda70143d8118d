"""Tests of start states: made on demand, cached with their provenance, made again when damaged."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest

from envs.cartridge.walkthrough import WAYPOINTS, run_to
from envs.errors import UserError
from envs.game import boot
from envs.game.boot import BEDROOM, boot_to_control
from envs.game.catalog import Game
from envs.game.maps import MAP_NAMES
from envs.game_boy.emulator import VERSION, Emulator
from envs.ram import read_state
from envs.start_library import start_state
from envs.start_states.cache import CACHE_VARIABLE, cache_folder


def at(game: Game, name: str) -> Emulator:
    emulator = Emulator(game.rom)
    emulator.load_state(start_state(game, name).data)
    emulator.tick(1)
    return emulator


def test_power_on_is_the_first_frame(game: Game) -> None:
    start = start_state(game, "power on")
    assert start.provenance["actions"] == 0
    assert start.provenance["frames"] == 1


def test_booting_leads_to_control_in_the_bedroom(game: Game) -> None:
    with at(game, "bedroom") as emulator:
        state = read_state(emulator.memory)
        assert (state.map_id, state.joy_ignore, state.walk_counter, state.battle) == (BEDROOM, 0, 0, 0)
        assert (state.party, state.badges, state.pokedex_owned) == ((), 0, 0)
        assert boot.has_control(emulator)


@pytest.fixture(scope="module")
def journey(game: Game) -> Game:
    """The game with every start in the cache: making the last one also makes those on the way."""
    start_state(game, game.start_names[-1])
    return game


def test_start_states_are_at_their_places(journey: Game) -> None:
    game = journey
    places = {}
    for name in game.start_names[2:]:
        with at(game, name) as emulator:
            places[name] = read_state(emulator.memory)
    assert all(state.battle == 0 and state.joy_ignore == 0 for state in places.values())
    assert all(state.has_event(0x22) and len(state.party) >= 1 for state in places.values())
    early = {name: state for name, state in places.items() if name in ("starter", "route1", "errand done")}
    assert all(state.badges == 0 for state in early.values())
    assert {name: places[name].map_id for name in ("starter", "route1")} == {"starter": 0, "route1": 12}
    assert places["starter"].party[0].level in (5, 6)
    assert places["errand done"].has_event(0x38)
    assert not places["route1"].has_event(0x38)
    assert max(mon.level for mon in places["gym1"].party) >= 10


PLACES = {"second town": 1, "route 2": 13, "forest": 51, "third town": 2, "first cave": 59, "fourth town": 3}
"""Map ID of the starts that are named after a place."""


@pytest.mark.parametrize("name", WAYPOINTS)
def test_a_start_between_is_where_its_milestone_is_first_reached(journey: Game, name: str) -> None:
    milestone = next(m for m in journey.milestones if m.name == name)
    with at(journey, name) as emulator:
        state = read_state(emulator.memory)
        assert milestone.reached(state)
        assert state.map_id == PLACES.get(name, state.map_id)
        assert can_walk(emulator)
    before = journey.start_names[journey.start_names.index(name) - 1]
    with at(journey, before) as emulator:
        assert not milestone.reached(read_state(emulator.memory))


def can_walk(emulator: Emulator) -> bool:
    """Whether some direction moves the player."""
    begin = read_state(emulator.memory)
    for button in ("up", "left", "down", "right"):
        emulator.act(button)
        emulator.act(button)
        now = read_state(emulator.memory)
        if (now.x, now.y) != (begin.x, begin.y):
            return True
    return False


def test_saving_starts_on_the_way_changes_nothing(journey: Game) -> None:
    with at(journey, "bedroom") as emulator:
        emulator.load_state(start_state(journey, "bedroom").data)
        run_to(emulator, "gym1")
        assert emulator.save_state() == start_state(journey, "gym1").data
        emulator.load_state(start_state(journey, "bedroom").data)
        run_to(emulator, "parcel")
        assert emulator.save_state() == start_state(journey, "parcel").data


TOWNS = {1: 2, 2: 3, 3: 5, 4: 6, 5: 7, 6: 10, 7: 8, 8: 1}
"""Map ID of each gym's town."""


@pytest.mark.parametrize("gym", TOWNS)
def test_a_gym_start_is_before_the_gyms_door(journey: Game, gym: int) -> None:
    with at(journey, f"gym{gym}") as emulator:
        state = read_state(emulator.memory)
        assert state.map_id == TOWNS[gym]
        assert state.badges == (1 << gym - 1) - 1
        assert state.party[0].hp == state.party[0].max_hp
        emulator.act("up")
        emulator.act("up")
        assert MAP_NAMES[read_state(emulator.memory).map_id].startswith(f"gym {gym}")


def test_the_league_start_has_every_badge(journey: Game) -> None:
    with at(journey, "league") as emulator:
        state = read_state(emulator.memory)
        assert (state.map_id, state.badges, state.has_event(0x901)) == (174, 0xFF, False)


def test_a_state_is_cached_with_its_provenance(
    game: Game, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "new" / "cache"))
    made = start_state(game, "bedroom")
    (kept,) = cache_folder().rglob("bedroom.state")
    cached = json.loads(kept.with_suffix(".json").read_text())
    assert cached == dict(made.provenance)
    assert (cached["rom_sha1"], cached["emulator"], cached["made_by"]) == (game.sha1, VERSION, "boot script")
    assert cached["actions"] > 0
    assert cached["sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert sorted(path.name for path in kept.parent.iterdir()) == ["bedroom.json", "bedroom.state"]
    assert start_state(game, "bedroom") == made


def test_a_damaged_state_is_made_again(game: Game, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    made = start_state(game, "power on")
    (kept,) = tmp_path.rglob("power_on.state")
    kept.write_bytes(made.data[:-1])
    assert start_state(game, "power on") == made
    kept.with_suffix(".json").write_text("[not json")
    assert start_state(game, "power on") == made
    assert kept.read_bytes() == made.data


def _make_bedroom(game: Game, folder: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        return hashlib.sha256(start_state(game, "bedroom").data).hexdigest()


def test_two_processes_can_make_the_same_state_at_once(game: Game, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        digests = pool.starmap(_make_bedroom, [(game, tmp_path)] * 2)
    assert len(set(digests)) == 1
    (kept,) = tmp_path.rglob("bedroom.state")
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == digests[0]
    assert len(list(kept.parent.iterdir())) == 2


def test_a_state_file_can_be_a_start(game: Game, tmp_path: Path) -> None:
    path = tmp_path / "mine.state"
    path.write_bytes(start_state(game, "bedroom").data)
    start = start_state(game, str(path))
    assert start.data == path.read_bytes()
    assert start.provenance["made_by"] == f"file {path}"


def test_an_unknown_start_names_the_nearest(game: Game) -> None:
    with pytest.raises(UserError, match=r'"bedrom".*did you mean "bedroom"') as error:
        start_state(game, "bedrom")
    assert "\n" not in str(error.value)


def test_an_unwritable_cache_is_reported(game: Game, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(blocked / "cache"))
    with pytest.raises(UserError, match=CACHE_VARIABLE):
        start_state(game, "power on")


def test_a_failed_boot_saves_the_last_image(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "MAX_FRAMES", 100)
    picture = tmp_path / "deep" / "last.png"
    with pytest.raises(UserError, match="no control") as error:
        boot_to_control(emulator, picture)
    assert str(picture) in str(error.value)
    assert picture.read_bytes().startswith(b"\x89PNG")
