/* Bank 4: names at the beginning of a new game: a menu of ready ones, and a screen on which one is typed. Both follow the
 * rules and the memory of the commercial game's, which scripts and agents must get through as well. */
#pragma bank 4
#include "engine.h"

#define READY 3                          /* names below NEW NAME */
#define NAME_MAX 7
#define NAME_END 0x50
#define NAME_X 10
#define NAME_Y 2
#define CURSOR 0xED
#define TOP 3                            /* row n of the letters is at y = TOP + 2 * n */
#define FIRST_X 1                        /* columns of the cursor; letters stand right of it */
#define LAST_X 17
#define CASE_ROW 6
#define END_ROW 5
#define CASE_BIT 0x20                    /* of a letter's tile */

static const char *const letters[END_ROW] = {"ABCDEFGHI", "JKLMNOPQR", "STUVWXYZ ", "*():;[]'$", "-?!12/.,"};
static const char *const player_names[READY] = {"ROBIN", "WREN", "SAGE"};
static const char *const rival_names[READY] = {"BRIAR", "FLINT", "MOSS"};
static uint8_t name[NAME_MAX + 1];

static uint8_t cursor_y(void) {
    return TOP + (wCurrentMenuItem << 1);
}

static void cursor_draw(uint8_t tile) {
    ui_poke(wTopMenuItemX, cursor_y(), tile);
    frame();
}

static void letters_draw(void) {
    uint8_t bit = wAlphabetCase ? CASE_BIT : 0;
    for (uint8_t row = 0; row < END_ROW; row++) {
        uint8_t *to = ui_at(FIRST_X + 1, TOP + 2 + (row << 1));
        for (const char *c = letters[row]; *c; c++, to += 2)
            *to = ui_tile(*c) ^ (row < 3 && *c != ' ' ? bit : 0);
    }
    *ui_at(LAST_X + 1, TOP + 2 * END_ROW) = T_END;
    ui_text(FIRST_X + 1, TOP + 2 * CASE_ROW, bit ? "UPPER CASE" : "lower case");
    ui_dirty();
}

/* The name so far. Once it is full, the cursor goes to the tile that ends it. */
static void name_draw(void) {
    ui_fill(NAME_X, NAME_Y, NAME_MAX, 1, T_SPACE);
    ui_name(NAME_X, NAME_Y, name);
    if (wNamingScreenNameLength == NAME_MAX) {
        cursor_draw(T_SPACE);
        wTopMenuItemX = LAST_X;
        wCurrentMenuItem = END_ROW;
    }
}

static void name_end(uint8_t length) {
    name[length] = NAME_END;
    wNamingScreenNameLength = length;
}

static void screen_draw(const char *question) {
    ui_clear();
    frames(3);
    ui_text(1, 0, question);
    ui_box(0, 4, 20, 11);
    ui_fill(NAME_X, NAME_Y + 1, NAME_MAX, 1, T_LINE);
    wTopMenuItemY = TOP;
    wTopMenuItemX = FIRST_X;
    wCurrentMenuItem = 1;
    wMaxMenuItem = CASE_ROW + 1;
    wMenuWatchedKeys = 0xFF;
    wNamingScreenSubmitName = wAlphabetCase = 0;
    name_end(0);
    letters_draw();
}

static void case_switch(void) {
    wAlphabetCase ^= 1;
    letters_draw();
}

static void press_a(void) {
    uint8_t length = wNamingScreenNameLength;
    if (wCurrentMenuItem == CASE_ROW)
        case_switch();
    else if (wCurrentMenuItem == END_ROW && wTopMenuItemX == LAST_X)
        wNamingScreenSubmitName = 1;
    else if (length < NAME_MAX) {
        name[length] = *ui_at(wTopMenuItemX + 1, cursor_y());
        name_end(length + 1);
    }
}

static void move(uint8_t pressed) {
    uint8_t row = wCurrentMenuItem, x = wTopMenuItemX;
    cursor_draw(T_SPACE);
    if (pressed & BTN_DOWN)
        row = row == CASE_ROW ? 1 : row + 1;
    else if (pressed & BTN_UP)
        row = row == 1 ? CASE_ROW : row - 1;
    else if (row != CASE_ROW)
        x = pressed & BTN_LEFT ? (x == FIRST_X ? LAST_X : x - 2) : (x == LAST_X ? FIRST_X : x + 2);
    wCurrentMenuItem = row;
    wTopMenuItemX = row == CASE_ROW ? FIRST_X : x;
}

static void press(uint8_t pressed) {
    if (pressed & (BTN_DOWN | BTN_UP | BTN_LEFT | BTN_RIGHT)) {
        move(pressed);
        return;
    }
    if (pressed & BTN_START)
        wNamingScreenSubmitName = 1;
    else if (pressed & BTN_SELECT)
        case_switch();
    else if (pressed & BTN_A)
        press_a();
    else if (wNamingScreenNameLength)
        name_end(wNamingScreenNameLength - 1);
    name_draw();
}

/* A name that is typed; an empty one is asked for again. */
static void type_name(volatile uint8_t *to, const char *question) {
    do {
        screen_draw(question);
        do {
            cursor_draw(CURSOR);
            while (!hPadPressed)
                frame();
            press(hPadPressed);
        } while (!wNamingScreenSubmitName);
        memory_move((void *)to, name, NAME_MAX + 1);
    } while (!wNamingScreenNameLength);
}

static void ready_name(volatile uint8_t *to, const char *ready) {
    uint8_t i = 0;
    for (; ready[i]; i++)
        to[i] = ui_tile(ready[i]);
    to[i] = NAME_END;
}

static void choose_name(volatile uint8_t *to, const char *const *names, const char *question) {
    uint8_t pick;
    ui_box(0, 0, 11, 12);
    ui_text(3, 0, "NAME");
    ui_text(2, 2, "NEW NAME");
    for (uint8_t i = 0; i < READY; i++)
        ui_text(2, 4 + 2 * i, names[i]);
    pick = ui_menu(1, 2, READY + 1, 2, 0, MENU_STOPS);
    if (pick)
        ready_name(to, names[pick - 1]);
    else
        type_name(to, question);
    ui_clear();
}

void choose_player_name(void) BANKED {
    choose_name(wPlayerName, player_names, "YOUR NAME?");
}

void choose_rival_name(void) BANKED {
    choose_name(wRivalName, rival_names, "NEXT DOOR?");
}
