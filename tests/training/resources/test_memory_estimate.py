"""Tests of the memory estimate and of choosing the number of environments."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from envs.errors import UserError
from envs.observation_names import DEFAULT_OBSERVATIONS
from envs.workers.cpu_affinity import available_cores
from tests.paths import ROOT
from tests.training.conftest import TINY
from training.config.loading import load_config
from training.make_env import make_vec_env
from training.policies.gpt2 import gpt2
from training.ppo.build import build_model
from training.resources.chunk_sizes import LARGEST_CHUNK, samples_at_once
from training.resources.memory_estimate import (
    EMULATOR_BYTES,
    NUMBERS_BYTES,
    OBSERVATION_BYTES,
    WORKER_BYTES,
    MemoryEstimate,
    preflight,
    window_bytes,
)
from training.session.sizing import check_memory, memory_of

GIB = 1 << 30
Refused = Callable[..., str]


@pytest.mark.parametrize("seen", [{}, {"frames": 8, "screen_size": "quarter"}], ids=str)
def test_the_estimate_of_buffer_and_network_is_exact(seen: dict[str, Any]) -> None:
    config = load_config(None, {**TINY, "n_steps": 64, **seen})
    run = memory_of(config)
    env = make_vec_env(config)
    model = build_model(config, env)
    env.close()
    buffer = model.rollout_buffer
    arrays = [*buffer.observations.values(), buffer.actions, buffer.rewards, buffer.returns]
    arrays += [buffer.episode_starts, buffer.values, buffer.log_probs, buffer.advantages]
    assert run.buffer == sum(array.nbytes for array in arrays)
    assert run.parameters == sum(parameter.numel() for parameter in model.policy.parameters())


def test_a_window_takes_memory_for_each_step_that_it_reads() -> None:
    """The sums over the tensors that GPT-2 keeps for its gradient, which the estimate covers."""
    window, width, layers, heads, steps = 16, 64, 2, 4, 8
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model = gpt2(window, width, layers, heads)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = model(inputs_embeds=torch.zeros(steps, window, width, requires_grad=True)).last_hidden_state
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    counted = sum(size for place, size in kept.items() if place not in weights) / steps
    assert found.requires_grad
    assert counted <= window_bytes(window, width, layers, heads) <= 1.25 * counted
    section = {"kind": "gpt2", "max_input_states": window, "d_model": width, "num_layers": layers}
    run = memory_of(load_config(None, {"policy": section}))
    assert run.sample_bytes == window_bytes(window, width, layers, 8)
    assert run.samples == min(512, 64 * available_cores()), "a sequence is never cut"


def test_the_defaults_of_the_estimate_are_those_of_the_default_run() -> None:
    run = memory_of(load_config(None, {"workers": 2}))
    assert run == MemoryEstimate(16, 512, 2, samples=samples_at_once(512, available_cores())), (
        "the constants match the shapes of observations and the size of the network"
    )
    assert run.buffer == 16 * 512 * (OBSERVATION_BYTES + NUMBERS_BYTES)


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="private memory is read from Linux's /proc"
)
def test_workers_take_no_more_than_estimated() -> None:
    """Private memory of two workers with six emulators each, after some steps."""
    env = make_vec_env(load_config(None, {**TINY, "num_envs": 12, "workers": 2}))
    env.seed(0)
    env.reset()
    for _ in range(20):
        env.step(env.action_space.sample() + [0] * 12)
    held = [psutil.Process(pid).memory_full_info().uss for pid in env.venv.worker_pids]
    env.close()
    assert max(held) < WORKER_BYTES + 6 * EMULATOR_BYTES + 10_000_000
    assert min(held) > WORKER_BYTES / 2, "the constant is realistic"


@pytest.mark.parametrize("batch_size", [1, 512])
def test_suggested_settings_fit_and_larger_ones_do_not(batch_size: int) -> None:
    run, free = MemoryEstimate(64, 4096, 4), 3 * GIB
    with pytest.raises(UserError, match=r"too little: .*--ignore-memory starts anyway") as refusal:
        preflight(run, batch_size, free)
    suggested = dict(re.findall(r"--(num-envs|n-steps) (\d+)", str(refusal.value)))
    envs, steps = int(suggested["num-envs"]), int(suggested["n-steps"])
    assert envs * 4096 % batch_size == 0 and 64 * steps % batch_size == 0
    assert preflight(MemoryEstimate(envs, 4096, 4), batch_size, free).startswith("memory: rollout buffer")
    assert preflight(MemoryEstimate(64, steps, 4), batch_size, free).startswith("memory: rollout buffer")
    for larger in (
        MemoryEstimate(envs + max(1, batch_size // 512), 4096, 4),
        MemoryEstimate(64, steps + max(1, batch_size // 64), 4),
    ):
        with pytest.raises(UserError):
            preflight(larger, batch_size, free)


def test_no_size_is_suggested_if_none_fits() -> None:
    with pytest.raises(UserError, match="close other programs"):
        preflight(MemoryEstimate(1, 1, 1), 1, 100_000_000)


def test_a_run_that_does_not_fit_is_refused_before_it_starts(refused: Refused) -> None:
    line = refused("train_ppo", "--num-envs", 1024, "--n-steps", 1_000_000, "--run-name", "huge")
    assert line.startswith("memory: too little: rollout buffer ")
    number = int(re.findall(r"--n-steps (\d+) fits", line)[0])
    # A little less, since free memory changes while other programs run.
    suggested = load_config(None, {"num_envs": 1024, "n_steps": int(0.9 * number)})
    assert check_memory(suggested).startswith("memory: rollout buffer")


def test_ignore_memory_starts_anyway() -> None:
    config = load_config(None, {"num_envs": 1024, "n_steps": 1_000_000})
    assert check_memory(config, ignore=True).startswith("warning: memory: too little")


@pytest.mark.slow
def test_a_run_prints_its_memory_and_keeps_the_measured_auto(
    program: Callable[..., Any], tmp_path: Path, runs: Path
) -> None:
    """A batch of 54 divides no rollout of 18 x 2^n, so the nearest size that does is used and printed."""
    config = tmp_path / "three.json"
    config.write_text(json.dumps({**TINY, "num_envs": 3, "n_steps": 18, "batch_size": 54, "total_steps": 60}))
    result = program("train_ppo", "--config", config, "--run-name", "measured", "--num-envs", "auto")
    assert result.returncode == 0, result.stderr
    tried = [int(number) for number in re.findall(r"num_envs (\d+): \d+ steps/s", result.stdout)]
    assert tried == [available_cores() * each for each in (2, 4, 8, 16)]
    chosen = int(re.findall(r"num_envs (\d+) chosen", result.stdout)[0])
    assert chosen in tried
    kept = json.loads((runs / "measured" / "config.json").read_text())
    assert kept["num_envs"] == chosen
    assert (18 * chosen) % kept["batch_size"] == 0
    if (18 * chosen) % 54:
        assert f"batch_size {kept['batch_size']} instead of 54" in result.stdout
    assert re.search(r"memory: rollout buffer .* GB free", result.stdout)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-envs", "many"], "--num-envs many must be a whole number or auto"),
        (["--resume", "x", "--num-envs", "auto"], "--num-envs auto and --resume cannot be given together"),
    ],
)
def test_wrong_numbers_are_refused(refused: Refused, flags: list[str], message: str) -> None:
    assert message in refused("train_ppo", *flags)


def test_only_available_cores_are_counted() -> None:
    assert memory_of(load_config(None)).workers == min(16, len(os.sched_getaffinity(0)))


CHUNKS = """
import json
import re
import sys
from pathlib import Path
import torch
from envs.observations import Observations
from envs.red_env import RedEnv
from training.config.sections.network import NetworkConfig
from training.resources.chunk_sizes import LARGEST_CHUNK
from training.resources.malloc import keep_freed_memory, return_freed_memory, use_one_heap
from training.policies.tile_policy import GamePolicy, policy_kwargs


def peak():  # getrusage would report the peak of the parent process
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def learn(samples):
    inputs = {
        name: torch.zeros(samples, *box.shape, dtype=torch.uint8) for name, box in space.spaces.items()
    }
    found = policy.evaluate_actions(inputs, torch.zeros(samples, dtype=torch.long))
    torch.autograd.grad(sum(part.sum() for part in found), list(policy.parameters()))


use_one_heap()
keep_freed_memory()
torch.set_num_threads(1)
space = Observations(*json.loads(sys.argv[1])).space
policy = GamePolicy(space, RedEnv.actions(), lambda _: 0.0, **policy_kwargs(NetworkConfig()))
learn(1)
return_freed_memory()
before = peak()
learn(LARGEST_CHUNK)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize(
    ("observations", "bytes_more", "least"),
    [
        ([], 0, 0.7),
        ([DEFAULT_OBSERVATIONS, 8], 28_800, 0.7),
        ([DEFAULT_OBSERVATIONS, 8, "full"], 167_040, 0.4),
    ],
    ids=["default", "eight", "full"],
)
def test_a_chunk_of_an_update_takes_what_is_estimated(
    observations: list[Any], bytes_more: int, least: float
) -> None:
    command = [sys.executable, "-c", CHUNKS, json.dumps(observations)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    sizes = {"num_envs": 1, "n_steps": 1, "workers": 1, "observation_bytes": OBSERVATION_BYTES + bytes_more}
    estimated = MemoryEstimate(**sizes, samples=LARGEST_CHUNK).model - MemoryEstimate(**sizes).model
    assert least < int(done.stdout) / estimated < 1


GIVING_BACK = """
from concurrent.futures import ThreadPoolExecutor
import psutil
from training.resources.malloc import keep_freed_memory, return_freed_memory, use_one_heap

def scattered():
    blocks = [bytes(2000) for _ in range(50_000)]
    return blocks[-10:]  # these keep the heap long


def resident():
    return psutil.Process().memory_info().rss


def at_the_end():
    return len([bytes(16_000) for _ in range(1000)])


use_one_heap()
keep_freed_memory()
with ThreadPoolExecutor(1) as pool:
    pool.submit(len, ()).result()
    before = resident()
    pool.submit(at_the_end).result()
    print(resident() - before)
    return_freed_memory()
    print(resident() - before)
    kept = pool.submit(scattered).result()
    before = resident()
    return_freed_memory()
    print(before - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_memory_freed_by_any_thread_is_returned() -> None:
    """16 MB at the end of the heap, which are kept until then, and 100 MB in scattered pieces."""
    command = [sys.executable, "-c", GIVING_BACK]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    held, kept, given = map(int, done.stdout.split())
    assert held > 15_000_000
    assert given > 90_000_000
    assert kept < 1_000_000


HEAPS = """
import ctypes
import sys
from training.cli.parsing import run_program


def main(_):
    import torch

    torch.set_num_threads(2)
    torch.nn.init.orthogonal_(torch.empty(512, 1200))  # like a new network; torch starts its threads
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.fopen(b"/dev/stdout", b"w"))
    library.malloc_info(0, stream)
    library.fclose(stream)
    return 0


run_program(main)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
def test_programs_have_one_heap_for_all_threads() -> None:
    done = subprocess.run([sys.executable, "-c", HEAPS], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.count("<heap nr=") == 1
