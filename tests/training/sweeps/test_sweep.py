"""Sweeps: checks before the start, runs, resumption, and the recommendation."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from tests.training.conftest import TINY, Program
from tests.training.forked import SWEEP_JOBS, Forker, wait_for
from training.config.files import ConfigError
from training.config.loading import load_config
from training.sweeps.comparison import recommendation, sweep_table
from training.sweeps.local_jobs import TrialOutcome, run_trials
from training.sweeps.trials import Trial, find_configs, load_variants, refuse_unlike, sweep_name, trials

pytestmark = pytest.mark.slow

SHIPPED = ROOT / "configs" / "sweeps"
AGENT = {**TINY, "agent_id": "tiny", "version": 1, "total_steps": None}


def _family(folder: Path, **variants: dict[str, Any]) -> str:
    """Write a base and its variants; return the pattern that matches the variants."""
    folder.mkdir(parents=True, exist_ok=True)
    base = {key: value for key, value in AGENT.items() if value is not None}
    (folder / "tiny_v1.json").write_text(json.dumps(base))
    for name, values in variants.items():
        content = {"extends": "tiny_v1.json", "sweep_variant": name, **values}
        (folder / f"tiny_sweep_{name}.json").write_text(json.dumps(content))
    return str(folder / "tiny_sweep_*.json")


def test_shipped_variants_differ_from_their_base_in_one_setting() -> None:
    base = load_config(SHIPPED / "ppo_agent_v1.json")
    found = load_variants(find_configs([str(SHIPPED / "ppo_agent_sweep_*.json")]), None, "full", 100, {})
    assert [v.name for v in found] == [
        "ent_anneal",
        "gamma_high",
        "gamma_low",
        "large_net",
        "lr_high",
        "lr_low",
    ]
    wanted = {
        "lr_high": {"learning_rate"},
        "gamma_low": {"gamma"},
        "ent_anneal": {"ent_coef", "ent_coef_final"},
    }
    for variant in found:
        own = load_config(variant.path)
        keys = {line.split(":")[0].split(".")[0] for line in own.differences(base)}
        assert keys == wanted.get(variant.name, keys)
        assert len(keys) <= 2
        assert own.description
    refuse_unlike(found)


def test_smoke_mode_shrinks_the_task_and_keeps_the_algorithm() -> None:
    (smoke,) = load_variants([SHIPPED / "ppo_agent_sweep_lr_high.json"], None, "smoke", 100, {})
    (full,) = load_variants([SHIPPED / "ppo_agent_sweep_lr_high.json"], None, "full", 100, {})
    assert (smoke.config.max_steps, smoke.config.num_envs, smoke.config.n_steps) == (512, 8, 256)
    assert smoke.config.rollout_steps % smoke.config.batch_size == 0
    assert (smoke.config.total_steps, full.config.total_steps) == (51_200, 409_600)
    assert smoke.config.learning_rate == full.config.learning_rate == 1e-3
    assert full.config.max_steps == 4096


def test_base_config_replaces_the_task_of_the_agents(tmp_path: Path) -> None:
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"start": "route1", "max_steps": 99, "learning_rate": 0.01, "n_epochs": 7}))
    config = load_config(SHIPPED / "ppo_agent_sweep_lr_high.json", {}, task)
    assert (config.start, config.max_steps, config.n_epochs) == ("route1", 99, 7)
    assert config.learning_rate == 1e-3, "the variant's own settings stay"
    assert config.rewards == load_config(task).rewards


@pytest.mark.parametrize(
    ("make", "line"),
    [
        ({"tiny_sweep_a.json": "{"}, "not valid JSON"),
        ({"tiny_sweep_a.json": '{"algorithm": "DQN"}'}, 'algorithm "DQN" must be PPO'),
        (
            {"tiny_sweep_a.json": '{"agent_id": "tiny", "sweep_variant": "b"}'},
            "must be called tiny_sweep_b.json",
        ),
        ({"tiny_v3.yaml": "agent_id: tiny"}, "agent_id tiny needs a version or a sweep_variant"),
        ({"a.json": '{"sweep_variant": "x"}', "b.json": '{"sweep_variant": "x"}'}, "are all called x"),
        ({"a.json": '{"gama": 1}', "b.json": '{"gamma": 2}'}, "did you mean gamma?; "),
    ],
)
def test_all_wrong_configs_are_reported_before_anything_starts(
    tmp_path: Path, make: dict[str, str], line: str
) -> None:
    for name, text in make.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as error:
        load_variants(find_configs([str(tmp_path / "*")]), None, "smoke", 10, {})
    assert line in str(error.value)


def test_unlike_variants_are_refused(tmp_path: Path) -> None:
    pattern = _family(tmp_path, a={}, b={"rewards": {"battle_win": 9.0}, "gamma": 0.5})
    variants = load_variants(find_configs([pattern]), None, "full", 4, {})
    with pytest.raises(
        ConfigError, match=r"cannot be compared .*rewards.battle_win: 0.0 -> 9.0; use --compare-unlike"
    ):
        refuse_unlike(variants)


def test_a_sweep_name_depends_only_on_the_settings(tmp_path: Path) -> None:
    pattern = _family(tmp_path, a={}, b={"gamma": 0.5})
    first = load_variants(find_configs([pattern]), None, "full", 4, {})
    assert sweep_name(first) == sweep_name(load_variants(find_configs([pattern]), None, "full", 4, {}))
    assert sweep_name(first) != sweep_name(load_variants(find_configs([pattern]), None, "full", 5, {}))
    planned = trials("s", first, 2)
    assert [(t.variant, t.seed, t.config.seed) for t in planned] == [
        ("a", 1, 1),
        ("b", 1, 1),
        ("a", 2, 2),
        ("b", 2, 2),
    ]


def _outcomes(**returns: list[float | None]) -> list[TrialOutcome]:
    config = load_config(None)
    made = []
    for variant, values in returns.items():
        for seed, value in enumerate(values):
            trial = Trial(variant, seed, f"{variant}{seed}", config)
            summary = {
                "mean_return": value, "counts": {"episodes": 10, "battles_won": 25}, "seconds": 2.0,
                "session_steps": 1000, "verdict": "healthy",
                "metrics": {"approx_kl": 0.01, "clip_fraction": 0.2, "explained_variance": 0.7},
            }  # fmt: skip
            made.append(
                TrialOutcome(trial, None, "exit status 1") if value is None else TrialOutcome(trial, summary)
            )
    return made


def test_the_table_has_means_intervals_and_failures() -> None:
    text = sweep_table(_outcomes(worse=[1.0, 3.0], better=[9.0, 9.0, None], broken=[None]))
    lines = [line.split() for line in text.splitlines()]
    assert [line[0] for line in lines] == ["variant", "better", "worse", "broken"]
    assert "2/3" in lines[1]
    assert "2.0 ± 12.7" in text, "t for one degree of freedom is 12.706, the standard error 1"
    assert lines[2][-1] == "healthy"
    assert lines[3][1] == "0/1"


def test_the_recommendation_says_when_a_lead_is_noise() -> None:
    assert "that is noise" in recommendation(_outcomes(a=[1.0, 5.0], b=[2.0, 3.5]))
    assert "Continue with a." in recommendation(_outcomes(a=[9.0, 9.1, 9.2], b=[1.0, 1.1, 1.2], c=[None]))
    assert "One seed does not show" in recommendation(_outcomes(a=[9.0], b=[1.0]))
    assert "nothing to compare it with" in recommendation(_outcomes(a=[9.0], b=[None]))
    assert "nothing to recommend" in recommendation(_outcomes(a=[None]))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sweep")
    return _family(folder, high={"learning_rate": 0.01}, long={"gamma": 0.5})


SMALL = ("--episodes", 6, "--seeds", 2, "--mode", "full")


def test_a_killed_sweep_resumes_with_what_is_missing(
    sweep: str, runs: Path, program: Program, forker: Forker
) -> None:
    first = forker.start(sweep, *SMALL, "--name", "k", program="run_sweep", before=SWEEP_JOBS)
    done = runs / "k.high.s1" / "summary.json"
    wait_for(lambda: done.exists() and (runs / "k.long.s1" / "manifest.json").exists())
    first.kill(signal.SIGKILL)
    first.wait()
    written = done.stat().st_mtime_ns
    again = program("run_sweep", sweep, *SMALL, "--name", "k")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 runs already done, 3 to go" in again.stdout
    assert done.stat().st_mtime_ns == written
    assert again.stdout.count("2/2") == 2, "every variant has both seeds"
    result = json.loads((runs / "sweeps" / "k" / "result.json").read_text())
    assert len(result["trials"]) == 4
    assert all(trial["failure"] is None and trial["return"] is not None for trial in result["trials"])
    steps = {json.loads((runs / t["run"] / "summary.json").read_text())["steps"] for t in result["trials"]}
    assert steps == {256}, "6 episodes of 40 steps, in whole rollouts of 64"
    source = json.loads((runs / "k.high.s2" / "manifest.json").read_text())["config_source"]
    assert Path(source["file"]).name == "tiny_sweep_high.json", (
        "not the resolved config that the sweep writes"
    )
    assert Path(source["base"]).name == "tiny_v1.json"
    assert "learning_rate: 0.0003 -> 0.01" in source["differences"]


def test_a_failing_variant_does_not_stop_the_others(tmp_path: Path, runs: Path, program: Program) -> None:
    pattern = _family(tmp_path, a={"device": "cuda"}, b={})
    result = program("run_sweep", pattern, "--episodes", 2, "--seeds", 1, "--mode", "full", "--name", "f")
    assert result.returncode == 1
    assert "a, seed 1: FAILED, exit status 2; error: device cuda: this machine has no CUDA" in result.stdout
    assert "b, seed 1: mean return" in result.stdout


def test_a_process_that_cannot_be_started_fails_its_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    monkeypatch.setenv("POKERED_RUNS", str(tmp_path))
    config = load_config(None, TINY)
    said: list[str] = []
    outcomes = run_trials([Trial(name, 1, f"x.{name}.s1", config) for name in "ab"], tmp_path, 1, said.append)
    reason = "its process cannot be started: No such file or directory"
    assert [outcome.failure for outcome in outcomes] == [reason, reason]
    assert said[1] == f"[2/2] b, seed 1: FAILED, {reason}"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("none_*.json",), "none_*.json matches no config file"),
        (
            ("configs/sweeps/ppo_agent_v1.json", "--seeds", 0),
            "--seeds 0 is out of range: must be 1 to 100000",
        ),
        (("configs/sweeps/ppo_agent_v1.json", "--mode", "fast"), "--mode fast must be one of full, smoke"),
        (("configs/sweeps/ppo_agent_v1.json", "--trials", 5), "--trials 5 needs --search"),
        (("--search", "configs/sweeps/space.json", "--seeds", 2), "--seeds 2 needs PATTERN"),
        (("--search", "configs/sweeps/space.json", "--rom", "x.gb"), "--rom x.gb needs PATTERN"),
        ((), "give either PATTERN or --search PATH; see --help"),
        (("configs/sweeps/ppo_agent_v1.json", "--name", "../x"), "run name '../x"),
        (("configs/sweeps/ppo_agent_v1.json", "--rom", "README.md"), "README.md"),
    ],
)
def test_wrong_flags_get_one_line(program: Program, flags: tuple[Any, ...], line: str) -> None:
    result = program("run_sweep", *flags)
    assert result.returncode == 2
    assert line in result.stderr and result.stderr.count("\n") == 1
