"""GPT-2 over the last steps: encoders of an observation, and a transformer that reads a window of them.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from torch import nn

from training.policies.features import GameFeatures
from training.policies.interface import Features, Network, Seen


class Gpt2Network(Network):
    """GameFeatures of each step as a frame of ``d_model`` numbers, and GPT-2 (Radford et al. 2019, Language
    models are unsupervised multitask learners) over the last ``max_input_states`` frames of the episode.

    The features of a step are GPT-2's output for the newest frame. Nothing before the window has an effect,
    however many layers there are. What is remembered is the frames before the newest, each once, with a flag
    that says whether it is there. The newest frame is always at the last position, so a position says how
    many steps ago a frame was. ``encoders`` are the settings of GameFeatures. Raises ImportError without
    transformers.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        max_input_states: int,
        d_model: int,
        num_layers: int,
        num_heads: int,
        **encoders: Any,
    ) -> None:
        super().__init__(observation_space, d_model)
        self.window = max_input_states
        self.state_shape = max_input_states - 1, 1 + d_model
        self.state_size = (max_input_states - 1) * (1 + d_model)
        self.encoder = GameFeatures(observation_space, **encoders)
        self.frame = nn.Linear(self.encoder.features_dim, d_model)
        self.transformer = gpt2(max_input_states, d_model, num_layers, num_heads)

    def forward(self, seen: Seen) -> Features:
        """See Network. Every step of the sequences is encoded once, and read in its own window."""
        before = seen.states.view(-1, *self.state_shape)
        steps = self.frame(self.encoder(seen.observations)).float().unflatten(0, (-1, seen.length))
        frames = torch.cat([before[:, :, 1:], steps], dim=1)
        visible = self._visible(before[:, :, 0] != 0, seen)
        windows = frames.unfold(1, self.window, 1).transpose(2, 3)  # (sequences, length, window, d_model)
        found = self._read(windows.flatten(0, 1), visible.flatten(0, 1))
        kept = visible[:, -1, 1:, None].float()
        states = torch.cat([kept, frames[:, seen.length :] * kept], dim=2)
        return Features(found, found, states.flatten(1))

    def _visible(self, there: torch.Tensor, seen: Seen) -> torch.Tensor:
        """Which frames of each step's window belong to its episode, bool (sequences, length, window).

        ``there``: which frames are remembered, bool (sequences, window - 1).
        """
        starts = seen.starts.view(len(seen.states), seen.length)
        step = torch.arange(seen.length, device=starts.device)
        first = torch.where(starts, step + self.window - 1, 0).cummax(dim=1).values  # of the episode's frames
        place = step[:, None] + torch.arange(self.window, device=starts.device)
        held = torch.cat([there, torch.ones_like(starts)], dim=1)
        return held[:, place] & (place >= first[:, :, None])

    def _read(self, windows: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Windows (n, window, d_model) to GPT-2's output for their last frames, (n, d_model).

        Frames that are not ``visible``, (n, window), are read by none but themselves, so that every row of
        the attention has something to read.
        """
        before = torch.ones(self.window, self.window, dtype=torch.bool, device=windows.device).tril()
        itself = torch.eye(self.window, dtype=torch.bool, device=windows.device)
        readable = (visible[:, None, :] & before) | itself
        mask = torch.zeros(readable.shape, device=windows.device).masked_fill(~readable, -torch.inf)
        found = self.transformer(inputs_embeds=windows, attention_mask=mask[:, None])
        return found.last_hidden_state[:, -1].float()  # type: ignore[no-any-return]


def gpt2(positions: int, width: int, layers: int, heads: int) -> nn.Module:
    """Make GPT-2 with random weights from torch's generator, and without embeddings of tokens.

    Its attention is computed by plain matrix products, which are deterministic on every device. Raises
    ImportError without transformers.
    """
    from transformers import GPT2Config, GPT2Model  # it takes seconds, so only where it is needed

    settings = GPT2Config(
        vocab_size=1,  # frames take the place of tokens
        bos_token_id=None,
        eos_token_id=None,
        n_positions=positions,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        activation_function="gelu_pytorch_tanh",  # the same function in one operation, with less memory
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        attn_implementation="eager",
    )
    model = GPT2Model(settings)
    del model.wte
    return model  # type: ignore[no-any-return]
