"""Tests of policies with memory in rollouts and updates, on the real game."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.errors import UserError
from tests.training.conftest import TINY
from tests.training.policies.recurrent import SPACE, page_example
from tests.training.ppo.conftest import Make
from tests.training.ppo.test_pipelined_ppo import Interfere, rollout
from training.config.loading import load_config
from training.environments.local import env_makers
from training.environments.task import resolve_task
from training.policies.interface import Seen
from training.policies.network_policy import NetworkPolicy
from training.policies.registry import check_policy
from training.ppo.pipelined_ppo import PipelinedPPO

# Every environment reaches its time limit twice in a rollout, within sequences of 12 steps.
CONFIG = {**TINY, "num_envs": 5, "workers": 2, "max_steps": 10, "n_steps": 24, "batch_size": 60}
Remembering = Callable[..., PipelinedPPO]


@pytest.fixture
def sections(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The section "policy" of each kind that remembers."""
    return {
        "gru": {"kind": f"{page_example(tmp_path)}:Gru", "settings": {"width": 16}},
        "lstm": {"kind": "lstm", "width": 16, "layers": 2},
        "gpt2": {"kind": "gpt2", "max_input_states": 7, "d_model": 16, "num_layers": 2, "num_heads": 2},
    }


KINDS = ["gru", "lstm", "gpt2"]


@pytest.fixture(params=KINDS)
def remembering(make: Make, sections: dict[str, Any], request: pytest.FixtureRequest) -> Remembering:
    """remembering(**changes): a model of each kind, with weights of the heads that make states matter."""

    def model(**changes: Any) -> PipelinedPPO:
        made = make(**{"policy": sections[request.param], **changes})
        with torch.no_grad():
            made.policy.action_net.weight *= 50
        return made

    return model


def policy_of(model: PipelinedPPO) -> NetworkPolicy:
    assert isinstance(model.policy, NetworkPolicy)
    return model.policy


def updates_agree(model: PipelinedPPO) -> None:
    """Check that what updates compute for every minibatch is what rollouts stored, to 1e-5."""
    buffer, number = model.rollout_buffer, 0
    for indices in buffer.minibatches(60):
        actions = buffer.numbers_at("actions", indices).long()
        with torch.no_grad():
            values, log_probs, _ = model.policy.evaluate_all(buffer.seen_at(indices), actions)
        torch.testing.assert_close(log_probs, buffer.numbers_at("log_probs", indices), rtol=0, atol=1e-5)
        torch.testing.assert_close(values[:, 0], buffer.numbers_at("values", indices), rtol=1e-5, atol=1e-5)
        number += len(indices)
    assert number == 24 * 5


def test_updates_compute_what_rollouts_stored(remembering: Remembering) -> None:
    model = remembering()
    buffer = rollout(model)
    assert buffer.episode_starts[[10, 20]].all()
    assert np.ptp(buffer.log_probs) > 0.1
    updates_agree(model)
    model.train()
    rollout(model)
    assert model.rollout_buffer.states[0].any(), "the second rollout begins in the middle of episodes"
    updates_agree(model)


def test_the_buffer_is_what_one_step_after_another_gives(remembering: Remembering) -> None:
    """The same actions on DummyVecEnv, with a state for each environment, also for time limits."""
    model = remembering()
    buffer, policy = rollout(model), policy_of(model)
    plain = DummyVecEnv(env_makers(resolve_task(load_config(None, CONFIG)), 5))  # type: ignore[arg-type]
    plain.seed(model.env.venv._pool.base_seed)  # type: ignore[union-attr]
    observations: Any = plain.reset()
    states, starts = torch.zeros(5, policy.state_size), torch.ones(5, dtype=torch.bool)

    def seen(found: Any, begins: torch.Tensor) -> Seen:
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in found.items()}
        return Seen(tensors, states, begins)

    limits = 0
    with torch.no_grad():
        for step in range(24):
            actions = torch.from_numpy(buffer.actions[step]).flatten()
            values, log_probs, _ = policy.evaluate_all(seen(observations, starts), actions)
            states = policy.step(seen(observations, starts)).states
            observations, rewards, dones, infos = plain.step(actions.numpy())
            if dones.any():
                assert dones.all()
                last = {name: [info["terminal_observation"][name] for info in infos] for name in observations}
                after = policy.predict_values(seen(last, torch.zeros(5, dtype=torch.bool)))
                rewards = rewards + model.gamma * after.numpy().flatten()
                limits += 1
            starts = torch.from_numpy(dones.copy())
            np.testing.assert_allclose(buffer.values[step], values.flatten(), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(buffer.log_probs[step], log_probs, rtol=0, atol=1e-5)
            np.testing.assert_allclose(buffer.rewards[step], rewards, rtol=1e-4, atol=1e-5)
        last_values = policy.predict_values(seen(observations, starts)).flatten()
    plain.close()
    assert limits == 2
    np.testing.assert_allclose(buffer.values_after, last_values, rtol=1e-4, atol=1e-5)


def test_a_minibatch_holds_whole_sequences_each_step_once(remembering: Remembering) -> None:
    model = remembering()
    buffer = model.rollout_buffer
    batches = list(buffer.minibatches(60))
    assert sorted(np.concatenate(batches)) == list(range(24 * 5))
    firsts = []
    for sequence in np.concatenate(batches).reshape(-1, 12):
        steps, envs = np.divmod(sequence, 5)
        assert (np.diff(steps) == 1).all() and len(set(envs)) == 1
        firsts.append((steps[0], envs[0]))
    assert sorted(firsts) == [(step, env) for step in (0, 12) for env in range(5)]
    assert firsts != sorted(firsts)


def test_the_gradient_does_not_depend_on_chunks(remembering: Remembering) -> None:
    """A chunk never cuts a sequence, whatever the number of cores."""
    model = remembering()
    buffer = rollout(model)
    indices = next(buffer.minibatches(60))
    found = []
    for cores, chunk in ((1, 60), (2, 12), (2, 24)):
        model._cores, model._chunk = cores, chunk
        model.gradient(indices, 0.2)
        found.append([p.grad.clone() for p in model.policy.parameters() if p.grad is not None])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5 + 1e-4 * float(one.abs().max()))
    assert len(found[0]) == len(list(model.policy.parameters()))


def test_it_learns_also_with_a_second_value_head_and_normalised_values(remembering: Remembering) -> None:
    model = remembering(
        intrinsic={"kind": "counts", "gamma": 0.9}, normalize_value=True, n_epochs=2, target_kl=1.0
    )
    model.learn(240)
    assert model.num_timesteps == 240
    assert all(parameter.isfinite().all() for parameter in model.policy.parameters())


def test_training_continues_after_a_callback_stopped_it(remembering: Remembering) -> None:
    """The memory belongs to the observation that follows, as after a whole rollout."""
    model = remembering()
    model.learn(10**6, callback=Interfere(7, lambda env: False))
    model.learn(120, reset_num_timesteps=False)
    assert model.num_timesteps == 155
    updates = rollout(model)
    assert np.isfinite(updates.values).all()
    updates_agree(model)


def test_memory_continues_from_a_snapshot(remembering: Remembering) -> None:
    model = remembering()
    rollout(model)
    assert model.memory is not None
    kept = model.memory.snapshot()
    assert kept["states"].any()
    rollout(model)
    assert (model.memory.snapshot()["states"] != kept["states"]).any()
    model.memory.restore(kept)
    assert (model.memory.snapshot()["states"] == kept["states"]).all()
    for damaged in (kept["states"][:3], kept["states"].astype(np.float64), kept["states"] * np.nan, None):
        with pytest.raises(ValueError, match=r"the memory of the policy must be finite float32 \(5, "):
            model.memory.restore({"states": damaged})


LEARNED = {"kind": "learned", "start": 0.99, "low": 0.9, "high": 0.999}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gamma": LEARNED}, "remembers, and gamma can only be learned from single steps"),
        ({"init": {"demonstrations": "demos"}}, "remembers, and demonstrations are learned in single steps"),
        (
            {"n_steps": 25, "batch_size": 25, "sequence": 4},
            "policy.sequence 4: a policy with memory",
        ),
    ],
)
def test_what_needs_single_steps_is_refused_before_a_process_starts(
    sections: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    section = {**sections["gru"], "sequence": changes.get("sequence")}
    others = {key: value for key, value in changes.items() if key != "sequence"}
    with pytest.raises(UserError) as error:
        check_policy(load_config(None, {**CONFIG, "policy": section, **others}), SPACE)
    assert said in str(error.value) and "\n" not in str(error.value)
