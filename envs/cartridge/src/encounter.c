/* Bank 1: what a step can bring on: trainers who look, wild creatures, poison; and what comes after a battle. */
#pragma bank 1
#include "engine.h"

static void trainer_get(uint8_t trainer, Trainer *to) {
    far_copy(to, far_trainers[trainer].bank, far_trainers[trainer].at, sizeof(Trainer));
}

uint8_t trainer_beaten(uint8_t trainer) BANKED {
    Trainer t;
    trainer_get(trainer, &t);
    return has_event(t.event);
}

void blackout(void) BANKED {
    wJoyIgnore = 0xFF;
    screen_begin();
    ui_clear();
    ui_say_nowait("All your team is\nworn out...");
    frames(60);
    money_halve();
    party_heal();
    wIsInBattle = 0;
    way_out();
    wJoyIgnore = 0;
}

void after_battle(uint8_t result) BANKED {
    if (result == RESULT_LOST)
        blackout();
    else {
        objects_refresh();
        map_redraw();
    }
}

/* --- trainers --- */
static uint8_t clear_line(uint8_t x, uint8_t y, uint8_t direction, uint8_t n) {
    for (; n; n--) {
        x += step_x[direction];
        y += step_y[direction];
        if (!(map_attribute(x, y) & (TILE_WALK | TILE_WATER)) || object_at(x, y) != NO_OBJECT)
            return 0;
    }
    return 1;
}

/* Steps between a trainer and the player it sees, plus one; 0: it does not. */
static uint8_t sees(uint8_t i) {
    Object *o = &objects[i];
    uint8_t direction = o->facing >> 2, distance;
    if (direction >= LEFT) {
        if (o->y != wYCoord)
            return 0;
        distance = direction == LEFT ? o->x - wXCoord : wXCoord - o->x;
    } else {
        if (o->x != wXCoord)
            return 0;
        distance = direction == UP ? o->y - wYCoord : wYCoord - o->y;
    }
    if (!distance || distance > object_sight[i] || !clear_line(o->x, o->y, direction, distance - 1))
        return 0;
    return distance;
}

static void fight(uint8_t i, const Trainer *t) {
    uint8_t trainer = objects[i].arg, result;
    uint16_t script = t->script_after;
    ui_say_id(t->text_before);
    wJoyIgnore = 0;
    result = battle_trainer(trainer);
    after_battle(result);
    if (result == RESULT_WON && script)
        script_run(script);
}

static void meet(uint8_t i, uint8_t distance) {
    Trainer t;
    uint8_t direction = objects[i].facing >> 2;
    wJoyIgnore = 0xFF;
    people_settle();
    object_bubble(i);
    for (; distance > 1; distance--)
        object_step(i, direction);
    player_face(direction ^ 1);
    trainer_get(objects[i].arg, &t);
    fight(i, &t);
}

uint8_t trainers_look(void) BANKED {
    uint8_t distance;
    if (!wPartyCount)
        return 0;
    for (uint8_t i = 0; i < object_count; i++)
        if (object_sight[i] && (distance = sees(i))) {
            meet(i, distance);
            return 1;
        }
    return 0;
}

void trainer_talk(uint8_t i) BANKED {
    Trainer t;
    trainer_get(objects[i].arg, &t);
    object_face(i, (wFacing >> 2) ^ 1);
    if (has_event(t.event)) {
        ui_say_id(t.text_after);
        view_show();
    } else if (party_alive())
        fight(i, &t);
}

/* --- steps --- */
uint8_t step_hazards(void) BANKED {
    WildSlot wild;
    if (!wPartyCount)
        return 0;
    if (party_poison_step()) {
        wIsInBattle = 0xFF;
        blackout();
        return 1;
    }
    if (wRepelSteps)
        wRepelSteps--;
    if (!map.wild_rate || wRepelSteps || !(map_attribute(wXCoord, wYCoord) & TILE_GRASS) || random8() >= map.wild_rate)
        return 0;
    wild_slot(&wild);
    after_battle(battle_wild(wild.species, wild.level));
    return 1;
}
