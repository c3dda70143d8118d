"""A run on the user's own cartridge, from the ROM to a policy that plays in a window. An unknown copy of the
embedded cartridge replaces it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from envs.game.catalog import EMBEDDED_ROM, Game
from envs.game_boy.emulator import Emulator
from envs.game_boy.rom import EMBEDDED, ROM_VARIABLE, read_rom
from envs.start_library import start_state
from tests.training.conftest import Program
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.task import game_of, refuse_implausible, resolve_task
from training.live.game import Player
from training.live.window import watch
from training.runs.folder import RunError
from training.runs.lookup import refuse_other_rom
from training.session.flags import TrainFlags
from training.session.plan import make_plan

SIZES = ("--num-envs", 2, "--workers", 1, "--n-steps", 16, "--batch-size", 32, "--total-steps", 64)


@pytest.fixture(scope="module")
def run(program: Program, runs: Path, unknown_rom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on the cartridge, with its first game in a window."""
    config = tmp_path_factory.mktemp("configs") / "short.json"
    config.write_text(json.dumps({"max_steps": 16, "rewards": {"exploration_new_tile": 0.1}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDL_VIDEODRIVER", "dummy")
        patch.setenv(ROM_VARIABLE, str(unknown_rom))
        flags = ("--game", "red", "--fast-text", "--use-graphics", "--device", "cpu", "--run-name", "own")
        result = program("train_ppo", "--config", config, *SIZES, *flags)
    assert result.returncode == 0, result.stderr
    assert re.search(r"interventions +fast_text [1-9]", result.stdout)
    return runs / "own"


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text())
    assert isinstance(content, dict)
    return content


def test_the_run_knows_its_cartridge_by_hash_and_holds_no_copy(run: Path, unknown_rom: Path) -> None:
    manifest, rom = _json(run / "manifest.json"), read_rom(unknown_rom)
    assert (manifest["game"], manifest["game_known_by"]) == ("red", "--game")
    assert (manifest["rom_sha1"], manifest["interventions"]) == (rom.sha1, ["fast_text"])
    assert (manifest["start"]["name"], manifest["start"]["made_by"]) == ("bedroom", "boot script")
    files = [path for path in run.rglob("*") if path.is_file()]
    assert not any(rom.data[:0x4000] in path.read_bytes() for path in files)
    assert not [path for path in files if path.suffix in (".gb", ".ram", ".sav")]


def test_the_run_resumes_with_its_own_cartridge(run: Path, unknown_rom: Path) -> None:
    config = load_config(run / "config.json")
    assert (config.rom, config.game, config.fast_text) == (str(unknown_rom), "red", True)
    assert config.start is None
    refuse_other_rom(run, game_of(config))
    with pytest.raises(RunError, match=r"began with a ROM with SHA-1 .* --accept-changes"):
        refuse_other_rom(run, game_of(config.model_copy(update={"rom": EMBEDDED, "game": None})))


def test_the_policy_is_watched_in_a_window(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    config = load_config(run / "config.json", {"max_steps": 3})
    (line,) = watch(Player(run, config), 1).splitlines()
    assert line.startswith("episode 1: ")
    assert "length 3" in line


def test_watching_needs_a_display(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="--watch needs a display"):
        watch(Player(run, load_config(run / "config.json")), 1)


def test_the_variable_only_replaces_the_flag(
    unknown_rom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_config(None).rom == EMBEDDED
    monkeypatch.setenv(ROM_VARIABLE, str(unknown_rom))
    assert load_config(None).rom == str(unknown_rom)
    assert load_config(None, {"rom": EMBEDDED}).rom == EMBEDDED
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"rom": EMBEDDED}))
    assert game_of(load_config(path)).rom == EMBEDDED_ROM
    assert game_of(TrainConfig(game="red")).name == "red"


@pytest.fixture
def shifted(own_game: Game, tmp_path: Path) -> Path:
    """A state of it in which memory is five bytes further up, as in European releases."""
    with Emulator(own_game.rom) as emulator:
        emulator.load_state(start_state(own_game, "bedroom").data)
        memory = [emulator.memory[0xD000 + n] for n in range(0x1000)]
        for n, value in enumerate([*memory[-5:], *memory[:-5]]):
            emulator.write(0xD000 + n, value, "shifted")
        path = tmp_path / "shifted.state"
        path.write_bytes(emulator.save_state())
    return path


def test_a_game_that_cannot_be_what_the_user_says_is_refused(
    refused: Callable[..., str], own_game: Game, shifted: Path
) -> None:
    flags = ("--rom", own_game.rom, "--game", "red", "--start", shifted, "--run-name", "abroad", *SIZES)
    line = refused("train_ppo", *flags)
    assert line.startswith(f"ROM {own_game.rom}: its memory is not that of red at the start {shifted}: ")
    assert "size of map" in line
    assert "--ignore-implausible" in line


def test_the_user_may_insist(own_game: Game, shifted: Path) -> None:
    """Where nobody has to look at what the game then does."""
    given = {"rom": str(own_game.rom), "game": "red", "start": str(shifted), "run_name": "insisted"}
    plan = make_plan(TrainFlags(**given, ignore_implausible=True))
    assert plan.task.start.name == str(shifted)
    with pytest.raises(UserError, match="its memory is not that of red"):
        make_plan(TrainFlags(**given))
    with pytest.raises(UserError, match="--ignore-implausible has no effect: the ROM is known to be clover"):
        make_plan(TrainFlags(run_name="insisted", start="bedroom", ignore_implausible=True))


@pytest.mark.parametrize("start", ["power on", "bedroom"])
def test_a_game_that_can_be_is_not(own_game: Game, start: str) -> None:
    task = resolve_task(load_config(None, {"rom": str(own_game.rom), "game": "red", "start": start}))
    refuse_implausible(task)
    assert task.game.assumed


def test_a_wrong_cartridge_gives_one_line(refused: Callable[..., str], unknown_rom: Path) -> None:
    flags = ("--rom", unknown_rom, "--run-name", "later", "--device", "cpu")
    assert "use --game red" in refused("train_ppo", *flags)
    config = load_config(None, {"rom": str(unknown_rom), "game": "red", "start": "gym1"})
    with pytest.raises(
        UserError, match=r'"gym1": neither a start of red nor a file; .*known: power on, bedroom'
    ):
        resolve_task(config)
