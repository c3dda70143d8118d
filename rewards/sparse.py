"""Sparse terms: battles begun, HP taken and lost, battles won and lost.

Protections against farming:

- The beginning or end of a battle counts if it held for two steps. A single step in a battle is a transient,
  as is a single step out of it unless another enemy stands there afterwards.
- **Fleeing and returning, or losing on purpose, nets at most 0.** When a battle is fled or lost, its start
  bonus is taken back, as is what its HP shares earned above 0; losses stay. After that nothing is paid in
  advance: start bonus and HP gains of following battles are withheld until one ends with a win or a catch. So
  discounting cannot turn early payment and late refund into a gain either, except for one battle's. Whatever
  the coefficients, the same battle pays no more when lost than when fled, and no more when fled than when
  won.
- A catch is not a flight: it costs a ball, and the next creature has to be found.
- **Healing in circles nets 0.** HP shares compare with the lowest mark of the battle. An enemy's HP pays
  below its own lowest mark, at most one whole share per enemy, and an own creature's HP costs below its
  lowest mark. Healing, in battle or in a centre, moves no mark and pays nothing.
- **Beating weak enemies repeatedly** pays less each time if ``battle_weak_decay`` (d) is above 0. The value
  of a wild enemy of at most half the party's highest level (start bonus, HP taken, the win) is multiplied by
  (1 - d)^n, with n such enemies beaten or caught before in the episode. Together they are worth less than
  1 / d enemies.
- ``battle_win`` and ``battle_loss`` pay once per confirmed battle.
"""

from __future__ import annotations

from operator import gt

from envs.battle_ends import battle_change
from envs.ram import BATTLE_LOST, PARTY_MAX, GameState
from rewards.base import BattleEnd, BattleMemory, EpisodeMemory, Term


def begin(memory: EpisodeMemory, state: GameState) -> None:
    """Begin an episode. A battle already under way earns no start bonus."""
    if state.battle > 0:
        _open(memory.battle, state, start_share=0.0)


def observe(memory: EpisodeMemory, before: GameState, now: GameState, weak_decay: float = 0.0) -> None:
    """Take in one step: the beginning or end of a battle, and what is due for start and HP."""
    battle = memory.battle
    battle.started, battle.ended, battle.start_due, battle.hp_due = False, None, 0.0, 0.0
    if now.battle > 0 and before.battle > 0:
        _go_on(battle, before, now, weak_decay)
    elif now.battle > 0:
        _come_back(battle, now)
    elif battle.active:
        _come_to_an_end(battle, before, now)


def _go_on(battle: BattleMemory, before: GameState, now: GameState, weak_decay: float) -> None:
    if not battle.active:
        _open(battle, before, start_share=1.0)
        battle.started = True
    _enemy_hp(battle, before, now)
    _own_hp(battle, before, now)
    if weak_decay:
        _weigh(battle, now, weak_decay)
    _settle(battle, finished=False, refund=False)


def _open(battle: BattleMemory, state: GameState, start_share: float) -> None:
    """Open the account of a battle, which can earn ``start_share`` of the start bonus."""
    battle.active, battle.pending_end = True, None
    battle.start_share, battle.start_paid, battle.hp_paid = start_share, 0.0, 0.0
    battle.enemy_limit = 1 if state.battle == 1 else PARTY_MAX
    battle.enemy_taken, battle.enemy_low = 0.0, {}
    battle.own_lost, battle.own_low = 0.0, _own_shares(state)
    battle.owned_at_start = _owned(state)
    battle.own_level = max((mon.level for mon in state.party), default=0)
    battle.weak, battle.share = False, 1.0


def _weigh(battle: BattleMemory, now: GameState, weak_decay: float) -> None:
    """Set the worth of a wild enemy.

    Stale numbers of the previous battle are corrected as soon as the enemy's own appear, since the amount due
    is settled anew on every step.
    """
    battle.weak = battle.enemy_limit == 1 and 2 * now.enemy_level <= battle.own_level
    battle.share = (1.0 - weak_decay) ** battle.weak_ends if battle.weak else 1.0


def _come_to_an_end(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """Record the end at the first moment out of battle, and confirm it at the second."""
    if battle.pending_end is None:
        battle.pending_end, battle.last_enemy = _end_of(battle, before, now), _enemy(before)
    else:
        _close(battle, now)


def _come_back(battle: BattleMemory, now: GameState) -> None:
    """Continue the battle after one moment out of it if the same enemy still stands; otherwise end it.

    A step in tall grass can begin another battle in the very next action.
    """
    if battle.pending_end is None:
        return
    if _enemy(now) == battle.last_enemy and now.enemy_hp > 0:
        battle.pending_end = None
    else:
        _close(battle, now)


def _close(battle: BattleMemory, now: GameState) -> None:
    """Confirm the pending end and settle the account."""
    battle.ended = "lost" if now.battle == BATTLE_LOST else battle.pending_end
    if battle.ended == "escaped" and any(map(gt, _owned(now), battle.owned_at_start)):
        battle.ended = "caught"
    refund = battle.ended in ("escaped", "lost")
    _settle(battle, finished=True, refund=refund)
    battle.trusted = not refund
    battle.weak_ends += battle.weak and not refund
    battle.active, battle.pending_end = False, None


def _end_of(battle: BattleMemory, before: GameState, now: GameState) -> BattleEnd:
    change = battle_change(before, now)
    return change if change in ("won", "lost") else "escaped"


def _settle(battle: BattleMemory, *, finished: bool, refund: bool) -> None:
    """Set the amounts due now: the battle's worth so far minus what it has paid.

    After a flight or a loss (``refund``) the worth is only what the battle has cost.
    """
    worth = min(battle.enemy_taken, float(battle.enemy_limit)) * battle.share - battle.own_lost
    in_advance = battle.trusted or finished
    start, hp = (
        (battle.start_share * battle.share, worth) if in_advance and not refund else (0.0, min(worth, 0.0))
    )
    battle.start_due, battle.start_paid = start - battle.start_paid, start
    battle.hp_due, battle.hp_paid = hp - battle.hp_paid, hp


def _owned(state: GameState) -> tuple[int, int, int]:
    """Return party size, kinds owned and creatures in the box: a catch raises at least one of them."""
    return len(state.party), state.pokedex_owned, state.boxed


def _enemy(state: GameState) -> tuple[int, int, int, int]:
    return state.enemy_species, state.enemy_level, state.enemy_max_hp, state.enemy_hp


def _share(hp: int, max_hp: int) -> float:
    return min(hp / max_hp, 1.0) if max_hp > 0 else 0.0


def _enemy_hp(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """Add the HP share that the enemy lost below its lowest mark, if both moments show the same enemy.

    Species, level and maximum HP identify an enemy. One that has HP again after it fainted is another of the
    same kind; the number of enemies in the battle limits them.
    """
    key = (now.enemy_species, now.enemy_level, now.enemy_max_hp)
    if key != (before.enemy_species, before.enemy_level, before.enemy_max_hp) or now.enemy_max_hp == 0:
        return
    share = max(_share(before.enemy_hp, now.enemy_max_hp), _share(now.enemy_hp, now.enemy_max_hp))
    low = battle.enemy_low.get(key)
    if low is None or low == 0.0:
        if min(before.enemy_hp, now.enemy_hp) > 0 and len(battle.enemy_low) < 2 * PARTY_MAX:
            battle.enemy_low[key] = share
    elif share < low:
        battle.enemy_taken += low - share
        battle.enemy_low[key] = share
    elif share > low and battle.enemy_taken == 0:
        battle.enemy_low[key] = share  # the first value was left over from the previous battle


def _own_shares(state: GameState) -> list[float]:
    return [_share(mon.hp, mon.max_hp) for mon in state.party]


def _own_hp(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """Add the HP shares that own creatures lost below their lowest marks, in slots filled in both moments."""
    shares = map(max, _own_shares(before), _own_shares(now))
    for slot, share in enumerate(shares):
        if slot >= len(battle.own_low):
            battle.own_low.append(share)
        elif share < battle.own_low[slot]:
            battle.own_lost += battle.own_low[slot] - share
            battle.own_low[slot] = share


def win_share(memory: EpisodeMemory) -> float:
    """Return the share of a win that this step is worth; 0 unless a battle was won."""
    return memory.battle.share if memory.battle.ended == "won" else 0.0


TERMS = (
    Term("battle_start_bonus", "sparse", lambda before, now, memory: memory.battle.start_due),
    Term("battle_hp_delta", "sparse", lambda before, now, memory: memory.battle.hp_due),
    Term("battle_win", "sparse", lambda before, now, memory: win_share(memory)),
    Term("battle_loss", "sparse", lambda before, now, memory: float(memory.battle.ended == "lost")),
)
