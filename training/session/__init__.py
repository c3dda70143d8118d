"""A training session: flags, plan, callbacks, checkpoints, resuming."""
