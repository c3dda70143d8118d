/* Bank 4: the menu that START opens, and the options. */
#pragma bank 4
#include "engine.h"

enum { ENTRY_TEAM, ENTRY_BAG, ENTRY_OPTIONS, ENTRY_EXIT, ENTRIES };
enum { ROW_SPEED, ROW_ANIMATIONS, ROW_STYLE, ROW_BACK, ROWS };
#define NO_ANIMATIONS 0x80
#define STYLE_SET 0x40

static void options_draw(void) {
    uint8_t speed = wOptions & 7;
    ui_box(0, 0, 20, 10);
    ui_text(2, 2, "TEXT SPEED\nANIMATIONS\nSTYLE\nBACK");
    ui_text(13, 2, speed == 1 ? "FAST" : speed == 5 ? "SLOW" : "MEDIUM");
    ui_text(13, 4, wOptions & NO_ANIMATIONS ? "OFF" : "ON");
    ui_text(13, 6, wOptions & STYLE_SET ? "SET" : "SHIFT");
}

void options_screen(void) BANKED {
    uint8_t row = 0;
    ui_clear();
    for (;;) {
        options_draw();
        row = ui_menu(1, 2, ROWS, 2, row, 2);
        if (row == ROW_SPEED) {
            uint8_t speed = wOptions & 7;
            wOptions = (wOptions & 0xF8) | (speed == 1 ? 3 : speed == 3 ? 5 : 1);
        } else if (row == ROW_ANIMATIONS)
            wOptions ^= NO_ANIMATIONS;
        else if (row == ROW_STYLE)
            wOptions ^= STYLE_SET;
        else
            return;
    }
}

/* 1: the player is somewhere else now. */
static uint8_t run_entry(uint8_t entry) {
    if (entry == ENTRY_TEAM && !wPartyCount)
        return 0;
    if (entry == ENTRY_TEAM)
        team_screen(0);
    else if (entry == ENTRY_BAG) {
        if (bag_screen(0) == 3) {
            way_out();
            return 1;
        }
    } else {
        sprites_hide();
        options_screen();
        return 0;                        /* it uses letters alone: the map's tiles are still there */
    }
    map_redraw();
    return 0;
}

void start_menu(void) BANKED {
    uint8_t entry = 0;
    for (;;) {
        ui_box(10, 0, 10, 10);
        ui_text(12, 2, "TEAM\nBAG\nOPTIONS\nEXIT");
        entry = ui_menu(11, 2, ENTRIES, 2, entry, 2);
        if (entry >= ENTRY_EXIT)
            break;
        if (run_entry(entry))
            return;
        view_tiles();
        sprites_draw();
        ui_dirty();
    }
    view_show();
}
