"""Estimate of a run's memory before it starts, and the largest settings that fit.

All measured constants are here. At import it needs the standard library alone, so that the doctor can use it
if packages are missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from envs.errors import UserError
from envs.installation import program

# Private memory (USS) on Linux, Python 3.11, torch 2.13 for the CPU, the embedded cartridge. A training
# program held 180 MB after its imports and 290 MB after two updates of a network of 351,936 parameters
# (without the buffer), plus 120 MB of libraries. Fork server and resource tracker held 30 MB together.
PROGRAM_BYTES = 450_000_000
# A worker held 29.9 MB with 2 emulators and 74.9 MB with 34: 27 MB plus 1.4 MB per emulator. Rounded up,
# since pictures of visited tiles grow with the maps that an episode enters.
WORKER_BYTES = 30_000_000
EMULATOR_BYTES = 2_000_000
# From the shapes: three pictures of 72 x 80, two of visited tiles of 48 x 48, 320 event bytes, 338 others.
OBSERVATION_BYTES = 22_546
# Action, reward, return, start of episode, value, log-probability, advantage; actions take eight bytes.
NUMBERS_BYTES = 32
# Two buffers and the last observation of an episode, in memory shared with workers.
SHARED_OBSERVATIONS = 3
# Peak memory of an update per sample of a chunk of 256: 214 to 231 kB. Rounded up.
SAMPLE_BYTES = 245_000
# The same for each byte of an observation beyond the default's: 5 with eight pictures at full size, 11 with
# eight at half size. Rounded up.
LARGER_SAMPLE_BYTES = 12
# Numbers that a layer of GPT-2 keeps of each frame for its gradient, for each unit of its width: 16.7 to 17.5
# with 16 and 32 frames. Rounded up; the attention's own are counted apart.
LAYER_NUMBERS = 17
ATTENTION_NUMBERS = 3
FLOAT_BYTES = 4
# float32: weight, gradient, and the two moments of the optimizer.
PARAMETER_BYTES = 16
DEFAULT_PARAMETERS = 662_976
GB = 1e9


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The settings of a run that determine its memory."""

    num_envs: int
    n_steps: int
    workers: int
    observation_bytes: int = OBSERVATION_BYTES
    parameters: int = DEFAULT_PARAMETERS
    samples: int = 0  # of an update, computed at the same time; 0 on a GPU, which has its own memory
    sample_bytes: int = 0  # of a sample beyond its encoders, see window_bytes
    elsewhere: bool = False  # the emulators are on other machines, or counted there

    @property
    def buffer(self) -> int:
        """Bytes of the rollout buffer."""
        return self.num_envs * self.n_steps * (self.observation_bytes + NUMBERS_BYTES)

    @property
    def environments(self) -> int:
        """Bytes of the workers, their emulators, and the memory shared with the training process."""
        return self._workers + self.num_envs * self._environment

    @property
    def model(self) -> int:
        """Bytes of the training process with torch, network and optimizer."""
        larger = max(0, self.observation_bytes - OBSERVATION_BYTES)
        sample = SAMPLE_BYTES + LARGER_SAMPLE_BYTES * larger + self.sample_bytes
        return PROGRAM_BYTES + PARAMETER_BYTES * self.parameters + sample * self.samples

    @property
    def total(self) -> int:
        """Bytes of everything together."""
        return self.buffer + self.environments + self.model

    @property
    def _environment(self) -> int:
        emulator = 0 if self.elsewhere else EMULATOR_BYTES
        return emulator + SHARED_OBSERVATIONS * self.observation_bytes

    @property
    def _workers(self) -> int:
        return 0 if self.elsewhere else self.workers * WORKER_BYTES

    def most_envs(self, free: int, batch_size: int = 1) -> int:
        """The largest number of environments that fits into ``free`` bytes with whole minibatches, or 0."""
        each = self._environment + self.buffer // self.num_envs
        number = (free - self.model - self._workers) // each
        unit = batch_size // math.gcd(batch_size, self.n_steps)
        return max(0, number - number % unit)

    def most_steps(self, free: int, batch_size: int = 1) -> int:
        """The largest ``n_steps`` that fits into ``free`` bytes with whole minibatches, or 0."""
        each = self.num_envs * (self.observation_bytes + NUMBERS_BYTES)
        number = (free - self.model - self.environments) // each
        unit = batch_size // math.gcd(batch_size, self.num_envs)
        return max(0, number - number % unit)


def window_bytes(window: int, width: int, layers: int, heads: int) -> int:
    """Bytes that GPT-2 needs in an update to read the window of a step."""
    numbers = LAYER_NUMBERS * width + ATTENTION_NUMBERS * heads * window
    return FLOAT_BYTES * window * layers * numbers


def _number_in(path: str) -> int | None:
    """Return the integer in a kernel file, or None."""
    try:
        return int(Path(path).read_text("ascii"))
    except (OSError, ValueError):
        return None


def available_memory() -> int:
    """Bytes that this process can still allocate, by the limits of machine, container and process."""
    free: list[int] = []
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free.append(int(line.split()[1]) * 1024)
    except OSError:
        import psutil

        free.append(int(psutil.virtual_memory().available))
    most, used = _number_in("/sys/fs/cgroup/memory.max"), _number_in("/sys/fs/cgroup/memory.current")
    if most is not None and used is not None:
        free.append(most - used)
    return min([*free, *_address_space()])


def _address_space() -> list[int]:
    """Return the bytes that this process may have, where it is limited; Windows has no such limit."""
    try:
        import resource
    except ImportError:
        return []
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return [] if limit == resource.RLIM_INFINITY else [limit]


def preflight(run: MemoryEstimate, batch_size: int, free: int | None = None) -> str:
    """Return one line about the memory of ``run`` and ``free`` bytes.

    ``free`` defaults to this machine's available memory plus what this process already holds. Raises
    UserError with the largest settings that fit if the run needs more.
    """
    if free is None:
        import psutil

        free = available_memory() + psutil.Process().memory_info().rss
    text = (
        f"rollout buffer {run.buffer / GB:.2f} GB, environments {run.environments / GB:.2f} GB,"
        f" model and torch {run.model / GB:.2f} GB: {run.total / GB:.2f} of {free / GB:.2f} GB free"
    )
    if run.total <= free:
        return f"memory: {text}"
    sizes = (("--num-envs", run.most_envs(free, batch_size)), ("--n-steps", run.most_steps(free, batch_size)))
    fitting = " or ".join(f"{flag} {size}" for flag, size in sizes if size)
    advice = f"{fitting} fits" if fitting else "close other programs or use a smaller --batch-size"
    raise UserError(
        f"memory: too little: {text}; {advice}; {program('train_ppo.py')} --ignore-memory starts anyway"
    )
