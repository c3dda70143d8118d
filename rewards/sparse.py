"""Sparse terms: battles begun, HP taken and lost, battles won and lost.

What keeps them from being farmed:

- A battle begins or ends when that held for two steps; a single step in a battle is a transient, and so is
  a single step out of it unless another enemy stands there after it.
- **Flee and return, or losing on purpose, nets at most 0.** When a battle is fled or lost, its start bonus is
  taken back, and so is what its HP shares have earned above 0; what they have lost stays lost. After that
  nothing is paid in advance: start bonus and HP gains of the next battle are held back until one is won or
  ends with a catch. So a discount cannot turn payment now and refund later into a gain either, but for one
  battle's until one is won. Whatever the coefficients, the same battle pays no more when it is lost than when
  it is fled, and no more then than when it is won.
- Catching a creature ends a battle as well and is no flight: it costs a ball, and the next one has to be
  found.
- **Healing in circles nets 0.** HP shares compare with the lowest mark of the battle: an enemy's HP pays
  when it falls below its own lowest, one whole share per enemy at most, and an own creature's HP costs when
  it falls below the lowest of the battle. Healing, in battle or in a centre, moves no mark and pays
  nothing.
- **Beating weak ones again and again** pays less each time, where ``battle_weak_decay`` (d) is above 0: what
  a wild enemy of at most half the party's highest level is worth (start bonus, HP taken, the win) counts
  (1 - d)^n, with n such enemies beaten or caught before in the episode. All together they are worth less than
  1 / d of them.
- ``battle_win`` and ``battle_loss`` pay once for each battle that was confirmed to begin.
"""

from __future__ import annotations

from operator import gt

from envs.battle_ends import battle_change
from envs.ram import BATTLE_LOST, PARTY_MAX, GameState
from rewards.base import BattleEnd, BattleMemory, EpisodeMemory, Term


def begin(memory: EpisodeMemory, state: GameState) -> None:
    """A battle that goes on when the episode begins is not paid for beginning."""
    if state.battle > 0:
        _open(memory.battle, state, start_share=0.0)


def observe(memory: EpisodeMemory, before: GameState, now: GameState, weak_decay: float = 0.0) -> None:
    """Takes in one step: the battle's beginning or end, and what is due for start and HP."""
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
    """Begins the account of a battle; ``start_share`` of the start bonus can be earned with it."""
    battle.active, battle.pending_end = True, None
    battle.start_share, battle.start_paid, battle.hp_paid = start_share, 0.0, 0.0
    battle.enemy_limit = 1 if state.battle == 1 else PARTY_MAX
    battle.enemy_taken, battle.enemy_low = 0.0, {}
    battle.own_lost, battle.own_low = 0.0, _own_shares(state)
    battle.owned_at_start = _owned(state)
    battle.own_level = max((mon.level for mon in state.party), default=0)
    battle.weak, battle.share = False, 1.0


def _weigh(battle: BattleMemory, now: GameState, weak_decay: float) -> None:
    """How much a wild enemy is worth. Numbers left over from the battle before are corrected as soon as the
    enemy's own are there, since what is due is settled anew on every step."""
    battle.weak = battle.enemy_limit == 1 and 2 * now.enemy_level <= battle.own_level
    battle.share = (1.0 - weak_decay) ** battle.weak_ends if battle.weak else 1.0


def _come_to_an_end(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """The first moment out of battle says how it ended, the second one confirms it."""
    if battle.pending_end is None:
        battle.pending_end, battle.last_enemy = _end_of(battle, before, now), _enemy(before)
    else:
        _close(battle, now)


def _come_back(battle: BattleMemory, now: GameState) -> None:
    """In battle after a moment out of it: the same battle when the same enemy stands there as it did, else
    another.

    A step in tall grass can begin a battle in the very action after one ended.
    """
    if battle.pending_end is None:
        return
    if _enemy(now) == battle.last_enemy and now.enemy_hp > 0:
        battle.pending_end = None
    else:
        _close(battle, now)


def _close(battle: BattleMemory, now: GameState) -> None:
    """The pending end is confirmed: settles the account."""
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
    """What is due now, given what the battle is worth so far and what it has paid; after a flight or a loss
    (``refund``) that is what it has cost."""
    worth = min(battle.enemy_taken, float(battle.enemy_limit)) * battle.share - battle.own_lost
    in_advance = battle.trusted or finished
    start, hp = (
        (battle.start_share * battle.share, worth) if in_advance and not refund else (0.0, min(worth, 0.0))
    )
    battle.start_due, battle.start_paid = start - battle.start_paid, start
    battle.hp_due, battle.hp_paid = hp - battle.hp_paid, hp


def _owned(state: GameState) -> tuple[int, int, int]:
    """A catch raises one of these at least: party, kinds owned, the box that it goes to when the party is
    full."""
    return len(state.party), state.pokedex_owned, state.boxed


def _enemy(state: GameState) -> tuple[int, int, int, int]:
    return state.enemy_species, state.enemy_level, state.enemy_max_hp, state.enemy_hp


def _share(hp: int, max_hp: int) -> float:
    return min(hp / max_hp, 1.0) if max_hp > 0 else 0.0


def _enemy_hp(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """Adds the HP share that the enemy lost below its lowest mark, when both moments show the same enemy.

    A creature is known by species, level and maximum HP. One that is seen again above 0 after it had
    fainted is another of the same kind; there are no more of them than the battle has enemies.
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
        battle.enemy_low[key] = share  # what was read first was left over from the battle before


def _own_shares(state: GameState) -> list[float]:
    return [_share(mon.hp, mon.max_hp) for mon in state.party]


def _own_hp(battle: BattleMemory, before: GameState, now: GameState) -> None:
    """Adds the HP shares that own creatures lost below their lowest marks, slot by slot that both moments
    have."""
    shares = map(max, _own_shares(before), _own_shares(now))
    for slot, share in enumerate(shares):
        if slot >= len(battle.own_low):
            battle.own_low.append(share)
        elif share < battle.own_low[slot]:
            battle.own_lost += battle.own_low[slot] - share
            battle.own_low[slot] = share


def win_share(memory: EpisodeMemory) -> float:
    """How much of a win this step is worth: 0 unless a battle was won."""
    return memory.battle.share if memory.battle.ended == "won" else 0.0


TERMS = (
    Term("battle_start_bonus", "sparse", lambda before, now, memory: memory.battle.start_due),
    Term("battle_hp_delta", "sparse", lambda before, now, memory: memory.battle.hp_due),
    Term("battle_win", "sparse", lambda before, now, memory: win_share(memory)),
    Term("battle_loss", "sparse", lambda before, now, memory: float(memory.battle.ended == "lost")),
)
