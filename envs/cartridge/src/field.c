/* Bank 1: what creatures do for the player on the map: trees, water, boulders, dark places. */
#pragma bank 1
#include "engine.h"

#define DARK 0xFE                        /* palette of a dark map: hardly more than black */

uint8_t pushing;

static void say(const char *text) {
    people_settle();
    ui_say(text);
    view_show();
}

static uint8_t asked(const char *question) {
    uint8_t yes;
    people_settle();
    ui_say_nowait(question);
    yes = ui_yes_no();
    view_show();
    return yes;
}

static void cut(uint8_t x, uint8_t y) {
    if (!field_able(FIELD_CUT))
        say("This little tree\ncould be cut.");
    else if (asked("Cut down this\nlittle tree?"))
        tile_change(x, y, METATILE_OUTDOOR_2C);
}

static void swim(void) {
    if (!asked("The water is calm.\nSwim?"))
        return;
    wWalkBikeSurfState = SWIMMING;
    sprites_player();
    player_step(wFacing >> 2);
}

uint8_t field_ask(uint8_t x, uint8_t y) BANKED {
    uint8_t attribute = map_attribute(x, y);
    if (attribute & TILE_CUT) {
        cut(x, y);
        return 1;
    }
    if (!(attribute & TILE_WATER) || wWalkBikeSurfState == SWIMMING || object_at(x, y) != NO_OBJECT || !field_able(FIELD_SWIM))
        return 0;
    if (x >= map_steps_w || y >= map_steps_h)    /* not over an edge */
        return 0;
    swim();
    return 1;
}

void boulder_ask(void) BANKED {
    if (pushing)
        say("Walk against it\nto push it.");
    else if (!field_able(FIELD_PUSH))
        say("A boulder. Somebody\nstrong might push\fit.");
    else if (asked("A boulder. Have it\npushed?"))
        pushing = 1;
}

/* The place behind has to be floor, free, and no way to somewhere else. */
static uint8_t may_roll(uint8_t x, uint8_t y) {
    return x < map_steps_w && y < map_steps_h && map_attribute(x, y) & TILE_WALK && object_at(x, y) == NO_OBJECT
        && warp_at(x, y) == NO_WARP;
}

uint8_t boulder_push(uint8_t x, uint8_t y, uint8_t direction) BANKED {
    uint8_t i = object_at(x, y), facing;
    if (i == NO_OBJECT || objects[i].kind != OBJ_BOULDER || !may_roll(x + step_x[direction], y + step_y[direction]))
        return 0;
    facing = objects[i].facing;
    object_step(i, direction);
    objects[i].facing = facing;
    return 1;
}

void field_land(void) BANKED {
    if (map_attribute(wXCoord, wYCoord) & TILE_WATER)
        return;
    wWalkBikeSurfState = WALKING;
    sprites_player();
    player_draw(0, 0);
}

void field_light(void) BANKED {
    PALETTE = map.flags & MAP_DARK && !field_able(FIELD_LIGHT) ? DARK : BRIGHT;
}
