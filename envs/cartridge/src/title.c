/* Bank 4: title picture, the menu under it, the beginning of a new game, and the end screen. */
#pragma bank 4
#include "engine.h"

#define PICTURE_W 20
#define PICTURE_H 8
#define PICTURE_Y 2
#define BEDROOM_X 3
#define BEDROOM_Y 6

static void picture(const char *words) {
    uint8_t bank = far_title.bank, n = far_byte(bank, far_title.at);
    const uint8_t *at = far_title.at + 1;
    screen_off();
    vram_copy_far(0x9000, bank, at + PICTURE_W * PICTURE_H, (uint16_t)n << 4);
    ui_clear();
    far_copy((void *)(wTileMap + PICTURE_Y * PICTURE_W), bank, at, PICTURE_W * PICTURE_H);
    sprites_hide();
    ui_text(4, 13, words);
    screen_on();
}

static void wait_start(void) {
    uint8_t n = 0;
    do {
        frame();
        if (!(++n & 31)) {
            if (n & 32)
                ui_fill(4, 13, 11, 1, T_SPACE);
            else
                ui_text(4, 13, "PRESS START");
        }
    } while (!(hPadPressed & (BTN_START | BTN_A)));
}

static void main_menu(void) {
    uint8_t at = 0;
    for (;;) {
        ui_clear();
        ui_box(3, 5, 14, 6);
        ui_text(6, 7, "NEW GAME\nOPTIONS");
        at = ui_menu(5, 7, 2, 2, at, 0);
        if (!at)
            return;
        options_screen();
    }
}

static void speech(void) {
    ui_clear();
    ui_say("Hello, traveller!");
    ui_say("Creatures of leaf,\nfire and water\flive all over this\nland.");
    ui_say("Some people raise\nthem for battles,\fand some of us\njust watch them.");
    ui_say("Now, what is your\nname?");
    choose_player_name();
    ui_say("And the one next\ndoor is called?");
    choose_rival_name();
    ui_say("\001 and \002!\fYour roads begin\nhere. Off you go!");
}

/* As in the commercial game the first warp is prepared before the speech: the bedroom's id stands in memory long before the
 * player is there. That the player is, shows in the flag that lets play time count. */
static void new_game(void) {
    wPlayerMoney[1] = 0x30;
    wPartySpecies[0] = wBagItems[0] = 0xFF;
    wCurMap = MAP_BEDROOM;
    wXCoord = BEDROOM_X;
    wYCoord = BEDROOM_Y;
    speech();
    frames(20);
    wStatusFlags6 |= TIME_COUNTS;
    frames(20);
    wJoyIgnore = 0xFF;                   /* until the map is there */
    map_load(MAP_BEDROOM, BEDROOM_X, BEDROOM_Y, 0x4);
}

void title(void) BANKED {
    picture("PRESS START");
    wait_start();
    main_menu();
    new_game();
}

/* The end of the story: how long it took, and who was there. */
void ending(void) BANKED {
    uint8_t badges = 0;
    PALETTE = BRIGHT;
    for (uint8_t bits = wObtainedBadges; bits; bits >>= 1)
        badges += bits & 1;
    picture("");
    ui_text(3, 10, "CHAMPION:");
    ui_name(13, 10, wPlayerName);
    ui_text(3, 12, "TIME\nBADGES");
    ui_number(7, 12, wPlayTimeHours, 4);
    ui_text(11, 12, ":");
    ui_number(12, 12, wPlayTimeMinutes, 2);
    ui_number(11, 14, badges, 1);
    for (uint8_t i = 0; i < badges; i++)
        ui_fill(13 + (i & 3), 14 + (i >> 2), 1, 1, T_BADGE);
    ui_dirty();
    frames(120);
    ui_wait_button();
    ui_clear();
    ui_text(5, 0, "THE TEAM");
    for (uint8_t i = 0; i < wPartyCount; i++) {
        ui_name(2, 3 + 2 * i, wPartyMonNicks + 11 * i);
        draw_level(14, 3 + 2 * i, wPartyMons[MON_SIZE * i + MON_LEVEL]);
    }
    ui_text(1, 15, "THANKS FOR PLAYING");
    ui_dirty();
    frames(60);
    ui_wait_button();
    map_redraw();
}
