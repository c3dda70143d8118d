/* What a battle leaves behind: experience, levels, new moves, evolutions, caught creatures. */
#pragma bank 2
#include "battle.h"

#define MAX_LEVEL 100
#define LATE_LEVEL 14        /* from enemies of this level on, who is far above them learns less */
#define GAIN 16
#define MOST_GAIN 20         /* of GAIN parts: nobody has to fight in the same grass for hours */
#define EVEN_GAIN 18         /* for an enemy of the own level; a part more or less for every level between them */
#define LEAST_GAIN 2

static uint32_t exp_get(volatile uint8_t *mon) { return (uint32_t)mon[MON_EXP] << 16 | get16(mon + MON_EXP + 1); }

static void put_mon(volatile uint8_t *mon)
{
    char name[11];
    species_name(mon[MON_SPECIES], name);
    put(name);
}

static void put_move(uint8_t id)
{
    Move m;
    move_get(id, &m);
    put((const char *)m.name);
}

static void set_move(volatile uint8_t *mon, uint8_t slot, uint8_t id)
{
    Move m;
    move_get(id, &m);
    mon[MON_MOVES + slot] = id;
    mon[MON_PP + slot] = m.pp;
    if (mon == own.party) side_reload(&own);
    put_mon(mon);
    put(" learned\n");
    put((const char *)m.name);
    put("!");
    say();
}

/* Which of four moves goes: 0..3, or MENU_CANCEL. */
static uint8_t choose_forgotten(volatile uint8_t *mon)
{
    Move m;
    uint8_t i;
    ui_box(4, 6, 16, 6);
    for (i = 0; i != 4; i++) {
        move_get(mon[MON_MOVES + i], &m);
        ui_text(6, 7 + i, (const char *)m.name);
    }
    ui_dirty();
    return ui_menu(5, 7, 4, 1, 0, 1);
}

static void learn(volatile uint8_t *mon, uint8_t id)
{
    uint8_t i;
    for (i = 0; i != 4; i++) {
        if (mon[MON_MOVES + i] == id) return;
        if (mon[MON_MOVES + i]) continue;
        set_move(mon, i, id);
        return;
    }
    put_mon(mon);
    put(" could\nlearn ");
    put_move(id);
    put(".");
    say();
    put("Forget which move?\n(B: keep all)");
    tell();
    ui_save();
    i = choose_forgotten(mon);
    ui_restore();
    if (i != MENU_CANCEL) set_move(mon, i, id);
}

/* Moves that the creature's species learns at its level. */
static void learn_moves(volatile uint8_t *mon)
{
    Species s;
    uint8_t i, level = mon[MON_LEVEL];
    species_get(mon[MON_SPECIES], &s);
    for (i = 0; i != s.n_learn; i++)
        if (s.learn[2 * i] == level) learn(mon, s.learn[2 * i + 1]);
}

/* Stats anew; what the maximum gained, the creature gains too. */
static void new_stats(volatile uint8_t *mon)
{
    uint16_t before = get16(mon + MON_MAX_HP);
    mon_stats(mon);
    put16(mon + MON_HP, get16(mon + MON_HP) + get16(mon + MON_MAX_HP) - before);
    if (mon == own.party) side_reload(&own);
}

static void level_up(volatile uint8_t *mon, uint8_t i)
{
    new_stats(mon);
    grew |= 1 << i;
    draw_bars();
    put_mon(mon);
    put(" grew to\nlevel ");
    put_number(mon[MON_LEVEL]);
    put("!");
    say();
    learn_moves(mon);
}

/* Experience is paid out level by level, so that it always belongs to the level in the structure. */
static void give_exp(volatile uint8_t *mon, uint8_t i, uint16_t points)
{
    uint32_t have, next;
    put_mon(mon);
    put(" gained\n");
    put_number(points);
    put(" EXP points!");
    say();
    while (points && mon[MON_LEVEL] != MAX_LEVEL) {
        have = exp_get(mon);
        next = (uint32_t)mon[MON_LEVEL] + 1;
        next = next * next * next - have;
        if (points < next) {
            mon_exp_set(mon, have + points);
            return;
        }
        points -= (uint16_t)next;
        mon_exp_set(mon, have + next);
        mon[MON_LEVEL]++;
        level_up(mon, i);
    }
}

static void give_stat_exp(volatile uint8_t *mon, const Species *s, uint8_t shares)
{
    uint8_t n;
    uint16_t have, more;
    for (n = 0; n != 5; n++) {
        have = get16(mon + MON_STAT_EXP + 2 * n);
        more = (&s->hp)[n] / shares;
        put16(mon + MON_STAT_EXP + 2 * n, have > 0xFFFF - more ? 0xFFFF : have + more);
    }
}

/* Whether creature i gets a share: it faced the enemy and can still fight. */
static uint8_t shares_exp(uint8_t i) { return (fought >> i & 1) && get16(wPartyMons + MON_SIZE * i + MON_HP); }

/* What a creature of this level learns from the enemy, of `points`: so that no single one outgrows the world, and who lags behind catches up. */
static uint16_t share_of(uint16_t points, uint8_t level)
{
    uint8_t foe_level = foe.mon[BMON_LEVEL], parts = EVEN_GAIN + foe_level;
    if (foe_level < LATE_LEVEL) return points;
    parts = parts > level + LEAST_GAIN ? parts - level : LEAST_GAIN;
    return points / GAIN * (parts < MOST_GAIN ? parts : MOST_GAIN);
}

/* base * level / 7, shared by those who faced the enemy, half as much again for a trainer's creature. */
void gain_exp(void)
{
    Species s;
    uint8_t i, shares = 0;
    uint16_t points;
    volatile uint8_t *mon = wPartyMons;
    species_get(foe.mon[BMON_SPECIES], &s);
    for (i = 0; i != wPartyCount; i++) shares += shares_exp(i);
    if (!shares) return;
    points = (uint16_t)s.base_exp * foe.mon[BMON_LEVEL] / 7 / shares;
    if (wIsInBattle == 2) points += points / 2;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE) {
        if (!shares_exp(i)) continue;
        give_stat_exp(mon, &s, shares);
        give_exp(mon, i, share_of(points, mon[MON_LEVEL]) + !points);
    }
}

static void evolve(volatile uint8_t *mon, uint8_t i, uint8_t into)
{
    Species s;
    put("Look!\n");
    put_mon(mon);
    put(" changes!");
    say();
    put_mon(mon);
    put(" became\n");
    species_get(into, &s);
    mon[MON_SPECIES] = wPartySpecies[i] = into;
    mon[MON_TYPE1] = s.type1;
    mon[MON_TYPE2] = s.type2;
    new_stats(mon);
    party_rename(i);
    dex_owned(into);
    ui_clear();
    load_picture(into, 0);
    draw_front(7, 3);
    put_mon(mon);
    put("!");
    say();
    learn_moves(mon);
}

void grow_after_battle(void)
{
    Species s;
    uint8_t i;
    volatile uint8_t *mon = wPartyMons;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE) {
        if (!(grew >> i & 1) || !get16(mon + MON_HP)) continue;
        species_get(mon[MON_SPECIES], &s);
        if (s.evolve_level && mon[MON_LEVEL] >= s.evolve_level) evolve(mon, i, s.evolve_species);
    }
}

static uint8_t ball_strength(void)
{
    Item item;
    item_get(battle_item, &item);
    return item.arg;
}

/* First generation: a random byte up to the ball's strength less the bonus of a status must not pass the species' rate, then a second one must not
 * pass max HP * 255 * 4 / (HP * 12). */
static uint8_t caught(void)
{
    Species s;
    uint8_t strength = ball_strength(), roll, status = foe.mon[BMON_STATUS];
    uint8_t bonus = status & STATUS_SLEEP ? 25 : status ? 12 : 0;
    uint32_t n;
    do roll = random8();
    while (roll > strength);
    if (roll < bonus) return 1;
    species_get(foe.mon[BMON_SPECIES], &s);
    if (roll - bonus > s.catch_rate) return 0;
    n = (uint32_t)get16(foe.mon + BMON_MAX_HP) * 85 / get16(foe.mon + BMON_HP);
    return n >= 255 || random8() <= n;
}

void throw_ball(void)
{
    uint8_t n, got = caught();
    bag_remove(battle_item, 1);
    put("You threw a ball!");
    tell();
    hide_foe();
    for (n = 0; n != 3; n++) {
        put("...");
        frames(animations() ? 12 : 2);
    }
    if (!got) {
        draw_foe();
        draw_bars();
        put(" It broke\nfree!");
        tell();
        return;
    }
    put("\n");
    put(foe.name);
    put(" is caught!");
    say();
    side_sync(&foe);
    if (!party_take(foe.party)) {
        box_add(foe.party);
        put("It goes into the\nbox.");
        say();
    }
    over = RESULT_DRAW;
}
