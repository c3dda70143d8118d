/* Species, moves and items as structures; growth; the party. Formulas are those of the genre's first generation. */
#pragma bank 3
#include "game.h"

/* The blob whose first byte is the id; an unknown id gives the last one. */
static void table_get(const Far *table, uint8_t n, uint8_t id, void *to, uint8_t size)
{
    uint8_t i;
    for (i = 0; i != n - 1; i++, table++)
        if (far_byte(table->bank, table->at) == id) break;
    far_copy(to, table->bank, table->at, size);
}

void species_get(uint8_t species, Species *to) BANKED { table_get(far_species, n_species, species, to, sizeof(Species)); }
void move_get(uint8_t move, Move *to) BANKED { table_get(far_moves, n_moves, move, to, sizeof(Move)); }
void item_get(uint8_t item, Item *to) BANKED { table_get(far_items, n_items, item, to, sizeof(Item)); }

void species_name(uint8_t species, char *to) BANKED
{
    Species s;
    species_get(species, &s);
    memory_move(to, s.name, sizeof(s.name));
}

/* Rounded-up square root, as the stat experience formula wants it. */
static uint8_t root(uint16_t n)
{
    uint8_t r = 0;
    uint16_t square = 0;
    while (r != 255 && square < n) {
        square += 2 * (uint16_t)r + 1;
        r++;
    }
    return r;
}

/* ((base + iv) * 2 + root(stat experience) / 4) * level / 100 */
static uint16_t grown(uint8_t base, uint8_t iv, uint16_t stat_exp, uint8_t level)
{
    uint16_t n = ((uint16_t)base + iv) * 2 + root(stat_exp) / 4;
    return n * level / 100;
}

void mon_stats(volatile uint8_t *mon) BANKED
{
    Species s;
    uint8_t ivs[5], i, level = mon[MON_LEVEL];
    uint16_t stats[5];
    species_get(mon[MON_SPECIES], &s);
    ivs[1] = mon[MON_IVS] >> 4;
    ivs[2] = mon[MON_IVS] & 15;
    ivs[3] = mon[MON_IVS + 1] >> 4;
    ivs[4] = mon[MON_IVS + 1] & 15;
    ivs[0] = (ivs[1] & 1) << 3 | (ivs[2] & 1) << 2 | (ivs[3] & 1) << 1 | (ivs[4] & 1);
    for (i = 0; i != 5; i++)
        stats[i] = grown((&s.hp)[i], ivs[i], get16(mon + MON_STAT_EXP + 2 * i), level) + 5;
    stats[0] += level + 5;
    for (i = 0; i != 5; i++) put16(mon + MON_MAX_HP + 2 * i, stats[i]);
}

void mon_exp_set(volatile uint8_t *mon, uint32_t exp) BANKED
{
    mon[MON_EXP] = (uint8_t)(exp >> 16);
    put16(mon + MON_EXP + 1, (uint16_t)exp);
}

/* Adds a move behind the others; four are kept, the oldest goes. */
static void push_move(volatile uint8_t *mon, uint8_t move)
{
    uint8_t i;
    volatile uint8_t *moves = mon + MON_MOVES;
    for (i = 0; i != 4 && moves[i]; i++)
        if (moves[i] == move) return;
    if (i == 4) {
        for (i = 0; i != 3; i++) moves[i] = moves[i + 1];
    }
    moves[i] = move;
}

static void fill_pp(volatile uint8_t *mon)
{
    Move m;
    uint8_t i;
    for (i = 0; i != 4; i++) {
        if (mon[MON_MOVES + i]) move_get(mon[MON_MOVES + i], &m);
        else m.pp = 0;
        mon[MON_PP + i] = m.pp;
    }
}

void mon_make(volatile uint8_t *mon, uint8_t species, uint8_t level) BANKED
{
    Species s;
    uint8_t i;
    memory_set((void *)mon, 0, MON_SIZE);
    species_get(species, &s);
    mon[MON_SPECIES] = s.species;
    mon[MON_TYPE1] = s.type1;
    mon[MON_TYPE2] = s.type2;
    mon[7] = s.catch_rate;
    mon[MON_IVS] = random8();
    mon[MON_IVS + 1] = random8();
    mon[MON_LEVEL] = level;
    mon_exp_set(mon, (uint32_t)level * level * level);
    for (i = 0; i != 4; i++)
        if (s.start_moves[i]) push_move(mon, s.start_moves[i]);
    for (i = 0; i != s.n_learn; i++)
        if (s.learn[2 * i] <= level) push_move(mon, s.learn[2 * i + 1]);
    fill_pp(mon);
    mon_stats(mon);
    put16(mon + MON_HP, get16(mon + MON_MAX_HP));
}

static void dex_set(volatile uint8_t *flags, uint8_t species)
{
    Species s;
    species_get(species, &s);
    s.dex--;
    flags[s.dex >> 3] |= 1 << (s.dex & 7);
}

void dex_seen(uint8_t species) BANKED { dex_set(wPokedexSeen, species); }

void dex_owned(uint8_t species) BANKED
{
    dex_set(wPokedexOwned, species);
    dex_seen(species);
}

void party_rename(uint8_t i) BANKED
{
    char name[11];
    uint8_t n;
    volatile uint8_t *nick = wPartyMonNicks + 11 * i;
    species_name(wPartyMons[MON_SIZE * i], name);
    for (n = 0; n != 10 && name[n]; n++) nick[n] = ui_tile(name[n]);
    for (; n != 11; n++) nick[n] = 0x50;
}

uint8_t party_take(volatile uint8_t *mon) BANKED
{
    uint8_t i = wPartyCount;
    if (i == 6) return 0;
    memory_move((void *)(wPartyMons + MON_SIZE * i), (void *)mon, MON_SIZE);
    memory_move((void *)(wPartyMonOT + 11 * i), (void *)wPlayerName, 11);
    wPartySpecies[i] = mon[MON_SPECIES];
    wPartySpecies[i + 1] = 0xFF;
    party_rename(i);
    dex_owned(mon[MON_SPECIES]);
    wPartyCount = i + 1;
    return 1;
}

uint8_t party_add(uint8_t species, uint8_t level) BANKED
{
    uint8_t mon[MON_SIZE];
    mon_make(mon, species, level);
    return party_take(mon) || box_add(mon);
}

uint8_t box_add(volatile uint8_t *mon) BANKED
{
    if (wBoxCount >= BOX_SIZE) return 0;
    memory_move((void *)(wBoxMons + MON_SIZE * wBoxCount), (void *)mon, MON_SIZE);
    wBoxCount++;
    dex_owned(mon[MON_SPECIES]);
    return 1;
}

uint8_t box_take(uint8_t i) BANKED
{
    if (!party_take(wBoxMons + MON_SIZE * i)) return 0;
    wBoxCount--;
    for (; i < wBoxCount; i++) memory_move((void *)(wBoxMons + MON_SIZE * i), (void *)(wBoxMons + MON_SIZE * (i + 1)), MON_SIZE);
    return 1;
}

void party_remove(uint8_t i) BANKED
{
    for (; i + 1 < wPartyCount; i++) party_swap(i, i + 1);
    wPartyCount--;
    wPartySpecies[wPartyCount] = 0xFF;
}

/* Badges that let a move be used on the map, by FIELD_*. */
static const uint8_t field_badges[FIELD_MOVES] = {1 << 1, 1 << 4, 1 << 3, 1 << 0};

uint8_t field_able(uint8_t kind) BANKED
{
    uint8_t i, n;
    volatile uint8_t *mon = wPartyMons;
    if (!(wObtainedBadges & field_badges[kind])) return 0;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE)
        for (n = 0; n != 4; n++)
            if (mon[MON_MOVES + n] && field_of(mon[MON_MOVES + n]) == kind) return i + 1;
    return 0;
}

void party_heal(void) BANKED
{
    uint8_t i;
    volatile uint8_t *mon = wPartyMons;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE) {
        put16(mon + MON_HP, get16(mon + MON_MAX_HP));
        mon[MON_STATUS] = 0;
        fill_pp(mon);
    }
}

uint8_t party_alive(void) BANKED
{
    uint8_t i, n = 0;
    volatile uint8_t *mon = wPartyMons;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE)
        if (get16(mon + MON_HP)) n++;
    return n;
}

static void swap(volatile uint8_t *a, volatile uint8_t *b, uint8_t n)
{
    uint8_t t;
    for (; n; n--, a++, b++) {
        t = *a;
        *a = *b;
        *b = t;
    }
}

void party_swap(uint8_t i, uint8_t j) BANKED
{
    swap(wPartySpecies + i, wPartySpecies + j, 1);
    swap(wPartyMons + MON_SIZE * i, wPartyMons + MON_SIZE * j, MON_SIZE);
    swap(wPartyMonOT + 11 * i, wPartyMonOT + 11 * j, 11);
    swap(wPartyMonNicks + 11 * i, wPartyMonNicks + 11 * j, 11);
}

static uint8_t poison_steps;

uint8_t party_poison_step(void) BANKED
{
    uint8_t i, fainted = 0;
    uint16_t hp;
    volatile uint8_t *mon = wPartyMons;
    if (++poison_steps & 3) return 0;
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE) {
        hp = get16(mon + MON_HP);
        if (!(mon[MON_STATUS] & STATUS_POISON) || !hp) continue;
        put16(mon + MON_HP, --hp);
        if (!hp) {
            mon[MON_STATUS] = 0;
            fainted = 1;
        }
    }
    return fainted && !party_alive();
}
