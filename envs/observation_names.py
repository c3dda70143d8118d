"""Names of the parts that an observation can have; ``envs.observation_parts`` describes them.

Imports nothing, so that configs and ``--help`` know the names without NumPy.
"""

OBSERVATION_NAMES = ("screen", "visited", "party", "battle", "badges", "events", "facing", "recent_actions")
