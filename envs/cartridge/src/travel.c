/* Bank 1: from map to map: warps, edges, and the way home. */
#pragma bank 1
#include "engine.h"

AT(0xD71A) uint8_t wBlackoutLastMap;     /* wLastMap to go with wLastBlackoutMap */

uint8_t map_entered;

void map_redraw(void) BANKED {
    screen_off();
    tileset_load(wCurMapTileset);
    objects_reload_tiles();
    view_tiles();
    view_draw();
    sprites_draw();
    field_light();
    screen_on();
}

void map_load(uint8_t id, uint8_t x, uint8_t y, uint8_t facing) BANKED {
    screen_off();
    map_header(id);
    wXCoord = x;
    wYCoord = y;
    wFacing = facing;
    tileset_load(map.tileset);
    if (!(map_attribute(x, y) & TILE_WATER))
        wWalkBikeSurfState = WALKING;
    pushing = 0;
    view_tiles();
    view_draw();
    objects_load(1);
    field_light();
    screen_on();
    map_entered = 1;
}

/* The player has walked over the edge: the picture stays, what lies under it changes. */
static void cross(uint8_t side) {
    Neighbour *n = &neighbours[side];
    uint8_t offset = n->offset, set = wCurMapTileset;
    uint8_t x = wXCoord, y = wYCoord;
    if (side == NORTH)
        y += n->height;
    else if (side == SOUTH)
        y -= map_steps_h;
    else if (side == WEST)
        x += n->width;
    else
        x -= map_steps_w;
    if (side <= SOUTH)
        x -= offset;
    else
        y -= offset;
    map_header(n->map);
    wXCoord = x;
    wYCoord = y;
    pushing = 0;
    if (map.tileset == set) {
        objects_load(0);
        field_light();
    } else
        map_load(wCurMap, x, y, wFacing);
    map_entered = 1;
}

static void warp(uint8_t i) {
    Warp to;
    warp_get(i, &to);
    if (map.flags & MAP_OUTDOOR)
        wLastMap = wCurMap;
    map_load(to.map == LAST_MAP ? wLastMap : to.map, to.dest_x, to.dest_y, to.dest_facing);
}

void map_enter(void) BANKED {
    while (map_entered) {
        map_entered = 0;
        if (map.entry_script)
            script_run(map.entry_script);
    }
}

uint8_t map_leave(void) BANKED {
    uint8_t i;
    if (wYCoord >= map_steps_h)
        cross(wYCoord >= OUTSIDE ? NORTH : SOUTH);
    else if (wXCoord >= map_steps_w)
        cross(wXCoord >= OUTSIDE ? WEST : EAST);
    if (!map.n_warps || (i = warp_at(wXCoord, wYCoord)) == NO_WARP)
        return 0;
    warp(i);
    return 1;
}

void blackout_set(uint8_t id) BANKED {
    wLastBlackoutMap = id;
    wBlackoutLastMap = wLastMap;
}

/* To the healing place: one step in front of its first warp. */
void way_out(void) BANKED {
    Warp door;
    uint8_t id = wLastBlackoutMap;
    wLastMap = wBlackoutLastMap;
    map_header(id);
    warp_get(0, &door);
    if (map.flags & MAP_OUTDOOR)
        map_load(id, door.x, door.y + 1, 0x0);
    else
        map_load(id, door.x, door.y - 1, 0x4);
}
