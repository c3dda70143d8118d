/* Bank 1: the interpreter of scripts (operations: world.h). */
#pragma bank 1
#include "engine.h"

#define SPEAKER 0xFF

uint8_t spoken_to = NO_OBJECT;
static uint8_t script_bank;
static const uint8_t *script_start, *script_at;
static uint8_t result;

static uint8_t byte(void) {
    return far_byte(script_bank, script_at++);
}

static uint16_t word(void) {
    uint8_t low = byte();
    return low | ((uint16_t)byte() << 8);
}

static uint8_t object_byte(void) {
    uint8_t i = byte();
    if (i == SPEAKER)
        i = spoken_to;
    return i < object_count ? i : 0;
}

static void jump_if(uint8_t condition) {
    uint16_t offset = word();
    if (condition)
        script_at = script_start + offset;
}

/* 1: the battle was lost, and the script is over. */
static uint8_t fighting(uint8_t op) {
    uint8_t ignored = wJoyIgnore, a = byte(), outcome;
    wJoyIgnore = 0;
    if (op == OP_WILD)
        outcome = battle_wild(a, byte());
    else
        outcome = battle_trainer(a);
    if (op == OP_STARTER_RIVAL_LOSS_OK && outcome == RESULT_LOST) {      /* nothing is lost this once */
        wIsInBattle = 0;
        party_heal();
        outcome = RESULT_DRAW;
    }
    after_battle(outcome);
    wJoyIgnore = ignored;
    return outcome == RESULT_LOST;
}

static void walk_player(void) {
    wJoyIgnore = 0xFF;
    people_settle();
    for (uint8_t n = byte(); n; n--)
        player_step(byte());
}

static void walk_object(void) {
    uint8_t i = object_byte();
    wJoyIgnore = 0xFF;
    for (uint8_t n = byte(); n; n--)
        object_step(i, byte());
}

static void warp(void) {
    uint8_t id = byte(), x = byte(), y = byte(), facing = byte();
    if (map.flags & MAP_OUTDOOR)
        wLastMap = wCurMap;
    map_load(id, x, y, facing);
}

static void set_tile(void) {
    uint8_t x = byte(), y = byte();
    tile_change(x, y, byte());
}

static void ask(void) {
    uint16_t text = word();
    ui_say_far(far_texts[text].bank, (const char *)far_texts[text].at);
    result = ui_yes_no();
    view_show();
}

static void walking_or_standing(uint8_t op) {
    uint8_t i;
    switch (op) {
    case OP_WALK_PLAYER:
        walk_player();
        break;
    case OP_WALK_OBJECT:
        walk_object();
        break;
    case OP_FACE_PLAYER:
        player_face(byte());
        break;
    case OP_FACE_OBJECT:
        i = object_byte();
        object_face(i, byte());
        break;
    case OP_PLACE_OBJECT: {
        uint8_t x, y;
        i = object_byte();
        x = byte();
        y = byte();
        object_place(i, x, y);
        break;
    }
    case OP_SHOW_OBJECT:
        object_force(object_byte(), 1);
        break;
    case OP_HIDE_OBJECT:
        object_force(object_byte(), 2);
        break;
    case OP_FACE_TO_PLAYER:
        object_face(object_byte(), (wFacing >> 2) ^ 1);
        break;
    case OP_DELAY:
        wJoyIgnore = 0xFF;
        frames(byte());
        break;
    case OP_WARP:
        warp();
        break;
    case OP_SET_TILE:
        set_tile();
        break;
    case OP_BOX:
        box();
        break;
    case OP_ENDING:
        ending();
        break;
    case OP_CENTRE:
        way_out();
    }
}

static void giving(uint8_t op) {
    uint8_t a = byte(), b = 0;
    if (op == OP_GIVE_ITEM || op == OP_TAKE_ITEM || op == OP_GIVE_MON || op == OP_SET_VAR)
        b = byte();
    switch (op) {
    case OP_GIVE_ITEM:
        result = bag_add(a, b);
        break;
    case OP_TAKE_ITEM:
        result = bag_remove(a, b);
        break;
    case OP_GIVE_MON:
        result = party_add(a, b);
        break;
    case OP_SET_VAR:
        wScriptVars[a & 15] = b;
        break;
    case OP_GIVE_BADGE:
        wObtainedBadges |= 1 << a;
        break;
    case OP_SET_BLACKOUT:
        blackout_set(a);
        break;
    case OP_SHOP:
        shop(a);
    }
}

static uint8_t badge_count(void) {
    uint8_t n = 0;
    for (uint8_t bits = wObtainedBadges; bits; bits >>= 1)
        n += bits & 1;
    return n;
}

static void deciding(uint8_t op) {
    uint8_t a, b;
    uint16_t event;
    switch (op) {
    case OP_GOTO:
        jump_if(1);
        break;
    case OP_IF_EVENT:
        event = word();
        jump_if(has_event(event));
        break;
    case OP_IFNOT_EVENT:
        event = word();
        jump_if(!has_event(event));
        break;
    case OP_IF_ITEM:
        a = byte();
        jump_if(bag_count(a));
        break;
    case OP_IF_RESULT:
        jump_if(result);
        break;
    case OP_IFNOT_RESULT:
        jump_if(!result);
        break;
    case OP_IF_BADGE:
        a = byte();
        jump_if(wObtainedBadges & (1 << a));
        break;
    case OP_IF_VAR:
        a = byte();
        b = byte();
        jump_if(wScriptVars[a & 15] == b);
        break;
    case OP_IF_FIELD:
        a = byte();
        jump_if(field_able(a));
        break;
    case OP_IF_BADGES:
        a = byte();
        jump_if(badge_count() >= a);
    }
}

/* One operation; 1: the script is over. */
static uint8_t run_one(uint8_t op) {
    switch (op) {
    case OP_END:
        return 1;
    case OP_TEXT:
        ui_say_id(word());
        view_show();
        break;
    case OP_ASK:
        ask();
        break;
    case OP_SET_EVENT:
        set_event(word());
        objects_refresh();
        break;
    case OP_CLEAR_EVENT:
        clear_event(word());
        objects_refresh();
        break;
    case OP_HEAL:
        party_heal();
        break;
    case OP_PAY:
        result = money_pay(word());
        break;
    case OP_TRAINER:
    case OP_WILD:
    case OP_STARTER_RIVAL_LOSS_OK:
        return fighting(op);
    case OP_GIVE_ITEM:
    case OP_TAKE_ITEM:
    case OP_GIVE_MON:
    case OP_SET_VAR:
    case OP_GIVE_BADGE:
    case OP_SET_BLACKOUT:
    case OP_SHOP:
        giving(op);
        break;
    case OP_GOTO:
    case OP_IF_EVENT:
    case OP_IFNOT_EVENT:
    case OP_IF_ITEM:
    case OP_IF_RESULT:
    case OP_IFNOT_RESULT:
    case OP_IF_BADGE:
    case OP_IF_VAR:
    case OP_IF_FIELD:
    case OP_IF_BADGES:
        deciding(op);
        break;
    default:
        walking_or_standing(op);
    }
    return 0;
}

void script_run(uint16_t script) BANKED {
    script_bank = far_scripts[script].bank;
    script_start = script_at = far_scripts[script].at;
    while (!run_one(byte()))
        ;
    wJoyIgnore = 0;
}
