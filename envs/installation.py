"""How the project is installed: where the files that ship are, and what its programs are called.

Uses only the standard library, so that the doctor runs without packages.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds the packages: a checkout, or site-packages."""
SHIPPED = ROOT / "training" / "shipped"
"""Where setup.py puts configs and policies in a wheel; a checkout has them beside the packages."""
INSTALLED = SHIPPED.is_dir()
"""Whether the project was installed from a wheel."""
CONFIGS = "configs"

COMMANDS = {
    "train": ("training.train_ppo", "train PPO, or resume a run"),
    "evaluate": ("training.evaluate", "measure runs on held-out seeds, or watch one play"),
    "replay": ("training.replay", "replay, list and film recorded episodes"),
    "play": ("training.play", "play by hand, and save start states or demonstrations"),
    "doctor": ("training.doctor", "check the installation"),
    "history": ("training.history", "serve the web page of all runs"),
    "diagnose": ("training.diagnose", "judge the health of runs by their curves"),
    "heat-maps": ("training.heat_maps", "draw where a run's agents were"),
    "sweep": ("training.run_sweep", "compare variants over seeds, or search hyperparameters"),
    "curriculum": ("training.curriculum", "train in stages"),
    "board": ("training.board", "compare methods on equal terms"),
    "demonstrate": ("training.demonstrate", "make and inspect sets of demonstrations"),
    "export": ("training.export_sb3", "export a policy for plain stable-baselines3"),
    "ship": ("training.shipping", "make a policy that ships from a run"),
    "import-config": ("training.import_config", "translate a config of another project"),
    "ray-node": ("training.ray_node", "run a node of a Ray cluster"),
    "benchmark": ("training.benchmark", "measure speed and memory"),
    "benchmark-history": ("training.benchmark_history", "measure the speed of the web page"),
    "benchmark-ray": ("training.benchmark_ray", "measure a Ray cluster"),
    "soak": ("training.fault_injection", "train with faults, and check what must hold"),
    "profile-cartridge": ("training.profile_cartridge", "check the embedded cartridge by random play"),
    "journey": ("envs.cartridge.walkthrough", "let the scripted player play the embedded cartridge"),
}  # fmt: skip
"""The commands of ``pokered``: the module that each runs, and what it does."""
AS_COMMAND = INSTALLED or Path(sys.argv[0] if sys.argv else "").stem == "pokered"
"""Whether messages name ``pokered train`` instead of ``train_ppo.py``."""


def shipped(name: str) -> Path:
    """Return the path of ``name``, a file or folder that ships: configs, policies or what they hold."""
    return (SHIPPED if INSTALLED else ROOT) / name


def shipped_config(path: Path, folder: Path = Path()) -> Path:
    """Return ``path`` in ``folder``, or, if it is not there, the config that ships under this name.

    So configs/smoke.json names a config in any working directory. ``path`` may be a pattern, such as
    configs/sweeps/*.json.
    """
    own = folder / path
    if path.is_absolute() or path.parts[:1] != (CONFIGS,) or ".." in path.parts or own.exists():
        return own
    ours = shipped(str(path))
    return ours if any(ours.parent.glob(ours.name)) else own


def program(file: str) -> str:
    """Return what the user calls the program ``file``, such as train_ppo.py, in messages."""
    modules = {module.rpartition(".")[2]: command for command, (module, _) in COMMANDS.items()}
    command = modules.get(file.removeprefix("python -m training.").removesuffix(".py"))
    return f"pokered {command}" if AS_COMMAND and command else file


def call(file: str) -> str:
    """Return the command line that starts the program ``file``, such as train_ppo.py."""
    name = program(file)
    return name if name != file else f"python training/{file}"
