"""PPO: building the model, rollouts, updates, buffers."""
