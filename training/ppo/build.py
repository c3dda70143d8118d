"""Building the PPO model of a config: device, seeds and network."""

from __future__ import annotations

import os

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from envs.errors import UserError
from training.config.schedules import curve
from training.config.schema import MAX_SEED, TrainConfig
from training.config.sections.intrinsic import ReverseConfig
from training.config.sections.intrinsic_base import IntrinsicConfig
from training.config.sections.policy import SequenceConfig
from training.environments.monitor import ClusterMonitor
from training.learned_rewards.interface import RewardModel, Setting
from training.learned_rewards.registry import make_reward_model
from training.policies.network_policy import NetworkPolicy
from training.policies.registry import check_memory, policy_class
from training.ppo.async_ppo import AsyncPPO
from training.ppo.imitation import Imitation
from training.ppo.intrinsic_rewards import IntrinsicRewards, Weights
from training.ppo.learned_discounts import learned_discounts
from training.ppo.memory import Memory
from training.ppo.normalization import require_inputs
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.reverse_model import ReverseModel
from training.ppo.reverse_reward import ReverseReward
from training.ppo.reward_shaping import RewardShaping


def resolve_device(name: str) -> torch.device:
    """Return the device ``name`` (auto, cpu, cuda, cuda:N). Raises UserError if this machine has none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name}: this machine has no CUDA device that torch can use; use cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device {name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    return device


def make_deterministic() -> None:
    """Make torch refuse operations whose results may differ between runs."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)


def environment_seed(seed: int, steps: int) -> int:
    """Seed of the first environment when run ``seed`` starts at ``steps``; the others count up from it.

    A resumed run does not repeat the episodes of its beginning, and runs of neighbouring seeds share none.
    Evaluation uses seeds above MAX_SEED.
    """
    return int(np.random.SeedSequence([seed, steps]).generate_state(1)[0]) % (MAX_SEED - 4096)


def build_model(config: TrainConfig, env: VecEnv, learns: bool = True) -> PipelinedPPO:
    """Build a new PPO for ``env``, with every random generator seeded from the config.

    Learning requires a GroupVecMonitor (see ``make_vec_env``); acting works in any ``env``. Without
    ``learns`` the config's learned reward, reverse model and imitation and the memory of rollouts are left
    out, which acting does not need. Raises UserError for a device, a learned reward or a policy that is not
    available, for settings that exclude memory, and if there is no input to normalise.
    """
    device = resolve_device(config.device)
    if config.torch_deterministic:
        make_deterministic()
    set_random_seed(config.seed, using_cuda=device.type == "cuda")
    first = {name: value(0) for name, value in config.schedules().items()}
    assert isinstance(env.observation_space, spaces.Dict)
    policy = policy_class(config, env.observation_space)
    kind = AsyncPPO if isinstance(env, ClusterMonitor) else PipelinedPPO
    model = kind(
        policy.kind,
        env,
        learning_rate=first["learning_rate"],
        n_steps=config.n_steps,
        batch_size=config.batch_size,
        n_epochs=config.n_epochs,
        gamma=first["gamma"],
        gae_lambda=first["gae_lambda"],
        clip_range=first["clip_range"],
        clip_range_vf=first.get("clip_range_vf"),
        target_kl=config.target_kl,
        normalize_advantage=config.normalize_advantage,
        ent_coef=first["ent_coef"],
        vf_coef=config.vf_coef,
        max_grad_norm=config.max_grad_norm,
        bfloat16=config.bfloat16,
        policy_kwargs=policy.settings,
        device=device,
    )
    _add_controls(model, config)
    if learns and isinstance(model.policy, NetworkPolicy) and model.policy.state_size:
        _add_memory(model, model.policy, config)
    if learns and config.imitates and config.init is not None:
        model.imitation = Imitation(config.init.batch_size, config.seed)
    if learns and config.reverse_model is not None:
        model.reverse_model = ReverseModel(model.policy, config, config.reverse_model)
    if learns and config.intrinsic is not None:
        _add_learned_reward(model, config, config.intrinsic)
    env.seed(environment_seed(config.seed, 0))
    return model


def _add_controls(model: PipelinedPPO, config: TrainConfig) -> None:
    """Set what stable-baselines3's PPO has no argument for."""
    model.truncate_grads = config.truncate_grads
    model.adaptive_rate = config.adaptive_rate()
    model.learned_discounts = learned_discounts(config)
    model.value_bootstrap = config.value_bootstrap
    model.shape_rewards = RewardShaping(config.reward_scale, config.reward_shift, config.clip_reward)
    if config.normalize_input:
        require_inputs(model.policy)
    if isinstance(model, AsyncPPO):
        model.sampling_seed = config.seed
        model.late_factor = None if config.torch_deterministic else config.ray.late_factor


def _add_memory(model: PipelinedPPO, policy: NetworkPolicy, config: TrainConfig) -> None:
    """Let rollouts remember and updates learn from sequences. Raises UserError for what excludes memory."""
    check_memory(config)
    assert isinstance(config.policy, SequenceConfig)
    model.memory = Memory(policy, model.n_envs)
    length = config.policy.sequence_steps(config.n_steps, config.batch_size)
    model.learn_from_sequences(length, policy.state_size, config.policy.window)


def _add_learned_reward(model: PipelinedPPO, config: TrainConfig, section: IntrinsicConfig) -> None:
    assert isinstance(model.observation_space, spaces.Dict)
    reward: RewardModel
    if model.reverse_model is not None and isinstance(section, ReverseConfig):
        reward = ReverseReward(model.reverse_model, model)
    else:
        reward = make_reward_model(section, Setting(model.observation_space, model.n_envs, config.seed))
    steps = config.training_steps
    weights = Weights(curve(section.learned_weight, steps), curve(section.game_weight, steps))
    model.intrinsic = IntrinsicRewards(reward, section, weights, model.rollout_buffer)
    model.learns_intrinsic_values = section.has_value_head
