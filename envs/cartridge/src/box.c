/* Bank 4: the machine of the healing centres that stores creatures. */
#pragma bank 4
#include "engine.h"

enum { ROW_STORE, ROW_TAKE, ROW_QUIT, ROWS };

static void store(void) {
    uint8_t i;
    if (wPartyCount < 2) {
        ui_say("The last one stays\nwith you.");
        return;
    }
    if (wBoxCount == BOX_SIZE) {
        ui_say("The box is full.");
        return;
    }
    i = team_screen(1);
    if (i == MENU_CANCEL)
        return;
    box_add(wPartyMons + MON_SIZE * i);
    party_remove(i);
}

static void box_draw(void) {
    char name[11];
    ui_clear();
    ui_text(1, 0, "THE BOX");
    for (uint8_t i = 0; i < wBoxCount; i++) {
        volatile uint8_t *mon = wBoxMons + MON_SIZE * i;
        species_name(mon[MON_SPECIES], name);
        ui_text(2, 2 + i, name);
        draw_level(14, 2 + i, mon[MON_LEVEL]);
    }
    ui_text(2, 2 + wBoxCount, "BACK");
    ui_dirty();
}

static void take(void) {
    uint8_t i;
    screen_begin();
    box_draw();
    i = ui_menu(1, 2, wBoxCount + 1, 1, 0, 1);
    if (i >= wBoxCount)
        return;
    if (!box_take(i))
        ui_say("Your team is full.");
}

void box(void) BANKED {
    uint8_t at = 0;
    for (;;) {
        view_tiles();
        sprites_draw();
        ui_box(0, 0, 9, 8);
        ui_text(2, 2, "STORE\nTAKE\nQUIT");
        ui_say_nowait("A machine keeps\ncreatures safe.");
        at = ui_menu(1, 2, ROWS, 2, at, 1);
        if (at >= ROW_QUIT)
            break;
        if (at == ROW_STORE)
            store();
        else
            take();
        map_redraw();
    }
    view_show();
}
