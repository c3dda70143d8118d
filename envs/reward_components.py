"""Names of the components in which a reward is reported, from the terms to the curves.

Imports nothing, so that environments, rewards, callbacks and pages can all use it.
"""

from typing import Literal, get_args

Component = Literal["exploration", "battle", "milestone", "penalty"]
COMPONENTS: tuple[Component, ...] = get_args(Component)
"""Their order in ``info["reward_components"]``, in shared memory and in a RewardBreakdown."""
