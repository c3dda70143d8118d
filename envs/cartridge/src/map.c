/* Bank 0: maps, read where they lie in ROM, and their picture in wTileMap and in the background's ring of 32 x 32 tiles. */
#include "engine.h"

#define TILES ((uint8_t *)0xC3A0)
#define VIEW_W 10                        /* metatiles on the screen */
#define VIEW_H 9
#define MIDDLE 4                         /* the player stands in column 4, row 4 */
#define OUTSIDE 0xE0                     /* coordinates from here on are north or west of the map */

MapHeader map;
uint8_t map_steps_w, map_steps_h;
Neighbour neighbours[4];
static uint8_t ring_x, ring_y;           /* tile of the ring that is the screen's top left corner */

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

static uint8_t step_outside(uint8_t x, uint8_t y) {
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

uint8_t metatile_at(uint8_t x, uint8_t y) {
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

/* The part of a line that lies inside the map is copied in one go. */
void line_fetch(uint8_t x, uint8_t y, uint8_t vertical, uint8_t n) {
    uint8_t *to = (uint8_t *)wLine;
    uint8_t run, old = hBank;
    while (n) {
        if (x >= map_steps_w || y >= map_steps_h) {
            *to++ = step_outside(x, y);
            run = 1;
        } else {
            run = vertical ? map_steps_h - y : map_steps_w - x;
            if (run > n)
                run = n;
            bank_set(map.steps.bank);
            line_copy(map.steps.at + multiply(y, map_steps_w) + x, to, run, vertical ? map_steps_w : 1);
            bank_set(old);
            to += run;
        }
        n -= run;
        if (vertical)
            y += run;
        else
            x += run;
    }
}

void view_tiles(void) {
    uint8_t x = wXCoord - MIDDLE, y = wYCoord - MIDDLE;
    uint8_t *to = TILES;
    for (uint8_t row = VIEW_H; row; row--, y++, to += 40) {
        line_fetch(x, y, 0, VIEW_W);
        put_row(to);
    }
}

static uint16_t ring_address(uint8_t x, uint8_t y) {
    return 0x9800 + ((uint16_t)(y & 31) << 5) + (x & 31);
}

void view_draw(void) {
    uint8_t *from = TILES;
    ring_x = ring_y = 0;
    hScrollX = hScrollY = 0;
    hLineTo = 0x9800;
    for (uint8_t row = VIEW_H; row; row--, from += 40) {
        hLineFrom = (uint16_t)from;
        line_now(WORK_ROW);
        hLineTo += 64;
    }
    hWork &= ~(WORK_ROW | WORK_COLUMN | WORK_POKE);
    ui_close();
}

uint8_t way_out_here(void) {
    for (uint8_t i = 0; i < 4; i++)
        if (neighbours[i].map != NO_MAP)
            return 0;
    return map.wild_rate != 0;
}

void view_show(void) {
    view_tiles();
    ui_close();
    sprites_draw();
}

void view_scroll(uint8_t direction) {
    uint8_t x = wXCoord - MIDDLE, y = wYCoord - MIDDLE;
    uint8_t work = WORK_ROW;
    uint8_t *at = TILES;
    switch (direction) {
    case DOWN:
        tiles_up();
        ring_y += 2;
        line_fetch(x, y + VIEW_H, 0, VIEW_W);
        at = TILES + 320;
        hLineTo = ring_address(ring_x, ring_y + 16);
        break;
    case UP:
        tiles_down();
        ring_y -= 2;
        line_fetch(x, y - 1, 0, VIEW_W);
        hLineTo = ring_address(ring_x, ring_y);
        break;
    case LEFT:
        tiles_right();
        ring_x -= 2;
        line_fetch(x - 1, y, 1, VIEW_H);
        hLineTo = ring_address(ring_x, ring_y);
        work = WORK_COLUMN;
        break;
    default:
        tiles_left();
        ring_x += 2;
        line_fetch(x + VIEW_W, y, 1, VIEW_H);
        at = TILES + 18;
        hLineTo = ring_address(ring_x + 18, ring_y);
        work = WORK_COLUMN;
    }
    if (work == WORK_ROW)
        put_row(at);
    else
        put_column(at);
    hLineFrom = (uint16_t)at;
    hWork |= work;
}
