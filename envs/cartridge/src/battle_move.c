/* Choosing a move and what it does: accuracy, damage, side effects. Formulas of the genre's first generation. */
#pragma bank 2
#include "battle.h"

#define DAMAGE_CAP 997
#define FIRST_SPECIAL_TYPE 0x14

static uint8_t crit;      /* the hit just made was critical */
static uint8_t factor;    /* its type factor in quarters */

void move_load(Side *side, uint8_t slot)
{
    side->slot = slot;
    move_get(slot == NO_SLOT ? MOVE_LAST_GASP : side->mon[BMON_MOVES + slot], &side->move);
}

uint8_t has_pp(const Side *side)
{
    uint8_t i;
    for (i = 0; i != 4; i++)
        if (side->mon[BMON_MOVES + i] && (side->mon[BMON_PP + i] & 63)) return 1;
    return 0;
}

/* How well the enemy thinks its loaded move would work: the power it would have, or a little for one without. */
static uint8_t rating(void)
{
    uint16_t power = foe.move.power;
    if (!power) return own.mon[BMON_STATUS] || foe.move.effect >= EFFECT_STATS ? 15 : 30;
    power = power * type_factor(foe.move.type, &own) / 4;
    return power > 255 ? 255 : (uint8_t)power;
}

/* The best of the moves that have points left. */
static uint8_t best_slot(void)
{
    uint8_t i, rate, best = 0, slot = 0;
    for (i = 0; i != 4; i++) {
        if (!foe.mon[BMON_MOVES + i] || !foe.mon[BMON_PP + i]) continue;
        move_load(&foe, i);
        rate = rating();
        if (rate >= best) {
            best = rate;
            slot = i;
        }
    }
    return slot;
}

void foe_choose(uint8_t ai)
{
    uint8_t slot;
    if (!has_pp(&foe)) {
        move_load(&foe, NO_SLOT);
        return;
    }
    do slot = random8() & 3;
    while (!foe.mon[BMON_MOVES + slot] || !foe.mon[BMON_PP + slot]);
    if (ai && random8() < 192) slot = best_slot();
    move_load(&foe, slot);
}

static uint8_t hits(const Side *user)
{
    uint16_t n = (uint16_t)user->move.accuracy;
    uint8_t stage = user->stage[STAGE_ACCURACY];
    if (stage < STAGE_NEUTRAL) n = n * 3 / (3 + STAGE_NEUTRAL - stage);
    else n = n * (3 + stage - STAGE_NEUTRAL) / 3;
    return n > 254 || random8() < n;
}

static uint8_t is_critical(const Side *user)
{
    uint16_t chance = user->crit;
    if (user->move.effect == EFFECT_HIGH_CRIT) chance *= 8;
    return random8() < (chance > 255 ? 255 : chance);
}

/* (2L/5 + 2) * power * A / D / 50 + 2, half as much again for the user's own type, type chart, 217..255 of 255.
 * A critical hit doubles the level and takes the stats without stages. */
static uint16_t damage(const Side *user, const Side *target)
{
    uint8_t special = user->move.type >= FIRST_SPECIAL_TYPE;
    uint8_t a = special ? BMON_SPECIAL : BMON_ATTACK, d = special ? BMON_SPECIAL : BMON_DEFENSE;
    uint16_t attack, defense, level = user->mon[BMON_LEVEL];
    uint32_t n;
    crit = is_critical(user);
    if (crit) {
        level *= 2;
        attack = get16(user->mon + a);
        defense = get16(target->mon + d);
    } else {
        attack = side_stat(user, a, special ? STAGE_SPECIAL : STAGE_ATTACK);
        defense = side_stat(target, d, special ? STAGE_SPECIAL : STAGE_DEFENSE);
    }
    n = (uint32_t)(2 * level / 5 + 2) * user->move.power * attack / defense / 50;
    if (n > DAMAGE_CAP) n = DAMAGE_CAP;
    n += 2;
    if (user->move.type == user->mon[BMON_TYPE1] || user->move.type == user->mon[BMON_TYPE2]) n += n / 2;
    factor = type_factor(user->move.type, target);
    n = n * factor / 4;
    if (n > 1) n = n * (217 + random_below(39)) / 255;
    return n || !factor ? (uint16_t)n : 1;
}

static uint16_t take(Side *side, uint16_t n)
{
    uint16_t hp = get16(side->mon + BMON_HP);
    if (n > hp) n = hp;
    hp_change(side, hp - n);
    return n;
}

static void give_back(Side *side, uint16_t n)
{
    uint16_t hp = get16(side->mon + BMON_HP), max = get16(side->mon + BMON_MAX_HP);
    hp_change(side, max - hp < n ? max : hp + n);
}

static void nothing_happened(const Side *user)
{
    if (user->move.power) return;    /* a side effect fails silently */
    put("But nothing\nhappened.");
    tell();
}

static void change_stage(Side *side, const Side *user, uint8_t stat, uint8_t up, uint8_t by)
{
    static const char *const names[] = { "attack", "defense", "speed", "special", "aim" };
    uint8_t stage = side->stage[stat], limit = up ? 2 * STAGE_NEUTRAL : 0;
    if (stage == limit) {
        nothing_happened(user);
        return;
    }
    if (up) stage = limit - stage < by ? limit : stage + by;
    else stage = stage < by ? 0 : stage - by;
    side->stage[stat] = stage;
    put_name(side);
    put("'s\n");
    put(names[stat]);
    put(up ? " rose" : " fell");
    put(by == 1 ? "!" : up ? " high!" : " far!");
    tell();
}

static void give_status(Side *target, const Side *user)
{
    static const uint8_t bits[] = { STATUS_POISON, 0, STATUS_PARALYZED, STATUS_BURN };
    static const char *const words[] = { "was poisoned!", "fell asleep!", "is paralyzed!", "was burned!" };
    uint8_t kind = user->move.effect - EFFECT_POISON, type = user->move.type;
    if (target->mon[BMON_STATUS] || !type_factor(type, target) || !get16(target->mon + BMON_HP)
        || (kind != 1 && (target->mon[BMON_TYPE1] == type || target->mon[BMON_TYPE2] == type))) {
        nothing_happened(user);
        return;
    }
    target->mon[BMON_STATUS] = kind == 1 ? 2 + random_below(4) : bits[kind];
    side_sync(target);
    draw_bars();
    put_name(target);
    put("\n");
    put(words[kind]);
    tell();
}

static void mend(Side *user)
{
    uint16_t max = get16(user->mon + BMON_MAX_HP);
    if (get16(user->mon + BMON_HP) == max) {
        nothing_happened(user);
        return;
    }
    give_back(user, max / 2);
    put_name(user);
    put("\nfeels better.");
    tell();
}

/* What a move does besides damage; `dealt` is the damage it did. */
static void effect(Side *user, Side *target, uint16_t dealt)
{
    uint8_t n = user->move.effect, stat, kind;
    if (n == EFFECT_DRAIN) give_back(user, dealt / 2 + 1);
    else if (n == EFFECT_RECOIL) take(user, dealt / 4 + 1);
    else if (n == EFFECT_NONE) nothing_happened(user);
    else if (n == EFFECT_MEND) {
        mend(user);
        return;
    }
    if (n < EFFECT_POISON || !get16(target->mon + BMON_HP)) return;
    if (user->move.power && random8() >= user->move.chance) return;
    if (n < EFFECT_STATS) {
        give_status(target, user);
        return;
    }
    stat = (n - EFFECT_STATS) % STAGES;
    kind = (n - EFFECT_STATS) / STAGES;
    change_stage(kind & 1 ? user : target, user, stat, kind & 1, kind < 2 ? 1 : 2);
}

static void hit(Side *user, Side *target)
{
    uint16_t dealt = 0;
    if (user->move.power) {
        dealt = damage(user, target);
        blink(target);
        dealt = take(target, dealt);
        if (crit) put("A telling blow!\n");
        if (factor > 4) put("It hits hard!");
        else if (factor < 4) put("It hardly works.");
        if (crit || factor != 4) tell();
    }
    effect(user, target, dealt);
}

/* Sleep and paralysis; 0 when the turn is lost. */
static uint8_t may_move(Side *user)
{
    uint8_t status = user->mon[BMON_STATUS];
    if (status & STATUS_SLEEP) {
        user->mon[BMON_STATUS] = --status;
        side_sync(user);
        put_name(user);
        put(status & STATUS_SLEEP ? "\nis fast asleep." : "\nwoke up!");
        draw_bars();
        tell();
        return !(status & STATUS_SLEEP);
    }
    if (!(status & STATUS_PARALYZED) || random8() >= 64) return 1;
    put_name(user);
    put("\ncannot move!");
    tell();
    return 0;
}

void attack(Side *user, Side *target)
{
    if (!may_move(user)) return;
    if (user->slot != NO_SLOT) {
        user->mon[BMON_PP + user->slot]--;
        side_sync(user);
    }
    put_name(user);
    put("\nused ");
    put((const char *)user->move.name);
    put("!");
    tell();
    if (hits(user)) {
        hit(user, target);
        return;
    }
    put("It missed!");
    tell();
}

void residual(Side *side)
{
    uint8_t status = side->mon[BMON_STATUS] & (STATUS_POISON | STATUS_BURN);
    if (!status || !get16(side->mon + BMON_HP)) return;
    put_name(side);
    put(status & STATUS_POISON ? "\nsuffers poison." : "\nsuffers its burn.");
    tell();
    take(side, get16(side->mon + BMON_MAX_HP) / 16 + 1);
}
