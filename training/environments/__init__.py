"""The resolved Task, and environments made from it: in this process, in workers, on a cluster."""
