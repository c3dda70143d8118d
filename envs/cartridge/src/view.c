/* Bank 0: the map's picture, in wTileMap and in the background's ring of 32 x 32 tiles. */
#include "engine.h"

#define TILES ((uint8_t *)0xC3A0)
#define VIEW_W 10                        /* metatiles on the screen */
#define VIEW_H 9
#define MIDDLE 4                         /* the player stands in column 4, row 4 */

static uint8_t ring_x, ring_y;           /* tile of the ring that is the screen's top left corner */

/* The part of a line that lies inside the map is copied in one go. */
static void line_fetch(uint8_t x, uint8_t y, uint8_t vertical, uint8_t n) {
    uint8_t *to = (uint8_t *)wLine;
    uint8_t run, old = hBank, from_x = x, from_y = y, all = n;
    while (n) {
        if (x >= map_steps_w || y >= map_steps_h) {
            *to++ = step_outside(x, y);
            run = 1;
        } else {
            run = vertical ? map_steps_h - y : map_steps_w - x;
            if (run > n)
                run = n;
            bank_set(map.steps.bank);
            line_copy(map.steps.at + multiply(y, map_steps_w) + x, to, run, vertical ? map_steps_w : 1);
            bank_set(old);
            to += run;
        }
        n -= run;
        if (vertical)
            y += run;
        else
            x += run;
    }
    if (n_changes)
        line_change(from_x, from_y, vertical, all);
}

void view_tiles(void) {
    uint8_t x = wXCoord - MIDDLE, y = wYCoord - MIDDLE;
    uint8_t *to = TILES;
    for (uint8_t row = VIEW_H; row; row--, y++, to += 40) {
        line_fetch(x, y, 0, VIEW_W);
        put_row(to);
    }
}

static uint16_t ring_address(uint8_t x, uint8_t y) {
    return 0x9800 + ((uint16_t)(y & 31) << 5) + (x & 31);
}

void view_draw(void) {
    uint8_t *from = TILES;
    ring_x = ring_y = 0;
    hScrollX = hScrollY = 0;
    hLineTo = 0x9800;
    for (uint8_t row = VIEW_H; row; row--, from += 40) {
        hLineFrom = (uint16_t)from;
        line_now(WORK_ROW);
        hLineTo += 64;
    }
    hWork &= ~(WORK_ROW | WORK_COLUMN | WORK_POKE);
    ui_close();
}

void view_change(uint8_t x, uint8_t y) {
    static const uint8_t order[4] = {0, 1, 20, 21};
    uint8_t *at;
    x -= wXCoord - MIDDLE;
    y -= wYCoord - MIDDLE;
    if (x >= VIEW_W || y >= VIEW_H)
        return;
    view_tiles();
    at = TILES + multiply(y, 40) + (x << 1);
    for (uint8_t i = 0; i < 4; i++) {
        frame();
        hPoke = ring_address(ring_x + (x << 1) + (i & 1), ring_y + (y << 1) + (i >> 1));
        hPokeTile = at[order[i]];
        hWork |= WORK_POKE;
    }
    frame();
}

void view_show(void) {
    view_tiles();
    ui_close();
    sprites_draw();
}

void view_scroll(uint8_t direction) {
    uint8_t x = wXCoord - MIDDLE, y = wYCoord - MIDDLE;
    uint8_t work = WORK_ROW;
    uint8_t *at = TILES;
    switch (direction) {
    case DOWN:
        tiles_up();
        ring_y += 2;
        line_fetch(x, y + VIEW_H, 0, VIEW_W);
        at = TILES + 320;
        hLineTo = ring_address(ring_x, ring_y + 16);
        break;
    case UP:
        tiles_down();
        ring_y -= 2;
        line_fetch(x, y - 1, 0, VIEW_W);
        hLineTo = ring_address(ring_x, ring_y);
        break;
    case LEFT:
        tiles_right();
        ring_x -= 2;
        line_fetch(x - 1, y, 1, VIEW_H);
        hLineTo = ring_address(ring_x, ring_y);
        work = WORK_COLUMN;
        break;
    default:
        tiles_left();
        ring_x += 2;
        line_fetch(x + VIEW_W, y, 1, VIEW_H);
        at = TILES + 18;
        hLineTo = ring_address(ring_x + 18, ring_y);
        work = WORK_COLUMN;
    }
    if (work == WORK_ROW)
        put_row(at);
    else
        put_column(at);
    hLineFrom = (uint16_t)at;
    hWork |= work;
}
