"""Names of the parts of an observation, which ``envs.observations`` defines.

Imports nothing, so that configs and ``--help`` need not import numpy.
"""

OBSERVATION_NAMES = ("screen", "visited", "party", "battle", "badges", "events", "facing", "recent_actions")
