/* Bank 0: maps, read where they lie in ROM. */
#include "engine.h"


MapHeader map;
uint8_t map_steps_w, map_steps_h;
Neighbour neighbours[4];

#define MAX_CHANGES 10
uint8_t n_changes;                       /* steps that are not as in ROM: cut trees, doors of scripts */
static uint8_t changed_x[MAX_CHANGES], changed_y[MAX_CHANGES], changed_to[MAX_CHANGES];

static void neighbour_load(uint8_t side, const Connection *connection) {
    MapHeader header;
    Neighbour *to = &neighbours[side];
    to->map = connection->map;
    if (to->map == NO_MAP)
        return;
    far_copy(&header, far_maps[to->map].bank, far_maps[to->map].at, sizeof header);
    to->offset = connection->offset;
    to->width = header.width * 2;
    to->height = header.height * 2;
    to->steps = header.steps;
}

void map_header(uint8_t id) {
    far_copy(&map, far_maps[id].bank, far_maps[id].at, sizeof map);
    map_steps_w = map.width * 2;
    map_steps_h = map.height * 2;
    neighbour_load(NORTH, &map.north);
    neighbour_load(SOUTH, &map.south);
    neighbour_load(WEST, &map.west);
    neighbour_load(EAST, &map.east);
    n_changes = 0;
    wCurMap = id;
    wCurMapTileset = map.tileset;
    wCurMapHeight = map.height;
    wCurMapWidth = map.width;
    if (map.flags & MAP_TOWN)
        wTownVisitedFlag[id >> 3] |= 1 << (id & 7);
}

void tileset_load(uint8_t id) {
    Tileset set;
    uint8_t old = hBank;
    far_copy(&set, far_tilesets[id].bank, far_tilesets[id].at, sizeof set);
    vram_copy_far(0x9000, set.tiles.bank, set.tiles.at, (uint16_t)set.n_tiles << 4);
    far_copy((void *)wAttributes, set.attributes.bank, set.attributes.at, set.n_metatiles);
    bank_set(set.metatiles.bank);
    const uint8_t *from = set.metatiles.at;
    for (uint8_t i = 0; i < set.n_metatiles; i++) {      /* four tables, so that drawing needs no multiplication */
        uint8_t *top = (uint8_t *)0xC000 + i, *bottom = (uint8_t *)0xC200 + i;
        top[0] = *from++;
        top[128] = *from++;
        bottom[0] = *from++;
        bottom[128] = *from++;
    }
    bank_set(old);
}

static uint8_t far_step(const Neighbour *n, uint8_t x, uint8_t y) {
    if (n->map == NO_MAP || x >= n->width || y >= n->height)
        return map.border;
    return far_byte(n->steps.bank, n->steps.at + multiply(y, n->width) + x);
}

uint8_t step_outside(uint8_t x, uint8_t y) {
    const Neighbour *n;
    if (y >= OUTSIDE) {
        n = &neighbours[NORTH];
        return far_step(n, x - n->offset, y + n->height);
    }
    if (y >= map_steps_h) {
        n = &neighbours[SOUTH];
        return far_step(n, x - n->offset, y - map_steps_h);
    }
    if (x >= OUTSIDE) {
        n = &neighbours[WEST];
        return far_step(n, x + n->width, y - n->offset);
    }
    n = &neighbours[EAST];
    return far_step(n, x - map_steps_w, y - n->offset);
}

void tile_change(uint8_t x, uint8_t y, uint8_t metatile) {
    uint8_t i = 0;
    while (i < n_changes && (changed_x[i] != x || changed_y[i] != y))
        i++;
    if (i == MAX_CHANGES)
        return;
    if (i == n_changes)
        n_changes++;
    changed_x[i] = x;
    changed_y[i] = y;
    changed_to[i] = metatile;
    view_change(x, y);
}

void line_change(uint8_t x, uint8_t y, uint8_t vertical, uint8_t n) {
    for (uint8_t i = 0; i < n_changes; i++) {
        uint8_t along = vertical ? changed_y[i] - y : changed_x[i] - x;
        if (along < n && (vertical ? changed_x[i] == x : changed_y[i] == y))
            wLine[along] = changed_to[i];
    }
}

uint8_t metatile_at(uint8_t x, uint8_t y) {
    for (uint8_t i = 0; i < n_changes; i++)
        if (changed_x[i] == x && changed_y[i] == y)
            return changed_to[i];
    if (x < map_steps_w && y < map_steps_h)
        return far_byte(map.steps.bank, map.steps.at + multiply(y, map_steps_w) + x);
    return step_outside(x, y);
}

/* --- lists of the map; each entry starts with x, y --- */
static uint8_t list_find(const Far *list, uint8_t n, uint8_t size, uint8_t x, uint8_t y) {
    uint8_t old = hBank, i = 0;
    const uint8_t *at = list->at;
    bank_set(list->bank);
    while (i < n && (at[0] != x || at[1] != y)) {
        at += size;
        i++;
    }
    bank_set(old);
    return i;
}

uint8_t warp_at(uint8_t x, uint8_t y) {
    uint8_t i = list_find(&map.warps, map.n_warps, sizeof(Warp), x, y);
    return i == map.n_warps ? NO_WARP : i;
}

void warp_get(uint8_t i, Warp *to) {
    far_copy(to, map.warps.bank, map.warps.at + i * sizeof(Warp), sizeof(Warp));
}

uint16_t sign_at(uint8_t x, uint8_t y) {
    Sign sign;
    uint8_t i = list_find(&map.signs, map.n_signs, sizeof(Sign), x, y);
    if (i == map.n_signs)
        return NO_SCRIPT;
    far_copy(&sign, map.signs.bank, map.signs.at + i * sizeof(Sign), sizeof(Sign));
    return sign.script;
}

uint16_t trigger_at(uint8_t x, uint8_t y, uint8_t any) {
    Trigger trigger;
    for (uint8_t i = 0; i < map.n_triggers; i++) {
        far_copy(&trigger, map.triggers.bank, map.triggers.at + i * sizeof(Trigger), sizeof(Trigger));
        if ((uint8_t)(x - trigger.x) < trigger.w && (uint8_t)(y - trigger.y) < trigger.h
            && (any || trigger.unless_event == NO_EVENT || !has_event(trigger.unless_event)))
            return trigger.script;
    }
    return NO_SCRIPT;
}

/* Chances of the ten slots in 256: 51, 51, 39, 25, 25, 25, 13, 13, 11, 3. */
uint8_t wild_slot(WildSlot *to) {
    static const uint8_t last[10] = {50, 101, 140, 165, 190, 215, 228, 241, 252, 255};
    uint8_t r = random8(), i = 0;
    while (r > last[i])
        i++;
    far_copy(to, map.wild.bank, map.wild.at + i * sizeof(WildSlot), sizeof(WildSlot));
    return to->species;
}

uint8_t way_out_here(void) {
    for (uint8_t i = 0; i < 4; i++)
        if (neighbours[i].map != NO_MAP)
            return 0;
    return map.wild_rate != 0;
}
