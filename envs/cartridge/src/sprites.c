/* Bank 1: everybody's pictures: tiles in video memory and entries in wShadowOAM. */
#pragma bank 1
#include "engine.h"

#define OAM ((uint8_t *)0xC300)
#define MIRRORED 0x20
#define MIDDLE_X 72                      /* OAM coordinates of the player */
#define MIDDLE_Y 76
#define BUBBLE_TILE 0x7C                 /* the tiles 0x00..0x7B are people's */
#define MAX_SLOTS 9
#define FRAME_TILES 4
#define BUBBLE_ENTRY 36                  /* the last four of the 40 OAM entries */

uint8_t people_end;
uint8_t moved_x, moved_y;
uint8_t first_entry[MAX_OBJECTS];

static uint8_t slot_of[MAX_OBJECTS];
static uint8_t slot_sprite[MAX_SLOTS], slot_tile[MAX_SLOTS], slot_full[MAX_SLOTS], slot_count;

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

static void bubble_load(void) {
    vram_copy_far(0x8000 + BUBBLE_TILE * 16, hBank, bubble, sizeof bubble);
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
void sprites_assign(uint8_t reload) {
    uint8_t old_sprite[MAX_SLOTS], old_tile[MAX_SLOTS], old_full[MAX_SLOTS], old_count = slot_count;
    uint8_t tile = 0, others, full;
    memory_move(old_sprite, slot_sprite, MAX_SLOTS);
    memory_move(old_tile, slot_tile, MAX_SLOTS);
    memory_move(old_full, slot_full, MAX_SLOTS);
    slot_count = 1;
    slot_sprite[0] = wWalkBikeSurfState == SWIMMING ? SPRITE_PLAYER_SWIM : SPRITE_PLAYER;
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
    if (reload)
        bubble_load();
}

void sprites_player(void) BANKED {
    slot_sprite[0] = wWalkBikeSurfState == SWIMMING ? SPRITE_PLAYER_SWIM : SPRITE_PLAYER;
    slot_load(0);
}

void objects_reload_tiles(void) BANKED {
    for (uint8_t i = 0; i < slot_count; i++)
        slot_load(i);
    bubble_load();
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
    if ((uint8_t)(x + 5) > 11 || (uint8_t)(y + 5) > 10 || entry >= OAM + 4 * BUBBLE_ENTRY) {
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

void object_frame(uint8_t i, uint8_t walking) {
    uint8_t *at = OAM + (first_entry[i] << 2);
    uint8_t facing = objects[i].facing;
    uint8_t mirrored = facing == 0xC || (walking == 2 && facing < 8) ? MIRRORED : 0;
    person_draw(at, at[0], at[1], frame_tile(slot_of[i], facing, walking), mirrored);
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
    person_draw(OAM + 4 * BUBBLE_ENTRY, at[0] - 16, at[1], BUBBLE_TILE, 0);
    hWork |= WORK_SPRITES;
    frames(40);
    memory_set(OAM + 4 * BUBBLE_ENTRY, 0, 16);
    hWork |= WORK_SPRITES;
}
