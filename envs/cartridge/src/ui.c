/* Bank 0: boxes, words and numbers. They write wTileMap; the vertical blank routine copies it to the window, which lies over
 * the map as long as a box is open. */
#include "engine.h"

#define WIDTH 20
#define HEIGHT 18
#define TILES ((uint8_t *)0xC3A0)        /* wTileMap without volatile: shorter code */
#define NAME_END 0x50

uint8_t *ui_at(uint8_t x, uint8_t y) {
    return TILES + multiply(y, WIDTH) + x;
}

void ui_rows_dirty(uint8_t y, uint8_t h) {
    uint8_t bits = 0, last = y + h;
    if (y < 6)
        bits = 0x10;
    if (y < 12 && last > 6)
        bits |= 0x20;
    if (last > 12)
        bits |= 0x40;
    if (hWindowY != WINDOW_SHOWN)        /* the window still shows something old */
        bits = WORK_THIRDS;
    hWindowY = WINDOW_SHOWN;
    hWork |= bits;
}

void ui_dirty(void) {
    hWindowY = WINDOW_SHOWN;
    hWork |= WORK_THIRDS;
}

void ui_close(void) {
    hWindowY = WINDOW_HIDDEN;
    hWork = (hWork & ~WORK_THIRDS) | WORK_SCROLL;
}

void ui_fill(uint8_t x, uint8_t y, uint8_t w, uint8_t h, uint8_t tile) {
    uint8_t *to = ui_at(x, y);
    for (uint8_t i = h; i; i--) {
        memory_set(to, tile, w);
        to += WIDTH;
    }
    ui_rows_dirty(y, h);
}

void ui_clear(void) {
    memory_set(TILES, T_SPACE, WIDTH * HEIGHT);
    ui_dirty();
}

static void box_row(uint8_t *to, uint8_t w, uint8_t left, uint8_t middle, uint8_t right) {
    *to = left;
    memory_set(to + 1, middle, w - 2);
    to[w - 1] = right;
}

void ui_box(uint8_t x, uint8_t y, uint8_t w, uint8_t h) {
    uint8_t *to = ui_at(x, y);
    box_row(to, w, T_BOX, T_BOX + 1, T_BOX + 2);
    for (uint8_t i = h - 2; i; i--) {
        to += WIDTH;
        box_row(to, w, T_BOX + 3, T_SPACE, T_BOX + 3);
    }
    box_row(to + WIDTH, w, T_BOX + 4, T_BOX + 1, T_BOX + 5);
    ui_rows_dirty(y, h);
    sprites_cover();
}

uint8_t ui_tile(char ascii) {
    static const char marks[] = "():;[]'-?!.$/,*";
    static const uint8_t mark_tiles[] = {0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xE0, 0xE3, 0xE6, 0xE7, 0xE8, 0xF0, 0xF3, 0xF4, 0xF1};
    uint8_t c = ascii;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 0xA0;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 0x80;
    if (c >= '0' && c <= '9')
        return c - '0' + 0xF6;
    for (uint8_t i = 0; marks[i]; i++)
        if ((uint8_t)marks[i] == c)
            return mark_tiles[i];
    return T_SPACE;
}

void ui_text(uint8_t x, uint8_t y, const char *ascii) {
    uint8_t *row = ui_at(x, y), *to = row;
    uint8_t lines = 1;
    for (char c; (c = *ascii); ascii++) {
        if (c == TXT_NEXT) {
            row += 2 * WIDTH;
            to = row;
            lines += 2;
        } else
            *to++ = ui_tile(c);
    }
    ui_rows_dirty(y, lines);
}

void ui_name(uint8_t x, uint8_t y, const volatile uint8_t *name) {
    uint8_t *to = ui_at(x, y);
    for (uint8_t i = 0; i < 11 && name[i] != NAME_END; i++)
        *to++ = name[i];
    ui_rows_dirty(y, 1);
}

void ui_number(uint8_t x, uint8_t y, uint16_t n, uint8_t width) {
    uint8_t *to = ui_at(x, y) + width;
    for (uint8_t i = 0; i < width; i++) {
        *--to = i && !n ? T_SPACE : 0xF6 + n % 10;
        n /= 10;
    }
    ui_rows_dirty(y, 1);
}

void ui_save(void) {
    memory_move((void *)wSavedTiles, TILES, WIDTH * HEIGHT);
}

void ui_restore(void) {
    memory_move(TILES, (void *)wSavedTiles, WIDTH * HEIGHT);
    ui_dirty();
}

void ui_poke(uint8_t x, uint8_t y, uint8_t tile) {
    *ui_at(x, y) = tile;
    hPoke = 0x9C00 + ((uint16_t)y << 5) + x;
    hPokeTile = tile;
    hWork |= WORK_POKE;
}

/* --- sprites and whole screens --- */
void sprites_hide(void) {
    memory_set((void *)0xC300, 0, 160);
    hWork |= WORK_SPRITES;
}

/* Boxes lie over the map; people are drawn over both, so those under a box go. Tiles from 0x60 on are boxes and letters. */
void sprites_cover(void) {
    uint8_t *entry = (uint8_t *)0xC300;
    for (uint8_t i = 40; i; i--, entry += 4) {
        uint8_t y = entry[0] - 16 + 7, x = entry[1] - 8;     /* the lower edge counts: people stand 4 pixels high */
        if (y < 144 && x < 160 && *ui_at(x >> 3, y >> 3) >= 0x60)
            entry[0] = 0;
    }
    hWork |= WORK_SPRITES;
}

void screen_begin(void) {
    PALETTE = BRIGHT;
    sprites_hide();
    ui_dirty();
}
