/* Bank 0: text that appears letter by letter, and menus. */
#include "engine.h"

#define T_CURSOR 0xED
#define T_MORE 0xEE
#define WIDTH 20
#define TEXT_X 1
#define TEXT_Y 14
#define TEXT_WIDTH 18
#define NAME_END 0x50

char text_buffer[24];
static uint8_t text_bank;
static uint8_t text_x, text_y;           /* where the next letter goes */

static void letter_wait(void) {
    uint8_t n = wOptions & 7;
    if (!n || hPadHeld & (BTN_A | BTN_B))
        n = 1;
    frames(n);
}

static void text_lines_clear(void) {
    ui_fill(TEXT_X, TEXT_Y - 1, TEXT_WIDTH, 4, T_SPACE);
    text_x = TEXT_X;
    text_y = TEXT_Y;
}

static void next_line(void) {
    text_x = TEXT_X;
    if (text_y == TEXT_Y) {
        text_y += 2;
        return;
    }
    memory_move(ui_at(TEXT_X, TEXT_Y), ui_at(TEXT_X, TEXT_Y + 2), TEXT_WIDTH);
    ui_fill(TEXT_X, TEXT_Y + 2, TEXT_WIDTH, 1, T_SPACE);
    frames(4);
}

static void letter(uint8_t tile) {
    if (text_x == TEXT_X + TEXT_WIDTH)
        next_line();
    ui_poke(text_x++, text_y, tile);
    letter_wait();
}

static void inserted(uint8_t code) {
    const volatile uint8_t *name = code == TXT_PLAYER ? wPlayerName : wRivalName;
    if (code == TXT_BUFFER)
        for (uint8_t i = 0; i < sizeof text_buffer && text_buffer[i]; i++)
            letter(ui_tile(text_buffer[i]));
    else
        for (uint8_t i = 0; i < 11 && name[i] != NAME_END; i++)
            letter(name[i]);
}

static void say(const char *text) {
    ui_box(0, 12, WIDTH, 6);
    text_lines_clear();
    for (uint8_t c; (c = far_byte(text_bank, text)); text++) {
        if (c == TXT_NEXT)
            next_line();
        else if (c == TXT_PAGE) {
            ui_wait_button();
            text_lines_clear();
        } else if (c <= TXT_BUFFER)
            inserted(c);
        else
            letter(ui_tile(c));
    }
}

void ui_say_nowait(const char *ascii) {
    text_bank = hBank;
    say(ascii);
}

void ui_say(const char *ascii) {
    ui_say_nowait(ascii);
    ui_wait_button();
}

void ui_say_far(uint8_t bank, const char *text) {
    text_bank = bank;
    say(text);
}

void ui_say_id(uint16_t text_id) {
    ui_say_far(far_texts[text_id].bank, (const char *)far_texts[text_id].at);
    ui_wait_button();
}

void ui_wait_button(void) {
    uint8_t n = 0;
    do {
        if (!(n & 15))
            ui_poke(18, 16, n & 16 ? T_SPACE : T_MORE);
        n++;
        frame();
    } while (!(hPadPressed & (BTN_A | BTN_B)));
    ui_poke(18, 16, T_SPACE);
}

/* --- menus --- */
uint8_t ui_menu(uint8_t x, uint8_t y, uint8_t n, uint8_t step, uint8_t first, uint8_t cancel) {
    uint8_t at = first < n ? first : 0, pressed;
    uint8_t leave = cancel == 2 ? BTN_B | BTN_START : cancel == 1 ? BTN_B : 0;
    wTopMenuItemX = x;
    wTopMenuItemY = y;
    wMaxMenuItem = n - 1;
    wMenuWatchedKeys = leave | BTN_A;
    wCurrentMenuItem = at;
    *ui_at(x, y + at * step) = T_CURSOR;
    ui_rows_dirty(y, n * step);
    for (;;) {
        frame();
        pressed = hPadPressed;
        if (!pressed)
            continue;
        if (pressed & BTN_A)
            return at;
        if (pressed & leave)
            return MENU_CANCEL;
        if (!(pressed & (BTN_UP | BTN_DOWN)))
            continue;
        ui_poke(x, y + at * step, T_SPACE);
        frame();
        if (pressed & BTN_DOWN)
            at = at + 1 < n ? at + 1 : cancel == MENU_STOPS ? at : 0;
        else
            at = at ? at - 1 : cancel == MENU_STOPS ? 0 : n - 1;
        wCurrentMenuItem = at;
        ui_poke(x, y + at * step, T_CURSOR);
    }
}

uint8_t ui_yes_no(void) {
    ui_box(14, 7, 6, 5);
    ui_text(16, 8, "YES\nNO");
    return ui_menu(15, 8, 2, 2, 0, 1) == 0;
}
