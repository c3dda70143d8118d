"""Names of the parts that an observation can have; ``envs.observations`` has what they hold.

Imports nothing, so that configs and ``--help`` know the names without numpy.
"""

OBSERVATION_NAMES = ("screen", "visited", "party", "battle", "badges", "events", "facing", "recent_actions")
