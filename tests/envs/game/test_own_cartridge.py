"""The user's own cartridge: identified by its hash or named by the user, refused by name where its memory
layout differs, and played like any other. An unknown copy of the embedded cartridge replaces it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.game.boot import has_control
from envs.game.catalog import BLUE_SHA1, EMBEDDED_ROM, RED_SHA1, Game, chosen_rom, identify
from envs.game.interventions import FAST_TEXT
from envs.game.milestones import BADGE_NAMES
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import DESTINATION, EMBEDDED, ROM_VARIABLE, read_rom
from envs.observations import Observations
from envs.ram import W_OPTIONS, read_state
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.start_states.cache import cache_folder
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack
from tests.envs.game.test_catalog import one_line, unknown_cartridge

OwnEnv = Callable[..., RedEnv]


@pytest.fixture
def own_env(own_game: Game, request: pytest.FixtureRequest) -> OwnEnv:
    """own_env(**config): an environment on the unknown cartridge."""

    def make(start: str = "bedroom", **config: int | bool) -> RedEnv:
        settings = EnvConfig(own_game, start_state(own_game, start), **config)  # type: ignore[arg-type]
        reward = RewardStack(DEFAULT_COEFFICIENTS, key_maps=own_game.progress_order)
        env = RedEnv(Emulator(own_game.rom), reward, Observations(), settings)
        request.addfinalizer(env.close)
        return env

    return make


def test_an_unknown_rom_gives_the_known_games_and_advice(unknown_rom: Path) -> None:
    with pytest.raises(UserError) as error:
        identify(unknown_rom)
    rom = read_rom(unknown_rom)
    for part in (str(unknown_rom), '"CLOVER"', f"{len(rom.data)} bytes", rom.sha1, RED_SHA1, BLUE_SHA1):
        assert part in one_line(error)
    assert "--game red" in one_line(error)


def test_the_user_can_name_the_game(own_game: Game, game: Game) -> None:
    assert (own_game.name, own_game.assumed, own_game.embedded) == ("red", True, False)
    assert own_game.sha1 != game.sha1
    assert own_game.start_names == ("power on", "bedroom")
    assert (own_game.default_start, game.default_start) == ("bedroom", "starter")
    assert not identify().assumed


def test_the_tables_of_red_cover_the_whole_game(own_game: Game) -> None:
    names = [milestone.name for milestone in own_game.milestones]
    assert len(set(names)) == len(names) == 40
    assert {"starter", "badge8", "champion", "last four beaten", "flute"} <= set(names)
    assert len(set(own_game.progress_order)) == len(own_game.progress_order)
    assert set(own_game.progress_order) <= own_game.map_names.keys()
    assert len(set(BADGE_NAMES)) == 8


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (b"POKEMON YELLOW", "Yellow"),
        (b"POKEMON GREEN", "Green"),
        (b"POKEMON_GLDAAUE", "Gold"),
        (b"POKEMON_SLVAAXE", "Silver"),
        (b"PM_CRYSTAL", "Crystal"),
        (b"POKEMON RED", "Red (Japanese)"),
    ],
)
@pytest.mark.parametrize("word", [None, "red"])
def test_releases_with_other_addresses_are_refused_by_name(
    tmp_path: Path, title: bytes, name: str, word: str | None
) -> None:
    path = unknown_cartridge(tmp_path / "other.gb", title)
    assert path.read_bytes()[DESTINATION] == 0
    with pytest.raises(UserError) as error:
        identify(path, word)
    assert f"Pokémon {name}" in one_line(error)


def test_the_hash_decides_for_a_known_cartridge() -> None:
    with pytest.raises(UserError, match="SHA-1 is that of clover, not of red; omit --game"):
        identify(EMBEDDED_ROM, "red")
    assert identify(EMBEDDED_ROM, "clover").name == "clover"
    with pytest.raises(UserError, match='"rad": unknown; did you mean "red"'):
        identify(EMBEDDED_ROM, "rad")


def test_the_rom_comes_from_the_flag_then_the_variable_then_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen_rom() == EMBEDDED_ROM
    monkeypatch.setenv(ROM_VARIABLE, "~/red.gb")
    assert chosen_rom() == Path.home() / "red.gb"
    assert chosen_rom("other.gb") == Path("other.gb").absolute()
    assert chosen_rom(EMBEDDED) == EMBEDDED_ROM


def test_the_boot_script_reaches_control(own_game: Game) -> None:
    start = start_state(own_game, "bedroom")
    assert (start.provenance["game"], start.provenance["made_by"]) == ("red", "boot script")
    assert list(cache_folder().glob(f"{own_game.sha1}-*/bedroom.state"))
    with Emulator(own_game.rom) as emulator:
        emulator.load_state(start.data)
        assert has_control(emulator)


def test_episodes_run_on_it(own_env: OwnEnv) -> None:
    env = own_env(max_steps=20)
    observation, info = env.reset(seed=3)
    assert info["start"] == "bedroom"
    for step in range(20):
        observation, reward, _, truncated, info = env.step(step % 7)
        assert env.observation_space.contains(observation)
        assert reward == pytest.approx(sum(info["reward_components"].values()))
    assert truncated
    assert "interventions" not in info["episode_stats"]


def test_fast_text_is_written_counted_and_reported(own_env: OwnEnv) -> None:
    env = own_env(max_steps=4, fast_text=True)
    emulator = env.emulator
    env.reset(seed=0)
    assert emulator.memory[W_OPTIONS] == 0x81
    emulator.write(W_OPTIONS, 0x45, "the player's choice")  # slow, animations, style: set
    env.step(1)
    assert emulator.memory[W_OPTIONS] == 0xC1, "the style is not ours to change"
    for _ in range(3):
        *_, info = env.step(1)
    assert info["episode_stats"]["interventions"] == {FAST_TEXT: 2, "the player's choice": 1}
    env.reset(seed=0)
    assert dict(emulator.interventions) == {FAST_TEXT: 1}


def test_options_are_left_alone_unless_asked(own_env: OwnEnv) -> None:
    env = own_env(max_steps=2)
    env.reset(seed=0)
    env.step(0)
    assert env.emulator.memory[W_OPTIONS] == 3
    assert not env.emulator.interventions
    assert read_state(env.emulator.memory).battle == 0
