"""The LSTM: encoders of an observation, and cores that remember. Exported zips carry this package along, so
it must not import the rest of the project."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

from training.policies.features import GameFeatures
from training.policies.interface import Features, Network, Seen

KINDS = 2
"""An LSTM keeps two vectors for each layer: its output and its cell."""


class LstmNetwork(Network):
    """GameFeatures, and on top of them ``layers`` of LSTM with ``width`` units (Hochreiter and Schmidhuber
    1997, Long short-term memory).

    ``separate`` gives actor and critic cores of their own; ``separate_encoders`` gives them encoders of their
    own too, which needs that. ``forget_bias`` is added to the first biases of the forget gates; see
    ``remember_longer``. ``encoders`` are the settings of GameFeatures. Raises ValueError for encoders that
    one core cannot take.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        layers: int,
        width: int,
        separate: bool = False,
        separate_encoders: bool = False,
        forget_bias: float = 0.0,
        **encoders: Any,
    ) -> None:
        super().__init__(observation_space, width)
        if separate_encoders and not separate:
            raise ValueError("one core cannot take the features of two encoders")
        self.encoders = nn.ModuleList(
            GameFeatures(observation_space, **encoders) for _ in range(1 + separate_encoders)
        )
        found = [encoder.features_dim for encoder in self.encoders]
        self.cores = nn.ModuleList(nn.LSTM(found[0], width, layers) for _ in range(1 + separate))
        for core in self.cores:
            assert isinstance(core, nn.LSTM)
            remember_longer(core, forget_bias)
        self.state_shape = len(self.cores), KINDS, layers, width
        self.state_size = len(self.cores) * KINDS * layers * width

    def forward(self, seen: Seen) -> Features:
        """See Network."""
        features = [encode(seen.observations) for encode in self.encoders]
        before = seen.states.view(-1, *self.state_shape)
        with torch.autocast(features[0].device.type, enabled=False):  # the sums over time stay exact
            results = [
                run_core(core, features[min(number, len(features) - 1)].float(), seen, before[:, number])
                for number, core in enumerate(self.cores)
            ]
        after = torch.stack([states for _, states in results], dim=1)
        return Features(results[0][0], results[-1][0], after.flatten(1))


@torch.no_grad()
def remember_longer(core: nn.LSTM, bias: float) -> None:
    """Add ``bias`` to the biases of the forget gates of every layer.

    A new LSTM forgets about half of its cell in each step, so that after ten steps hardly a gradient is left
    to learn from. With 1 it keeps about 0.73, with 2 about 0.88 (Gers, Schmidhuber and Cummins 2000, Learning
    to forget; Jozefowicz, Zaremba and Sutskever 2015, An empirical exploration of recurrent networks).
    """
    for layer in range(core.num_layers):
        gates = getattr(core, f"bias_ih_l{layer}")  # input, forget, cell, output: torch's order
        gates[core.hidden_size : 2 * core.hidden_size] += bias


def run_core(
    core: nn.Module, features: torch.Tensor, seen: Seen, states: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run an LSTM over sequences in one call.

    Takes features (steps, inputs) and states (sequences, 2, layers, width). Returns outputs (steps, width)
    and the states after the last steps. Where an episode begins inside of a sequence, the sequence is cut, so
    that the parts run side by side, each from its own state.
    """
    begins = seen.starts.view(len(states), seen.length)
    first = states * ~begins[:, :1, None, None]
    if not begins[:, 1:].any():
        inputs = features.view(*begins.shape, -1).transpose(0, 1)
        found, last = core(inputs, _as_pair(first))
        return found.transpose(0, 1).flatten(0, 1), torch.stack(last).permute(2, 0, 1, 3)
    return _run_parts(core, features, begins, first)


def _as_pair(states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """States (n, 2, layers, width) as the two arguments of an LSTM, (layers, n, width) each."""
    outputs, cells = states.permute(1, 2, 0, 3).contiguous()
    return outputs, cells


def _run_parts(
    core: nn.Module, features: torch.Tensor, begins: torch.Tensor, first: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run an LSTM over the parts of sequences: they begin at first steps and at ``begins``."""
    sequences, length = begins.shape
    cuts = begins.clone()
    cuts[:, 0] = True
    at = cuts.flatten().nonzero().flatten()
    ends = torch.cat([at[1:], at.new_tensor([sequences * length])])
    lengths = (ends - at).tolist()
    of_a_sequence = at % length == 0
    states = first.new_zeros(len(at), *first.shape[1:])
    states[of_a_sequence] = first
    packed = pack_sequence(list(torch.split(features, lengths)), enforce_sorted=False)
    found, last = core(packed, _as_pair(states))
    assert isinstance(found, PackedSequence)
    padded, _ = pad_packed_sequence(found, batch_first=True)
    filled = torch.arange(padded.shape[1], device=at.device) < (ends - at).unsqueeze(1)
    return padded[filled], torch.stack(last).permute(2, 0, 1, 3)[ends % length == 0]
