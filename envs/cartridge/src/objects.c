/* Bank 1: the people and things of the map: who is there, and who walks about. */
#pragma bank 1
#include "engine.h"

#define ROAM 2                           /* steps that a wanderer goes from its place */

Object objects[MAX_OBJECTS];
uint8_t object_count, object_shown[MAX_OBJECTS];
uint8_t object_sight[MAX_OBJECTS];
uint8_t people_timer, people_walker = NO_OBJECT;
uint8_t walker_direction, walker_left;
uint8_t player_next_x, player_next_y;

#define NOWHERE 0x80                     /* where hidden things are: on no map, nor beside one */

static uint8_t object_x[MAX_OBJECTS];    /* NOWHERE: not shown */
static uint8_t object_y[MAX_OBJECTS];
static uint8_t home_x[MAX_OBJECTS], home_y[MAX_OBJECTS];
static uint8_t forced[MAX_OBJECTS];      /* a script has shown (1) or hidden (2) it */

/* --- who is there --- */
static uint8_t wanted(uint8_t i) {
    Object *o = &objects[i];
    if (forced[i])
        return forced[i] == 1;
    if (o->show_event != NO_EVENT && !has_event(o->show_event))
        return 0;
    return o->hide_event == NO_EVENT || !has_event(o->hide_event);
}

void objects_refresh(void) BANKED {
    uint8_t wanderers = 0;
    for (uint8_t i = 0; i < object_count; i++) {
        Object *o = &objects[i];
        object_shown[i] = wanted(i);
        object_x[i] = object_shown[i] ? o->x : NOWHERE;
        object_y[i] = o->y;
        object_sight[i] = 0;
        if (!object_shown[i])
            continue;
        if (o->movement != OBJ_STILL)
            wanderers++;
        if (o->kind == OBJ_TRAINER && !trainer_beaten(o->arg))
            object_sight[i] = o->sight;
    }
    if (!wanderers)
        people_timer = 0;
    else if (!people_timer)
        people_timer = 40;
    sprites_draw();
}

static void objects_fetch(void) {
    object_count = map.n_objects > MAX_OBJECTS ? MAX_OBJECTS : map.n_objects;
    if (object_count)
        far_copy(objects, map.objects.bank, map.objects.at, object_count * sizeof(Object));
    for (uint8_t i = 0; i < object_count; i++) {
        home_x[i] = objects[i].x;
        home_y[i] = objects[i].y;
        forced[i] = 0;
    }
    people_walker = NO_OBJECT;
    player_next_x = wXCoord;
    player_next_y = wYCoord;
}

void objects_load(uint8_t reload) BANKED {
    objects_fetch();
    sprites_assign(reload);
    objects_refresh();
}

void object_force(uint8_t i, uint8_t how) BANKED {
    forced[i] = how;
    objects_refresh();
}

void object_place(uint8_t i, uint8_t x, uint8_t y) BANKED {
    objects[i].x = x;
    objects[i].y = y;
    objects_refresh();
}

void object_face(uint8_t i, uint8_t direction) BANKED {
    objects[i].facing = direction << 2;
    sprites_draw();
}

uint8_t object_at(uint8_t x, uint8_t y) BANKED {
    for (uint8_t i = 0; i < object_count; i++)
        if (object_x[i] == x && object_y[i] == y)
            return i;
    return NO_OBJECT;
}

/* --- walking --- */
static void walker_start(uint8_t i, uint8_t direction) {
    Object *o = &objects[i];
    o->facing = direction << 2;
    o->x += step_x[direction];
    o->y += step_y[direction];
    object_x[i] = o->x;
    object_y[i] = o->y;
    people_walker = i;
    walker_direction = direction;
    walker_left = 16;
    sprites_draw();
}

static void walker_tick(void) {
    uint8_t entry = first_entry[people_walker];
    walker_left--;
    if (entry) {
        hShiftY = step_y[walker_direction];
        hShiftX = step_x[walker_direction];
        sprites_shift(entry, entry + 4);
        if (walker_left == 12)
            object_frame(people_walker, (objects[people_walker].x ^ objects[people_walker].y) & 1 ? 1 : 2);
        else if (walker_left == 4)
            object_frame(people_walker, 0);
    }
    if (!walker_left)
        people_walker = NO_OBJECT;
}

static uint8_t free_place(uint8_t x, uint8_t y) {
    if (x >= map_steps_w || y >= map_steps_h || (map_attribute(x, y) & (TILE_WALK | TILE_LEDGE)) != TILE_WALK)
        return 0;
    if ((x == wXCoord && y == wYCoord) || (x == player_next_x && y == player_next_y))
        return 0;
    return object_at(x, y) == NO_OBJECT && warp_at(x, y) == NO_WARP && !trigger_at(x, y, 1);
}

static void wander(uint8_t i) {
    uint8_t direction = random8() & 3;
    Object *o = &objects[i];
    uint8_t x = o->x + step_x[direction], y = o->y + step_y[direction];
    if (!object_shown[i] || o->movement == OBJ_STILL)
        return;
    if (o->movement == OBJ_WANDER && (uint8_t)(x - home_x[i] + ROAM) <= 2 * ROAM
        && (uint8_t)(y - home_y[i] + ROAM) <= 2 * ROAM && free_place(x, y)) {
        walker_start(i, direction);
        return;
    }
    object_face(i, direction);
}

void people_tick(void) BANKED {
    if (people_walker != NO_OBJECT)
        walker_tick();
    else if (people_timer && !--people_timer) {
        people_timer = 24 + (random8() & 31);
        wander(random_below(object_count));
    }
}

void people_settle(void) BANKED {
    while (people_walker != NO_OBJECT) {
        walker_tick();
        frame();
    }
}

void object_step(uint8_t i, uint8_t direction) BANKED {
    people_settle();
    walker_start(i, direction);
    people_settle();
}
