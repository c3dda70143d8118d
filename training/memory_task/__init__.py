"""A task that needs memory, on the embedded cartridge: training, evaluation and a table of policies."""
