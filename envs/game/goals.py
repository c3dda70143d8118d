"""Goals that end an episode as a success: a milestone of the game, or any one of several."""

from __future__ import annotations

from envs.errors import UserError, known
from envs.game.catalog import Game, Milestone
from envs.game.milestones import BADGE_NAMES

HEALING_CENTRE = "healing centre"
ANY_BADGE = "any badge"
# Maps with a nurse (ids: the public disassembly's map constants); 174 is the lobby before the last four.
CENTRES = (41, 58, 64, 68, 81, 89, 133, 141, 154, 171, 174, 182)
GOALS: dict[str, tuple[Milestone, ...]] = {
    HEALING_CENTRE: tuple(Milestone(HEALING_CENTRE, "map", number) for number in CENTRES),
    ANY_BADGE: tuple(Milestone(ANY_BADGE, "badge", number) for number in range(len(BADGE_NAMES))),
}
"""Goals besides the milestones: reached with any of these that did not hold when the episode began."""


def goal_of(game: Game, name: str | None) -> tuple[Milestone, ...]:
    """Return the milestones any of which makes an episode a success; empty without a goal.

    Raises UserError when ``name`` is neither a milestone of ``game`` nor one of GOALS.
    """
    if name is None:
        return ()
    found = GOALS.get(name) or tuple(m for m in game.milestones if m.name == name)
    if not found:
        names = [*GOALS, *(milestone.name for milestone in game.milestones)]
        raise UserError(f'goal "{name}" is not a milestone; {known(name, names)}')
    return found
