"""Memory images far into the game and of extreme values: loaded, read, observed and rewarded.

POKERED_MEMORY_IMAGES may name a folder with images.npz: arrays of work RAM 0xC000..0xDFFF of real play, uint8
(8192,), which are tested in the same way.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from envs import ram
from envs.episodes.stats import EpisodeStats, components
from envs.fighter import fighting_slot
from envs.game.catalog import Game
from envs.game.plausibility import CHECKS, implausible
from envs.game_boy.emulator import Emulator
from envs.observations import Observations
from envs.ram import GameState, read_state
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.visited import VisitedTiles
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

Image = NDArray[np.uint8]
WORK_RAM = 0xC000
FOLDER = os.environ.get("POKERED_MEMORY_IMAGES")


def put(image: Image, address: int, *values: int) -> None:
    image[address - WORK_RAM :][: len(values)] = values


def mon(species: int, level: int, hp: int, max_hp: int) -> tuple[int, ...]:
    """Return the 44 bytes of a creature with four moves, full power points and a status."""
    data = [0] * ram.MON_BYTES
    data[0], data[33], data[4] = species, level, 0x40
    data[1:3] = divmod(hp, 256)
    data[34:36] = divmod(max_hp, 256)
    data[8:12] = (165, 1, 57, 94)
    data[29:33] = (0xC0 | 61, 40, 15, 10)
    return tuple(data)


def far(levels: int = 100, events: int = 230) -> Image:
    """Return an image with a full party of ``levels``, a full bag, all badges and ``events`` events."""
    image = np.zeros(0x2000, np.uint8)
    put(image, ram.W_PARTY_COUNT, 6, *range(1, 7), 0xFF)
    for slot in range(6):
        put(image, ram.W_PARTY_MONS + slot * ram.MON_BYTES, *mon(190 - slot, levels, 999 - slot, 999))
    bag = [value for item in range(1, 21) for value in (item * 12, 99)]
    put(image, ram.W_NUM_BAG_ITEMS, 20, *bag, 0xFF)
    put(image, ram.W_PLAYER_MONEY, 0x99, 0x99, 0x99)
    put(image, ram.W_OBTAINED_BADGES, 0xFF)
    put(image, ram.W_POKEDEX_OWNED, *[0xFF] * 18, 0x7F)
    put(image, ram.W_POKEDEX_SEEN, *[0xFF] * 18, 0x7F)
    put(image, ram.W_CUR_MAP, 28)
    put(image, ram.W_Y_COORD, 143, 19)
    put(image, ram.W_PLAY_TIME_HOURS, 255, 0, 59, 59)
    flags = np.zeros(ram.EVENT_COUNT, np.uint8)
    flags[np.random.default_rng(0).choice(ram.EVENT_COUNT, events, replace=False)] = 1
    put(image, ram.W_EVENT_FLAGS, *np.packbits(flags, bitorder="little").tolist())
    return image


def fighting(image: Image, kind: int) -> Image:
    put(image, ram.W_IS_IN_BATTLE, kind)
    put(image, ram.W_ENEMY_MON_SPECIES, 21, 3, 231)
    put(image, ram.W_ENEMY_MON_LEVEL, 100, 3, 231)
    put(image, ram.W_BATTLE_MON_HP, 3, 231)
    put(image, ram.W_BATTLE_MON_LEVEL, 100, 3, 231)
    return image


def team_of_six(slot: int, number: int) -> Image:
    """Return a wild battle of the creature in ``slot``, with ``number`` as the game's slot number."""
    image = fighting(far(), 1)
    for other in range(6):
        at = ram.W_PARTY_MONS + other * ram.MON_BYTES
        put(image, at, *mon(100 + other, 40 + other, 90 + other, 120 + other))
        put(image, at + 8, other + 1)
    put(image, ram.W_BATTLE_MON_HP, 0, 90 + slot)
    put(image, ram.W_BATTLE_MON_LEVEL, 40 + slot, 0, 120 + slot)
    put(image, ram.W_PLAYER_MON_NUMBER, number)
    return image


def own_images() -> dict[str, Image]:
    every_event = far()
    put(every_event, ram.W_EVENT_FLAGS, *[0xFF] * ram.EVENT_BYTES)
    unknown_map = far(50)
    put(unknown_map, ram.W_CUR_MAP, 231, 0, 0, 255, 255)
    return {
        "far": far(),
        "levels of 255": far(255),
        "every event": every_event,
        "wild battle": fighting(far(), 1),
        "trainer's battle": fighting(far(), 2),
        "just lost": fighting(far(), 0xFF),
        "third creature fights": team_of_six(2, 2),
        "unknown map, last tile": unknown_map,
        "zeros": np.zeros(0x2000, np.uint8),
        "ones": np.full(0x2000, 0xFF, np.uint8),
        **{f"noise {n}": np.random.default_rng(n).integers(0, 256, 0x2000, np.uint8) for n in range(3)},
    }


def all_images() -> dict[str, Image]:
    images = own_images()
    if FOLDER:
        with np.load(Path(FOLDER) / "images.npz", allow_pickle=False) as archive:
            images |= {f"folder: {name}": archive[name] for name in archive.files}
    return images


IMAGES = all_images()


@pytest.fixture
def env(own_game: Game, request: pytest.FixtureRequest) -> RedEnv:
    reward = RewardStack(DEFAULT_COEFFICIENTS, key_maps=own_game.progress_order)
    settings = EnvConfig(own_game, start_state(own_game, "bedroom"), fast_text=True)
    env = RedEnv(Emulator(own_game.rom), reward, Observations(), settings)
    request.addfinalizer(env.close)
    return env


def load(emulator: Emulator, image: Image) -> None:
    assert image.shape == (0x2000,)
    for offset, value in enumerate(image.tolist()):
        emulator.write(WORK_RAM + offset, value, "image")


def reward_of(env: RedEnv, before: GameState, now: GameState) -> list[float]:
    reward = RewardStack(DEFAULT_COEFFICIENTS, key_maps=env.config.game.progress_order)
    reward.reset(before)
    stats = EpisodeStats(env.config.game)
    stats.reset(before)
    values: list[float] = []
    for step in ((before, now), (now, now), (now, before)):
        breakdown = reward.step(*step)
        sums = components(breakdown)
        assert sum(sums.values()) == pytest.approx(breakdown.total)
        stats.step(*step, sums, breakdown.total)
        values += [*sums.values(), breakdown.total]
    assert stats.result(1)["length"] == 3
    return values


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_can_be_observed_and_rewarded(env: RedEnv, name: str) -> None:
    """No frame passes in between: the images hold the stack of another program."""
    env.reset(seed=0)
    before = env.state
    load(env.emulator, IMAGES[name])
    now = read_state(env.emulator.memory)
    visited = VisitedTiles()
    visited.reset(now)
    observations = Observations()
    observations.reset(now, env.emulator.screen())
    assert observations.space.contains(observations.encode(now, visited))
    assert all(math.isfinite(value) and abs(value) < 1e5 for value in reward_of(env, before, now))


def state_of(image: Image) -> GameState:
    whole = np.zeros(0x10000, np.uint8)
    whole[WORK_RAM:0xE000] = image
    return read_state(bytes(whole))


def own_numbers(state: GameState) -> list[int]:
    """Return the own creature's part of the battle observation: level, share of HP, maximum HP / 4, species,
    status, moves and power points."""
    observations, visited = Observations(["battle"]), VisitedTiles()
    visited.reset(state)
    seen = observations.encode(state, visited)["battle"].tolist()
    return [*seen[3:6], *seen[11:]]


@pytest.mark.parametrize("slot", range(6))
@pytest.mark.parametrize("kept", [True, False], ids=["number kept", "number always 0"])
def test_the_battle_observation_shows_the_slot_that_fights(slot: int, kept: bool) -> None:
    state = state_of(team_of_six(slot, slot if kept else 0))
    assert fighting_slot(state) == slot
    level, hp, _, species, _, *moves = own_numbers(state)
    assert (level, species, moves[0]) == (40 + slot, 100 + slot, slot + 1)
    assert hp == (90 + slot) * 255 // (120 + slot)


@pytest.mark.parametrize("name", [name for name, image in IMAGES.items() if name.startswith("folder: ")])
def test_in_real_play_the_slot_number_is_that_of_the_last_fighter(name: str) -> None:
    """The last battle's creature is still in memory, and its slot has the same level and maximum HP.

    (Unless the party was reordered since.)
    """
    image = IMAGES[name].copy()
    put(image, ram.W_IS_IN_BATTLE, 1)
    state = state_of(image)
    if not state.party:
        assert fighting_slot(state) is None
        return
    assert fighting_slot(state) == state.active_slot == image[0xCC2F - WORK_RAM]
    mon = state.party[state.active_slot]
    assert own_numbers(state)[0] == mon.level
    assert own_numbers(state)[3:] == [mon.species, mon.status, *mon.moves, *mon.pp]


def test_the_far_image_is_complete_and_plausible() -> None:
    state = state_of(IMAGES["far"])
    assert [mon.level for mon in state.party] == [100] * 6
    assert (len(state.bag), state.badge_count, state.money) == (20, 8, 999_999)
    assert (state.pokedex_owned, state.pokedex_seen) == (151, 151)
    assert state.event_count >= 200
    assert implausible(state) == []


def test_impossible_values_are_reported() -> None:
    assert CHECKS.keys() == set(GameState._fields)
    assert implausible(GameState(map_id=231, x=3)) == ["map_id = 231"]
    found: Callable[..., list[str]] = lambda **fields: implausible(GameState(**fields))  # noqa: E731
    assert found(map_id=38, x=9) == ["x = 9", "y = 0"]
    assert found(party=(ram.PartyMon(1, 101, 5, 5),))[0].startswith("party = ")
    assert found(battle=5, money=1_000_000) == ["battle = 5", "money = 1000000"]
    assert found(bag=((4, 0),)) == ["bag = ((4, 0),)"]
    assert found(facing=2, pokedex_owned=152) == ["facing = 2", "pokedex_owned = 152"]
