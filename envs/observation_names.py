"""Names of the parts that an observation can have; ``envs.observation_parts`` describes them.

Imports nothing, so that configs and ``--help`` know the names without NumPy.
"""

PLAIN_OBSERVATIONS = (
    "screen",
    "visited",
    "party",
    "battle",
    "badges",
    "events",
    "facing",
    "recent_actions",
)
"""The former default: ids and amounts as they are in memory, and the visited tiles of one map."""
OBSERVATION_NAMES = (
    *PLAIN_OBSERVATIONS,
    "place",
    "fight",
    "team",
    "bag",
    "progress",
    "visited_nearby",
    "visited_world",
)
"""All names."""
DEFAULT_OBSERVATIONS = (
    "screen",
    "visited_nearby",
    "visited_world",
    "place",
    "fight",
    "team",
    "bag",
    "progress",
    "events",
    "facing",
    "recent_actions",
)
"""What a config that names none observes."""
VISITED_PICTURES = ("visited", "visited_nearby", "visited_world")
"""Pictures of visited tiles."""
WITH_IDS = ("place", "fight", "team")
"""Parts that begin with ids, which the policy embeds."""
ACTION_MASK = "action_mask"
"""The part with the actions that may be chosen, which the section "mask" of a config adds."""
SCREEN_SIZES = {"full": (144, 160), "half": (72, 80), "quarter": (36, 40)}
"""Height and width in pixels of the pictures in "screen"."""
FRAMES, SCREEN_SIZE = 3, "half"
"""Pictures in "screen" and their size, unless a config says otherwise."""
