"""Networks of the user's: every mistake is one line that names the class."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from envs.errors import UserError
from tests.training.policies.recurrent import SPACE, made, page_example, random_seen
from training.policies.own_network import own_network

PLAIN = """
import torch
from training.policies.interface import Features, Network

class Plain(Network):
    def __init__(self, observation_space, scale=1.0):
        super().__init__(observation_space, 4)
        self.scale = torch.nn.Parameter(torch.tensor(scale))

    def forward(self, seen):
        features = seen.observations["place"].flatten(1)[:, :4] / 255 * self.scale
        return Features(features, features, seen.states)
"""


def test_a_network_without_memory_sees_single_steps(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLAIN)
    policy = made({"kind": f"{tmp_path / 'mine.py'}:Plain", "settings": {"scale": 2.0}})
    assert policy.state_size == 0
    assert policy.network.scale.item() == 2
    observations = random_seen(policy, 5, 1).observations
    actions, values, log_probs = policy(observations)
    again, found, _ = policy.evaluate_all(observations, actions)
    assert torch.equal(again, values) and torch.equal(found, log_probs)
    chosen, state = policy.predict({name: tensor.numpy() for name, tensor in observations.items()})
    assert chosen.shape == (5,) and state is None


def test_the_example_of_the_page_is_short_and_accepted(tmp_path: Path) -> None:
    path = page_example(tmp_path)
    assert len(path.read_text().splitlines()) <= 32
    before = torch.get_rng_state()
    assert own_network(f"{path}:Gru", {"width": 5}, SPACE).state_size == 5
    assert torch.equal(torch.get_rng_state(), before), "a trial draws no random numbers of the run's"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class Plain", "class Fancy", "there is no Plain in"),
        ("class Plain(Network)", "class Plain(torch.nn.Module)", "Plain() raised TypeError"),
        (", scale=1.0", ", scale", "Plain() raised TypeError"),
        ("        self.scale", "        self.state_size = -1\n        self.scale", "state_size is -1: it"),
        ("return Features(features, features, seen.states)", "return features",
         "forward() gave a Tensor: it must give Features(actor, critic, states)"),
        ("[:, :4]", "", "actor of forward() is torch.float32 (3, "),
        ("features, seen.states)", "features.double(), seen.states)",
         "critic of forward() is torch.float64 (3, 4): it must be torch.float32 (3, 4)"),
        ("seen.states)", "None)", "states of forward() is a NoneType: it must be torch.float32 (3, 0)"),
        ('"place"', '"palace"', "forward() raised KeyError: 'palace' (mine.py, line 11)"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "mine.py"
    assert old in PLAIN
    path.write_text(PLAIN.replace(old, new))
    with pytest.raises(UserError) as error:
        own_network(f"{path}:Plain", {}, SPACE)
    assert str(error.value).startswith(f"policy {path}:Plain: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_another_class_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Other:\n    def __init__(self, observation_space): pass\n")
    with pytest.raises(UserError, match=r"must be a subclass of training\.policies\.interface\.Network"):
        own_network(f"{tmp_path / 'mine.py'}:Other", {}, SPACE)
