"""Settings that contradict the kind of the policy, or that a memory excludes, which are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.config.discounts import Learned
from training.config.sections.policy import Gpt2Config, LstmConfig, SequenceConfig

if TYPE_CHECKING:
    from training.config.schema import TrainConfig


def refused_with_memory(config: TrainConfig) -> Iterator[str]:
    """Yield a line for every setting of ``config``, whose policy has a memory, that does not work with it."""
    section = config.policy
    assert isinstance(section, SequenceConfig)
    kind = f"policy {section.kind} remembers, and"
    if config.init is not None:
        yield f"{kind} demonstrations are learned in single steps: leave out init"
    for name in ("gamma", "gae_lambda"):
        if isinstance(getattr(config, name), Learned):
            yield f"{kind} {name} can only be learned from single steps: set a number or a schedule"
    try:
        section.sequence_steps(config.n_steps, config.batch_size)
    except ValueError as error:
        yield str(error)


def misfits_of_policy(config: TrainConfig) -> Iterator[str]:
    """Yield a line for every setting that contradicts the kind of the policy.

    Whether a class of the user's remembers is not known before it is loaded.
    """
    section, network = config.policy, config.network
    if section is not None and section.cnn == "tiles" and network.cnn != "tiles":
        yield f"policy tiles contradicts network.cnn {network.cnn}: leave one of them out"
    if isinstance(section, LstmConfig) and network.separate and not section.separate:
        yield "network.separate needs policy.separate: one LSTM takes the features of one encoder"
    if isinstance(section, Gpt2Config) and network.separate:
        yield "network.separate contradicts policy gpt2: one transformer takes the features of one encoder"
    if isinstance(section, LstmConfig | Gpt2Config):
        yield from refused_with_memory(config)
