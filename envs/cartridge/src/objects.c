/* Bank 1: the people and things of the map, and everybody's sprites. */
#pragma bank 1
#include "engine.h"

#define OAM ((uint8_t *)0xC300)
#define MIRRORED 0x20
#define MIDDLE_X 72                      /* OAM coordinates of the player */
#define MIDDLE_Y 76
#define PEOPLE_TILES 124                 /* tile ids 0x00..0x7B; four for the bubble come after them */
#define BUBBLE_TILE 0x7C
#define MAX_SLOTS 9
#define FRAME_TILES 4
#define ROAM 2                           /* steps that a wanderer goes from its place */

Object objects[MAX_OBJECTS];
uint8_t object_count, object_shown[MAX_OBJECTS];
uint8_t people_timer, people_walker = NO_OBJECT;
uint8_t player_next_x, player_next_y;    /* where the player's step leads */
uint8_t people_end;                      /* OAM entries in use */
uint8_t moved_x, moved_y;                /* pixels that the view has gone in the player's step */
uint8_t object_sight[MAX_OBJECTS];       /* of trainers still to be fought, else 0 */

static uint8_t object_x[MAX_OBJECTS];    /* 0xFF: not shown */
static uint8_t object_y[MAX_OBJECTS];
static uint8_t home_x[MAX_OBJECTS], home_y[MAX_OBJECTS];
static uint8_t forced[MAX_OBJECTS];      /* a script has shown (1) or hidden (2) it */
static uint8_t first_entry[MAX_OBJECTS]; /* its four OAM entries; 0: not on the screen */
static uint8_t slot_of[MAX_OBJECTS];
static uint8_t slot_sprite[MAX_SLOTS], slot_tile[MAX_SLOTS], slot_full[MAX_SLOTS], slot_count;
static uint8_t walker_direction, walker_left;
static uint8_t wanderers;

static const uint8_t bubble[64] = {
    0x0F, 0x0F, 0x30, 0x3F, 0x40, 0x7F, 0x41, 0x7F, 0x81, 0xFF, 0x81, 0xFF, 0x81, 0xFF, 0x81, 0xFF,
    0xF0, 0xF0, 0x0C, 0xFC, 0x02, 0xFE, 0x82, 0xFE, 0x81, 0xFF, 0x81, 0xFF, 0x81, 0xFF, 0x81, 0xFF,
    0x81, 0xFF, 0x80, 0xFF, 0x41, 0x7F, 0x41, 0x7F, 0x30, 0x3F, 0x0F, 0x0F, 0x01, 0x01, 0x00, 0x00,
    0x81, 0xFF, 0x01, 0xFF, 0x82, 0xFE, 0x82, 0xFE, 0x0C, 0xFC, 0xF0, 0xF0, 0x80, 0x80, 0x00, 0x00,
};

/* --- pictures --- */
static void slot_load(uint8_t slot) {
    const Far *far = &far_sprites[slot_sprite[slot]];
    uint16_t vram = 0x8000 + ((uint16_t)slot_tile[slot] << 4);
    if (slot_full[slot]) {
        vram_copy_far(vram, far->bank, far->at, 6 * FRAME_TILES * 16);
        return;
    }
    for (uint8_t i = 0; i < 3; i++)      /* the standing frames alone */
        vram_copy_far(vram + i * 64, far->bank, far->at + i * 128, 64);
}

static uint8_t slot_find(uint8_t sprite) {
    uint8_t i = 0;
    while (i < slot_count && slot_sprite[i] != sprite)
        i++;
    return i;
}

static void slots_collect(uint8_t movers) {
    for (uint8_t i = 0; i < object_count; i++) {
        Object *o = &objects[i];
        uint8_t moves = o->movement == OBJ_WANDER || o->kind == OBJ_TRAINER;
        if (moves == movers && slot_find(o->sprite) == slot_count && slot_count < MAX_SLOTS)
            slot_sprite[slot_count++] = o->sprite;
    }
}

/* Four pictures besides the player's fit with walking frames; up to eight when some do without. Those that stay where
 * they were are not copied again, so that walking over a map's edge costs little. */
static void slots_assign(uint8_t reload) {
    uint8_t old_sprite[MAX_SLOTS], old_tile[MAX_SLOTS], old_full[MAX_SLOTS], old_count = slot_count;
    uint8_t tile = 0, others, full;
    memory_move(old_sprite, slot_sprite, MAX_SLOTS);
    memory_move(old_tile, slot_tile, MAX_SLOTS);
    memory_move(old_full, slot_full, MAX_SLOTS);
    slot_count = 1;
    slot_sprite[0] = SPRITE_PLAYER;
    slots_collect(1);
    slots_collect(0);
    others = slot_count - 1;
    full = others <= 4 ? others : 8 - others;
    for (uint8_t i = 0; i < slot_count; i++) {
        slot_tile[i] = tile;
        slot_full[i] = i <= full;
        tile += slot_full[i] ? 24 : 12;
        if (reload || i >= old_count || old_sprite[i] != slot_sprite[i] || old_tile[i] != slot_tile[i] || old_full[i] != slot_full[i])
            slot_load(i);
    }
    for (uint8_t i = 0; i < object_count; i++) {
        slot_of[i] = slot_find(objects[i].sprite);
        if (slot_of[i] == slot_count)
            slot_of[i] = 0;
    }
}

void objects_reload_tiles(void) BANKED {
    for (uint8_t i = 0; i < slot_count; i++)
        slot_load(i);
    vram_copy_far(0x8000 + BUBBLE_TILE * 16, hBank, bubble, sizeof bubble);
}

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
    wanderers = 0;
    for (uint8_t i = 0; i < object_count; i++) {
        Object *o = &objects[i];
        object_shown[i] = wanted(i);
        object_x[i] = object_shown[i] ? o->x : 0xFF;
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
    slots_assign(reload);
    if (reload)
        vram_copy_far(0x8000 + BUBBLE_TILE * 16, hBank, bubble, sizeof bubble);
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

/* --- sprites --- */
static uint8_t *person_draw(uint8_t *entry, uint8_t y, uint8_t x, uint8_t tile, uint8_t attribute) {
    uint8_t flip = attribute ? 1 : 0;
    entry[0] = y;
    entry[1] = x;
    entry[2] = tile + flip;
    entry[3] = attribute;
    entry[4] = y;
    entry[5] = x + 8;
    entry[6] = tile + 1 - flip;
    entry[7] = attribute;
    entry += 8;
    tile += 2;
    y += 8;
    entry[0] = y;
    entry[1] = x;
    entry[2] = tile + flip;
    entry[3] = attribute;
    entry[4] = y;
    entry[5] = x + 8;
    entry[6] = tile + 1 - flip;
    entry[7] = attribute;
    return entry + 8;
}

/* Frames stand in the order down, up, left, each with its walking frame; right is left mirrored, and the second leg of
 * walking down or up is the first one mirrored. */
static uint8_t frame_tile(uint8_t slot, uint8_t facing, uint8_t walking) {
    uint8_t direction = facing >> 2;
    uint8_t tile = slot_tile[slot];
    if (direction == RIGHT)
        direction = LEFT;
    if (slot_full[slot])
        return tile + direction * 8 + (walking ? FRAME_TILES : 0);
    return tile + direction * FRAME_TILES;
}

void player_draw(uint8_t walking, uint8_t lift) BANKED {
    uint8_t attribute = wFacing == 0xC || (walking == 2 && wFacing < 8) ? MIRRORED : 0;
    person_draw(OAM, MIDDLE_Y - lift, MIDDLE_X, frame_tile(0, wFacing, walking), attribute);
    hWork |= WORK_SPRITES;
}

static uint8_t *object_draw(uint8_t i, uint8_t *entry, uint8_t walking) {
    Object *o = &objects[i];
    uint8_t x = o->x - wXCoord, y = o->y - wYCoord;
    if ((uint8_t)(x + 5) > 11 || (uint8_t)(y + 5) > 10 || entry >= OAM + 144) {
        first_entry[i] = 0;
        return entry;
    }
    first_entry[i] = (uint8_t)((uint16_t)entry) >> 2;
    x = MIDDLE_X + (x << 4) - moved_x;
    y = MIDDLE_Y + (y << 4) - moved_y;
    if (i == people_walker) {
        if (walker_direction >= LEFT)
            x += walker_direction == LEFT ? walker_left : -walker_left;
        else
            y += walker_direction == UP ? walker_left : -walker_left;
    }
    return person_draw(entry, y, x, frame_tile(slot_of[i], o->facing, walking), o->facing == 0xC ? MIRRORED : 0);
}

void sprites_draw(void) BANKED {
    uint8_t *entry = OAM + 16;
    uint8_t old_end = people_end;
    if (!wWalkCounter)                   /* else its step has a frame of its own */
        player_draw(0, 0);
    for (uint8_t i = 0; i < object_count; i++)
        if (object_shown[i])
            entry = object_draw(i, entry, 0);
        else
            first_entry[i] = 0;
    people_end = (uint8_t)((uint16_t)entry) >> 2;
    for (uint8_t i = people_end; i < old_end; i++, entry += 4)
        entry[0] = 0;
    if (hWindowY == WINDOW_SHOWN)
        sprites_cover();
    hWork |= WORK_SPRITES;
}

void object_bubble(uint8_t i) BANKED {
    uint8_t *at = OAM + (first_entry[i] << 2);
    if (!first_entry[i])
        return;
    person_draw(OAM + 144, at[0] - 16, at[1], BUBBLE_TILE, 0);
    hWork |= WORK_SPRITES;
    frames(40);
    memory_set(OAM + 144, 0, 16);
    hWork |= WORK_SPRITES;
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

static void walker_frame(uint8_t walking) {
    uint8_t i = people_walker, entry = first_entry[i];
    if (!entry)
        return;
    uint8_t *at = OAM + (entry << 2);
    uint8_t mirrored = objects[i].facing == 0xC || (walking == 2 && objects[i].facing < 8) ? MIRRORED : 0;
    person_draw(at, at[0], at[1], frame_tile(slot_of[i], objects[i].facing, walking), mirrored);
}

static void walker_tick(void) {
    uint8_t entry = first_entry[people_walker];
    walker_left--;
    if (entry) {
        hShiftY = step_y[walker_direction];
        hShiftX = step_x[walker_direction];
        sprites_shift(entry, entry + 4);
        if (walker_left == 12)
            walker_frame((objects[people_walker].x ^ objects[people_walker].y) & 1 ? 1 : 2);
        else if (walker_left == 4)
            walker_frame(0);
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
