"""Networks, and how rollouts choose actions with them."""
