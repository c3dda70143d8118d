"""Presets: sizes that fit the machine, and batch sizes that divide a rollout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config.presets import SIZES, divisors_near, largest_divisor, preset_values

GIGABYTE = 10**9


@given(st.integers(1, 1_000_000), st.integers(1, 2_000_000))
def test_suggested_sizes_divide(number: int, wanted: int) -> None:
    sizes = divisors_near(number, wanted)
    assert sizes == sorted(sizes)
    assert all(number % size == 0 for size in sizes)
    assert number % largest_divisor(number, wanted) == 0
    assert 1 not in (*sizes, largest_divisor(number, wanted)) or number == 1


@given(
    st.sampled_from(sorted(SIZES)),
    st.integers(1, 512),
    st.integers(1, 2000),
    st.dictionaries(st.sampled_from(["num_envs", "n_steps"]), st.integers(1, 300)),
)
def test_presets_fit_any_machine(name: str, cores: int, gigabytes: int, given_sizes: dict[str, int]) -> None:
    values = preset_values(name, given_sizes, cores, gigabytes * GIGABYTE)
    assert given_sizes.items() <= {**values, **given_sizes}.items()
    assert values["n_steps"] * values["num_envs"] % values["batch_size"] == 0
    assert values["batch_size"] > 1 or values["n_steps"] * values["num_envs"] == 1
    if name == "small" and "num_envs" not in given_sizes:
        assert values["num_envs"] == 12


def test_presets_shrink_the_rollout_when_memory_is_short() -> None:
    sizes = {gigabytes: preset_values("large", {}, 8, gigabytes * GIGABYTE) for gigabytes in (1, 3, 64)}
    assert {name: sizes[64][name] for name in ("num_envs", "n_steps")} == {"num_envs": 64, "n_steps": 1024}
    assert sizes[3]["n_steps"] < 1024 and sizes[3]["num_envs"] == 64
    assert sizes[1]["n_steps"] == 128 and sizes[1]["num_envs"] < 64


@pytest.mark.parametrize(("cores", "num_envs"), [(1, 64), (2, 64), (16, 64), (24, 96), (128, 128)])
def test_large_reaches_64_environments_of_1024_steps(cores: int, num_envs: int) -> None:
    values = preset_values("large", {}, cores, 64 * GIGABYTE)
    assert values == {"num_envs": num_envs, "n_steps": 1024, "batch_size": num_envs * 64}
