/* Bank 1: the player on the map: buttons, steps, turns, talking. */
#pragma bank 1
#include "engine.h"

#define TURN_FRAMES 4                    /* a tap that is shorter turns the player without a step */
#define NO_DIRECTION 0xFF
#define STEP_FRAMES 16

static uint8_t leg;
static uint8_t last_held;                /* buttons that were already answered */

static uint8_t direction_of(uint8_t held) {
    if (held & BTN_DOWN)
        return DOWN;
    if (held & BTN_UP)
        return UP;
    if (held & BTN_LEFT)
        return LEFT;
    return held & BTN_RIGHT ? RIGHT : NO_DIRECTION;
}

void player_face(uint8_t direction) BANKED {
    wFacing = direction << 2;
    player_draw(0, 0);
    if (hWindowY == WINDOW_SHOWN)
        sprites_cover();
}

/* --- steps --- */
static void step_frames(uint8_t direction, const uint8_t *lift) {
    int8_t x = step_x[direction], y = step_y[direction];
    uint8_t people = people_end > 4;
    leg = 3 - leg;
    for (uint8_t left = STEP_FRAMES; left; left--) {
        wWalkCounter = left;
        hScrollX += x;
        hScrollY += y;
        moved_x += x;
        moved_y += y;
        hWork |= WORK_SCROLL;
        if (people) {
            hShiftX = -x;
            hShiftY = -y;
            sprites_shift(4, people_end);
        }
        people_tick();
        if (lift)
            player_draw(0, *lift++);
        else if (left == 12)
            player_draw(leg, 0);
        else if (left == 4)
            player_draw(0, 0);
        frame();
    }
    wWalkCounter = 0;
    moved_x = moved_y = 0;
}

static void step(uint8_t direction, const uint8_t *lift) {
    if (!leg)
        leg = 1;
    wFacing = direction << 2;
    player_next_x = wXCoord + step_x[direction];
    player_next_y = wYCoord + step_y[direction];
    view_scroll(direction);
    step_frames(direction, lift);
    wXCoord = player_next_x;
    wYCoord = player_next_y;
    if (object_count)
        sprites_draw();
}

void player_step(uint8_t direction) BANKED {
    step(direction, 0);
}

/* May the player jump over the ledge above (x, y)? Not onto people, nor onto what nobody can stand on. */
static uint8_t landing(uint8_t x, uint8_t y) {
    return y < map_steps_h && map_attribute(x, y) & TILE_WALK && object_at(x, y) == NO_OBJECT;
}

static void jump_ledge(void) {
    static const uint8_t arc[32] = {2, 4, 5, 6, 7, 8, 9, 9, 10, 10, 11, 11, 11, 12, 12, 12, 12, 12, 12, 11, 11, 11, 10, 10, 9, 9, 8, 7, 6, 5, 4, 2};
    step(DOWN, arc);
    step(DOWN, arc + STEP_FRAMES);
    player_draw(0, 0);
}

/* May the player go there? Outside the map only where a neighbour lies. */
static uint8_t enterable(uint8_t x, uint8_t y, uint8_t attribute) {
    if (!(attribute & (wWalkBikeSurfState == SWIMMING ? TILE_WALK | TILE_WATER : TILE_WALK)) || object_at(x, y) != NO_OBJECT)
        return 0;
    if (y >= map_steps_h)
        return neighbours[y >= OUTSIDE ? NORTH : SOUTH].map != NO_MAP;
    if (x >= map_steps_w)
        return neighbours[x >= OUTSIDE ? WEST : EAST].map != NO_MAP;
    return 1;
}

static uint8_t step_events(void) {
    uint16_t script;
    if (wWalkBikeSurfState == SWIMMING)
        field_land();
    if (map_leave())
        return 1;
    if (map.n_triggers && (script = trigger_at(wXCoord, wYCoord, 0))) {
        spoken_to = NO_OBJECT;
        script_run(script);
        return 1;
    }
    return trainers_look() || step_hazards();
}

/* --- buttons --- */
static uint8_t look_for(uint8_t x, uint8_t y) {
    uint8_t i = object_at(x, y);
    if (i == NO_OBJECT)
        return 0;
    people_settle();
    spoken_to = i;
    if (objects[i].kind == OBJ_TRAINER)
        trainer_talk(i);
    else if (objects[i].kind == OBJ_BOULDER)
        boulder_ask();
    else if (objects[i].arg)
        script_run(objects[i].arg);
    return 1;
}

static void talk(void) {
    uint8_t direction = wFacing >> 2;
    uint8_t x = wXCoord + step_x[direction], y = wYCoord + step_y[direction];
    uint16_t script;
    if (look_for(x, y))
        return;
    script = sign_at(x, y);
    if (!script && map_attribute(x, y) & TILE_COUNTER) { /* people and signs behind a counter are in reach */
        if (look_for(x + step_x[direction], y + step_y[direction]))
            return;
        script = sign_at(x + step_x[direction], y + step_y[direction]);
    }
    if (script) {
        people_settle();
        spoken_to = NO_OBJECT;
        script_run(script);
    } else
        field_ask(x, y);
}

static void one_frame(void) {
    people_tick();
    frame();
}

/* A turn takes a moment; only a button that is still held after it makes a step. */
static uint8_t turned_only(uint8_t direction) {
    player_face(direction);
    for (uint8_t i = TURN_FRAMES; i; i--) {
        one_frame();
        if (direction_of(hJoyHeld) != direction)
            return 1;
    }
    return 0;
}

/* 1 if the player has moved: then the next step needs no pause to turn. */
static uint8_t walk(uint8_t direction, uint8_t walking) {
    uint8_t x, y, attribute;
    if (wFacing != direction << 2) {
        if (walking)
            player_face(direction);
        else if (turned_only(direction))
            return 0;
    }
    x = wXCoord + step_x[direction];
    y = wYCoord + step_y[direction];
    attribute = map_attribute(x, y);
    if (direction == DOWN && attribute & TILE_LEDGE && landing(x, y + 1))
        jump_ledge();
    else if (enterable(x, y, attribute))
        step(direction, 0);
    else {
        if (!pushing || !boulder_push(x, y, direction))
            one_frame();
        return 0;
    }
    return !step_events();
}

static void rest(void) {
    uint8_t left;
    last_held = 0;
    if (people_walker != NO_OBJECT) {
        one_frame();
        return;
    }
    left = idle(people_timer ? people_timer : 255);
    if (people_timer)
        people_timer = left ? left : 1;
    if (!left)
        people_tick();
}

static uint8_t act(uint8_t walking) {
    uint8_t held = hJoyHeld, fresh = held & ~last_held, direction;
    last_held = held;
    if (fresh & BTN_START) {
        people_settle();
        start_menu();
    } else if (fresh & BTN_A)
        talk();
    else {
        direction = direction_of(held);
        if (direction != NO_DIRECTION)
            return walk(direction, walking);
        one_frame();
        return 0;
    }
    last_held = hJoyHeld;
    return 0;
}

void overworld(void) BANKED {
    uint8_t walking = 0;
    for (;;) {
        if (map_entered) {
            map_enter();
            last_held = hJoyHeld;
        }
        wJoyIgnore = 0;
        if (hJoyHeld)
            walking = act(walking);
        else {
            walking = 0;
            rest();
        }
    }
}
