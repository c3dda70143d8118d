"""The resolved Task, and environments made from it: here, in workers, on a cluster."""
