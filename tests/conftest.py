"""What the tests share: the embedded cartridge in the real emulator, its start states, and an environment
around both."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envs.game.catalog import EMBEDDED_ROM, Game, identify
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import ROM_VARIABLE
from envs.observation_names import OBSERVATION_NAMES
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.start_states.cache import CACHE_VARIABLE
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

LONG = (
    *("other_pyboy", "killed", "runner", "board", "resume", "ray_training", "search", "soak", "curriculum"),
    *("sweep", "training", "web_browser", "faults", "update_controls", "comparison", "ray_vec_env"),
    *("presets_train", "journey", "replay_episode", "memory_estimate", "restoring", "history", "shipping"),
)
"""Files that take long, most of it in programs that they start. The longest test comes first: it takes two
minutes alone."""
MakeEnv = Callable[..., RedEnv]
State = Callable[[str], bytes]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process is left alone with one of them at the end."""
    order = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session", autouse=True)
def _usual_signals() -> None:
    """A suite under nohup ignores SIGHUP, one in the background SIGINT, and so would the programs that it
    starts."""
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            usual = signal.SIG_DFL if number == signal.SIGHUP else signal.default_int_handler
            signal.signal(number, usual)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start states are made anew by every run of the suite, which also tries the scripts that make them; its
    processes, where there are several, share them."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        patch.delenv(ROM_VARIABLE, raising=False)
        yield


@pytest.fixture(scope="session")
def rom() -> Path:
    """The embedded cartridge."""
    return EMBEDDED_ROM


@pytest.fixture(scope="session")
def game(rom: Path) -> Game:
    """The embedded cartridge, identified."""
    return identify(rom)


@pytest.fixture(scope="session")
def state(game: Game) -> State:
    """state(name): the bytes of a start state, made once for the whole run."""
    return lambda name: start_state(game, name).data


@pytest.fixture(scope="session")
def unknown_rom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the embedded cartridge that differs in one byte of the header, and so has a hash that no one
    knows: what a user's own cartridge is tried with."""
    data = bytearray(EMBEDDED_ROM.read_bytes())
    data[0x14E] ^= 0xFF  # of the sum over the whole file, which no machine checks
    path = tmp_path_factory.mktemp("roms") / "mine.gb"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def own_game(unknown_rom: Path) -> Game:
    """That copy, taken for Red because the user says so."""
    return identify(unknown_rom, "red")


@pytest.fixture
def emulator(rom: Path) -> Iterator[Emulator]:
    """The embedded cartridge, just switched on; load a state to be anywhere else."""
    with Emulator(rom) as machine:
        yield machine


@pytest.fixture
def make_env(game: Game) -> Iterator[MakeEnv]:
    """make_env(start=, coefficients=, observations=, **config): an environment that is closed after the
    test."""
    made: list[RedEnv] = []

    def make(
        start: str = "starter",
        coefficients: dict[str, float] | None = None,
        observations: tuple[str, ...] = OBSERVATION_NAMES,
        **config: int | str | None,
    ) -> RedEnv:
        settings = EnvConfig(game, start_state(game, start), **config)  # type: ignore[arg-type]
        reward = RewardStack(DEFAULT_COEFFICIENTS if coefficients is None else coefficients)
        env = RedEnv(Emulator(game.rom), reward, Observations(observations), settings)
        made.append(env)
        return env

    yield make
    for env in made:
        env.close()
