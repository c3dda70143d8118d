/* Whole screens: the team and the bag. Used from the start menu and in battles; whoever calls redraws what was there. */
#pragma bank 3
#include "engine.h"

#define BAG_ROWS 10      /* entries on a page */
enum { ITEM_NONE, ITEM_BALL, ITEM_HEAL, ITEM_CURE, ITEM_REPEL, ITEM_EXIT, ITEM_REVIVE, ITEM_TEACH };   /* order of tables.py */
#define FLAG_BATTLE 2

uint8_t battle_item;

/* 6 tiles of 8 pixels between the label and the right end; a living creature shows one pixel at least. */
void draw_hp_bar(uint8_t x, uint8_t y, uint16_t hp, uint16_t max) BANKED
{
    volatile uint8_t *to = wTileMap + (uint16_t)y * 20 + x;
    uint8_t i, fill, pixels = max ? (uint8_t)((uint32_t)hp * 48 / max) : 0;
    if (hp && !pixels) pixels = 1;
    *to++ = T_BAR_HP;
    *to++ = T_BAR_LEFT;
    for (i = 0; i != 6; i++) {
        fill = pixels > 8 ? 8 : pixels;
        *to++ = T_BAR_FILL + fill;
        pixels -= fill;
    }
    *to = T_BAR_RIGHT;
    ui_rows_dirty(y, 1);
}

void draw_status(uint8_t x, uint8_t y, uint8_t status, uint16_t hp) BANKED
{
    const char *word = "   ";
    if (!hp) word = "FNT";
    else if (status & STATUS_SLEEP) word = "SLP";
    else if (status & STATUS_POISON) word = "PSN";
    else if (status & STATUS_BURN) word = "BRN";
    else if (status & STATUS_PARALYZED) word = "PAR";
    ui_text(x, y, word);
}

void draw_level(uint8_t x, uint8_t y, uint8_t level) BANKED
{
    uint8_t width = level < 10 ? 1 : level < 100 ? 2 : 3;
    ui_fill(x, y, 4, 1, T_SPACE);
    wTileMap[(uint16_t)y * 20 + x] = T_LEVEL;
    ui_number(x + 1, y, level, width);
}

/* A new message in the bottom box, there at once. */
static void note(const char *text)
{
    ui_box(0, 12, 20, 6);
    ui_text(1, 14, text);
    ui_dirty();
}

static void note_wait(const char *text)
{
    note(text);
    ui_wait_button();
}

static void team_draw(void)
{
    uint8_t i;
    uint16_t hp, max;
    volatile uint8_t *mon = wPartyMons;
    ui_clear();
    for (i = 0; i != wPartyCount; i++, mon += MON_SIZE) {
        hp = get16(mon + MON_HP);
        max = get16(mon + MON_MAX_HP);
        ui_name(2, 2 * i, wPartyMonNicks + 11 * i);
        draw_status(13, 2 * i, mon[MON_STATUS], hp);
        draw_level(16, 2 * i, mon[MON_LEVEL]);
        draw_hp_bar(2, 2 * i + 1, hp, max);
        ui_number(12, 2 * i + 1, hp, 3);
        ui_text(15, 2 * i + 1, "/");
        ui_number(16, 2 * i + 1, max, 3);
    }
}

static void stats_draw(volatile uint8_t *mon, uint8_t i)
{
    static const char *const names[] = { "ATTACK", "DEFENSE", "SPEED", "SPECIAL" };
    Move m;
    uint8_t n;
    ui_clear();
    ui_name(1, 0, wPartyMonNicks + 11 * i);
    draw_level(14, 0, mon[MON_LEVEL]);
    draw_hp_bar(1, 1, get16(mon + MON_HP), get16(mon + MON_MAX_HP));
    draw_status(14, 1, mon[MON_STATUS], get16(mon + MON_HP));
    for (n = 0; n != 4; n++) {
        ui_text(1, 3 + 2 * n, names[n]);
        ui_number(10, 3 + 2 * n, get16(mon + MON_ATTACK + 2 * n), 3);
    }
    ui_box(0, 12, 20, 6);
    for (n = 0; n != 4 && mon[MON_MOVES + n]; n++) {
        move_get(mon[MON_MOVES + n], &m);
        ui_text(1, 13 + n, (const char *)m.name);
        ui_number(14, 13 + n, mon[MON_PP + n] & 63, 2);
        ui_text(16, 13 + n, "/");
        ui_number(17, 13 + n, m.pp, 2);
    }
    ui_dirty();
    ui_wait_button();
}

/* What to do with creature i when the team is only looked at. */
static void team_entry(uint8_t i)
{
    uint8_t pick;
    ui_box(12, 12, 8, 5);
    ui_text(14, 13, "STATS");
    ui_text(14, 14, "MOVE");
    ui_text(14, 15, "BACK");
    ui_dirty();
    pick = ui_menu(13, 13, 3, 1, 0, 1);
    if (pick == 0) stats_draw(wPartyMons + MON_SIZE * i, i);
    if (pick != 1) return;
    team_draw();
    note("Move it where?");
    pick = ui_menu(1, 0, wPartyCount, 2, i, 1);
    if (pick != MENU_CANCEL && pick != i) party_swap(i, pick);
}

uint8_t team_screen(uint8_t choose) BANKED
{
    static const char *const titles[] = { "Your team.", "Use on which one?", "Who goes on?", "Send out whom?" };
    uint8_t pick = 0;
    screen_begin();
    for (;;) {
        team_draw();
        note(titles[choose]);
        pick = ui_menu(1, 0, wPartyCount, 2, pick, choose != 2);
        if (pick == MENU_CANCEL) return pick;
        if (!choose) team_entry(pick);
        else if (choose == 1 || choose == 3 || get16(wPartyMons + MON_SIZE * pick + MON_HP)) return pick;
        else note_wait("It cannot fight.");
    }
}

/* Heals or cures a chosen creature; 0 when it would do nothing. */
static uint8_t use_on_team(Item *item)
{
    uint8_t i = team_screen(1);
    uint16_t hp, max;
    volatile uint8_t *mon = wPartyMons + MON_SIZE * i;
    if (i == MENU_CANCEL) return 0;
    hp = get16(mon + MON_HP);
    max = get16(mon + MON_MAX_HP);
    if (item->effect == ITEM_HEAL && hp && hp < max) {
        hp = max - hp > item->arg ? hp + item->arg : max;
        put16(mon + MON_HP, hp);
    } else if (item->effect == ITEM_CURE && hp && (mon[MON_STATUS] & item->arg)) {
        mon[MON_STATUS] &= ~item->arg;
    } else if (item->effect == ITEM_REVIVE && !hp) {
        put16(mon + MON_HP, max / 2);
        mon[MON_STATUS] = 0;
    } else {
        note_wait("That does nothing.");
        return 0;
    }
    bag_remove(item->id, 1);
    team_draw();
    note_wait("That feels better!");
    return 1;
}

/* Place of the move that goes, or a free place; MENU_CANCEL: none, or it is known already. */
static uint8_t place_for(volatile uint8_t *mon, uint8_t move)
{
    Move m;
    uint8_t i;
    for (i = 0; i != 4; i++)
        if (mon[MON_MOVES + i] == move) {
            note_wait("It knows that move.");
            return MENU_CANCEL;
        }
    for (i = 0; i != 4; i++)
        if (!mon[MON_MOVES + i]) return i;
    note("Forget which move?");
    ui_box(4, 4, 16, 6);
    for (i = 0; i != 4; i++) {
        move_get(mon[MON_MOVES + i], &m);
        ui_text(6, 5 + i, (const char *)m.name);
    }
    ui_dirty();
    return ui_menu(5, 5, 4, 1, 0, 1);
}

/* A machine teaches its move to a chosen creature and stays in the bag. */
static uint8_t teach(Item *item)
{
    Species s;
    Move m;
    uint8_t i = team_screen(1), place;
    volatile uint8_t *mon = wPartyMons + MON_SIZE * i;
    if (i == MENU_CANCEL) return 0;
    species_get(mon[MON_SPECIES], &s);
    if (!(s.machines >> field_of(item->arg) & 1)) {
        note_wait("It cannot learn\nthat move.");
        return 0;
    }
    place = place_for(mon, item->arg);
    if (place == MENU_CANCEL) return 0;
    move_get(item->arg, &m);
    mon[MON_MOVES + place] = m.id;
    mon[MON_PP + place] = m.pp;
    team_draw();
    note("It learned\n");
    ui_text(1, 16, (const char *)m.name);
    ui_wait_button();
    return 1;
}

/* 0 nothing was used, 1 used, 2 ball thrown (battle_item), 3 the way out of a cave or forest. */
static uint8_t use(Item *item, uint8_t in_battle)
{
    if (in_battle && !(item->flags & FLAG_BATTLE)) {
        note_wait("Not now!");
        return 0;
    }
    if (item->effect == ITEM_TEACH) return teach(item);
    if (item->effect == ITEM_HEAL || item->effect == ITEM_CURE || item->effect == ITEM_REVIVE) return use_on_team(item);
    if (item->effect == ITEM_BALL && in_battle) {
        if (wIsInBattle == 2) note_wait("It has a master!");
        else if (wPartyCount == 6 && wBoxCount == BOX_SIZE) note_wait("No room for more.");
        else {
            battle_item = item->id;
            return 2;
        }
        return 0;
    }
    if (item->effect == ITEM_REPEL && !in_battle) {
        wRepelSteps = item->arg;
        bag_remove(item->id, 1);
        note_wait("A sharp smell!");
        return 1;
    }
    if (item->effect == ITEM_EXIT && !in_battle && way_out_here()) {
        bag_remove(item->id, 1);
        return 3;
    }
    note_wait("No use for it here.");
    return 0;
}

/* Draws the page that starts at entry `from`; returns the number of lines, the last one leads on or out. */
static uint8_t bag_draw(uint8_t from)
{
    Item item;
    uint8_t n;
    ui_clear();
    for (n = 0; n != BAG_ROWS && from + n != wNumBagItems; n++) {
        item_get(wBagItems[2 * (from + n)], &item);
        ui_text(2, n, (const char *)item.name);
        ui_text(16, n, "x");
        ui_number(17, n, wBagItems[2 * (from + n) + 1], 2);
    }
    ui_text(2, n, from + n == wNumBagItems ? "BACK" : "MORE");
    return n + 1;
}

uint8_t bag_screen(uint8_t in_battle) BANKED
{
    Item item;
    uint8_t from = 0, lines, pick, used;
    screen_begin();
    for (;;) {
        if (from && from >= wNumBagItems) from = 0;
        lines = bag_draw(from);
        note("Use what?");
        pick = ui_menu(1, 0, lines, 1, 0, 1);
        if (pick == MENU_CANCEL) return 0;
        if (pick == lines - 1) {
            from += BAG_ROWS;
            if (from >= wNumBagItems) return 0;
            continue;
        }
        item_get(wBagItems[2 * (from + pick)], &item);
        used = use(&item, in_battle);
        if (used == 3 || (used && in_battle)) return used;
    }
}
