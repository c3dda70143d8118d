/* The two that fight: their battle structures, stats with stages, and the type chart. */
#pragma bank 2
#include "battle.h"

/* Per stage -6..6, in hundredths. */
static const uint16_t ratios[] = { 25, 28, 33, 40, 50, 66, 100, 150, 200, 250, 300, 350, 400 };

void side_sync(Side *side)
{
    volatile uint8_t *mon = side->mon, *party = side->party;
    uint8_t i;
    put16(party + MON_HP, get16(mon + BMON_HP));
    party[MON_STATUS] = mon[BMON_STATUS];
    for (i = 0; i != 4; i++) party[MON_PP + i] = mon[BMON_PP + i];
}

void side_reload(Side *side)
{
    volatile uint8_t *mon = side->mon, *party = side->party;
    memory_move((void *)mon, (void *)party, BMON_LEVEL);         /* species, HP, status, types, moves */
    mon[3] = side->index;
    mon[12] = party[MON_IVS];
    mon[13] = party[MON_IVS + 1];
    mon[BMON_LEVEL] = party[MON_LEVEL];
    memory_move((void *)(mon + BMON_MAX_HP), (void *)(party + MON_MAX_HP), 10);
    memory_move((void *)(mon + BMON_PP), (void *)(party + MON_PP), 4);
}

void side_enter(Side *side, uint8_t index)
{
    Species s;
    side->index = index;
    if (side == &own) wPlayerMonNumber = index;
    side->mon = side == &own ? wBattleMon : wEnemyMon;
    side->party = (side == &own ? wPartyMons : wEnemyMons) + MON_SIZE * index;
    side_reload(side);
    memory_set(side->stage, STAGE_NEUTRAL, STAGES);
    species_get(side->mon[BMON_SPECIES], &s);
    side->crit = s.speed / 2;
    memory_move(side->name, s.name, sizeof(side->name));
}

uint16_t side_stat(const Side *side, uint8_t offset, uint8_t stage)
{
    uint32_t n = (uint32_t)get16(side->mon + offset) * ratios[side->stage[stage]] / 100;
    if (offset == BMON_ATTACK && (side->mon[BMON_STATUS] & STATUS_BURN)) n /= 2;
    return n > 999 ? 999 : n ? (uint16_t)n : 1;
}

uint16_t side_speed(const Side *side)
{
    uint16_t speed = side_stat(side, BMON_SPEED, STAGE_SPEED);
    return side->mon[BMON_STATUS] & STATUS_PARALYZED ? speed / 4 : speed;
}

uint8_t type_factor(uint8_t attack, const Side *target)
{
    uint8_t line[3], factor = 4;
    uint8_t type1 = target->mon[BMON_TYPE1], type2 = target->mon[BMON_TYPE2];
    const uint8_t *at = far_types.at;
    for (;; at += 3) {
        far_copy(line, far_types.bank, at, 3);
        if (line[0] == 0xFF) return factor;
        if (line[0] != attack || (line[1] != type1 && line[1] != type2)) continue;
        if (line[2] == 20) factor *= 2;
        else factor = line[2] ? factor / 2 : 0;
    }
}
