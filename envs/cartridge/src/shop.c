/* Bank 4: shops. */
#pragma bank 4
#include "engine.h"

#define LINES 4                          /* entries of a list that are seen at once */
#define MAX_QUANTITY 99

static uint8_t goods[9];                 /* n, then item ids */
static uint8_t selling;
static Item item;

static uint8_t entry_count(void) {
    return selling ? wNumBagItems : goods[0];
}

static uint8_t entry_item(uint8_t i) {
    return selling ? wBagItems[2 * i] : goods[1 + i];
}

static uint16_t entry_price(void) {
    return selling ? item.price / 2 : item.price;
}

static void money_draw(void) {
    ui_box(10, 0, 10, 3);
    ui_text(11, 1, "$");
    for (uint8_t i = 0, seen = 0; i < 6; i++) {
        uint8_t pair = wPlayerMoney[i >> 1], digit = i & 1 ? pair & 15 : pair >> 4;
        seen |= digit;
        ui_fill(12 + i, 1, 1, 1, seen || i == 5 ? 0xF6 + digit : T_SPACE);
    }
}

static void list_draw(uint8_t top) {
    uint8_t n = entry_count();
    ui_box(3, 3, 17, 9);
    for (uint8_t line = 0; line < LINES && top + line <= n; line++) {
        uint8_t y = 4 + 2 * line;
        if (top + line == n) {
            ui_text(5, y, "BACK");
            return;
        }
        item_get(entry_item(top + line), &item);
        ui_text(5, y, (const char *)item.name);
        if (selling) {
            ui_text(17, y, "*");
            ui_number(17, y, wBagItems[2 * (top + line) + 1], 2);
        } else
            ui_number(15, y, item.price, 4);
    }
}

/* The cursor of a list that may be longer than its box. Returns an entry or MENU_CANCEL. */
static uint8_t list_choose(uint8_t first) {
    uint8_t n = entry_count() + 1, at = first < n ? first : 0, top;
    for (;;) {
        uint8_t pressed;
        top = at < LINES ? 0 : at - LINES + 1;
        list_draw(top);
        ui_fill(4, 4 + 2 * (at - top), 1, 1, 0xED);
        wCurrentMenuItem = at;
        do {
            frame();
            pressed = hPadPressed & (BTN_A | BTN_B | BTN_UP | BTN_DOWN);
        } while (!pressed);
        if (pressed & BTN_A)
            return at + 1 == n ? MENU_CANCEL : at;
        if (pressed & BTN_B)
            return MENU_CANCEL;
        if (pressed & BTN_DOWN)
            at = at + 1 == n ? 0 : at + 1;
        else
            at = at ? at - 1 : n - 1;
    }
}

/* How many: up and down one, right and left ten; 0 for B. */
static uint8_t quantity_choose(uint8_t max) {
    uint8_t n = 1;
    ui_box(7, 9, 13, 3);
    for (;;) {
        uint8_t pressed;
        ui_text(8, 10, "*");
        ui_number(9, 10, n, 2);
        ui_number(13, 10, entry_price() * n, 6);
        do {
            frame();
            pressed = hPadPressed;
        } while (!pressed);
        if (pressed & BTN_A)
            return n;
        if (pressed & BTN_B)
            return 0;
        if (pressed & BTN_UP)
            n = n == max ? 1 : n + 1;
        else if (pressed & BTN_DOWN)
            n = n == 1 ? max : n - 1;
        else if (pressed & BTN_RIGHT)
            n = n + 10 > max ? max : n + 10;
        else if (pressed & BTN_LEFT)
            n = n > 10 ? n - 10 : 1;
    }
}

/* As many as fit the display of the sum. */
static uint8_t most(void) {
    uint16_t n = 65535U / item.price;
    return n < MAX_QUANTITY ? n : MAX_QUANTITY;
}

static void trade_item(uint8_t i) {
    uint8_t id = entry_item(i), n;
    item_get(id, &item);
    if (selling && !item.price) {
        ui_say("I can't buy that.\nIt's too precious.");
        return;
    }
    n = quantity_choose(selling ? wBagItems[2 * i + 1] : most());
    if (!n)
        return;
    ui_say_nowait(selling ? "Shall I take it?" : "Is that all right?");
    if (!ui_yes_no())
        return;
    if (selling) {
        bag_remove(id, n);
        money_give((uint32_t)entry_price() * n);
    } else if (!bag_add(id, n))
        ui_say("Your bag is full.");
    else if (!money_pay((uint32_t)entry_price() * n)) {
        bag_remove(id, n);
        ui_say("You haven't got\nenough money.");
    }
    money_draw();
}

static void trade(void) {
    uint8_t at = 0;
    for (;;) {
        ui_say_nowait(selling ? "What do you sell?" : "What do you need?");
        at = list_choose(at);
        if (at == MENU_CANCEL)
            return;
        trade_item(at);
    }
}

void shop(uint8_t shop_id) BANKED {
    uint8_t at = 0;
    far_copy(goods, far_shops[shop_id].bank, far_shops[shop_id].at, sizeof goods);
    for (;;) {
        view_tiles();
        sprites_draw();
        ui_box(0, 0, 9, 8);
        ui_text(2, 2, "BUY\nSELL\nQUIT");
        money_draw();
        ui_say_nowait("What can I do?");
        at = ui_menu(1, 2, 3, 2, at, 1);
        if (at >= 2)
            break;
        selling = at;
        trade();
    }
    view_show();
}
