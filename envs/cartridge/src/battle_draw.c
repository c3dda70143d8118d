/* The battle screen: pictures, names, bars, messages. Tile ids: enemy 0x00.., own back 0x19.., rest as in world.h. */
#pragma bank 2
#include "battle.h"
#include "engine.h"

#define T_CURSOR 0xED
#define VRAM_TILES 0x9000     /* tile id 0 of the background */
#define FRONT_SIZE 5
#define BACK_SIZE 4
#define BACK_TILE (FRONT_SIZE * FRONT_SIZE)
#define FRONT_X 13
#define FRONT_Y 1
#define BACK_X 2
#define BACK_Y 8
#define BAR_STEPS 12          /* pictures of a bar on its way */

static char message[72];
static uint8_t message_at;

void put(const char *text)
{
    while (*text && message_at != sizeof(message) - 1) message[message_at++] = *text++;
}

void put_name(const Side *side)
{
    if (side == &foe) put(wIsInBattle == 1 ? "Wild " : "Enemy ");
    put(side->name);
}

/* A name in the game's character set: letters and digits. */
void put_encoded(const volatile uint8_t *name)
{
    char letter[2];
    uint8_t i, c;
    letter[1] = 0;
    for (i = 0; i != 11 && (c = name[i]) != 0x50; i++) {
        letter[0] = ' ';
        if (c >= 0x80 && c < 0x9A) letter[0] = c - 0x80 + 'A';
        else if (c >= 0xA0 && c < 0xBA) letter[0] = c - 0xA0 + 'a';
        else if (c >= 0xF6) letter[0] = c - 0xF6 + '0';
        put(letter);
    }
}

void put_number(uint16_t n)
{
    char digits[6];
    uint8_t at = 5;
    digits[5] = 0;
    do {
        digits[--at] = '0' + n % 10;
        n /= 10;
    } while (n);
    put(digits + at);
}

uint8_t animations(void) { return !(wOptions & 0x80); }

static void show(void)
{
    message[message_at] = 0;
    message_at = 0;
    ui_box(0, 12, 20, 6);
    ui_text(1, 14, message);
    ui_dirty();
}

void tell(void)
{
    uint8_t n = animations() ? 16 + 6 * (wOptions & 7) : 10;
    show();
    frames(3);
    for (; n; n--) {
        frame();
        if (hPadPressed & (BTN_A | BTN_B)) break;
    }
}

void say(void)
{
    show();
    ui_wait_button();
}

void say_text(const char *text)
{
    put(text);
    say();
}

void load_picture(uint8_t species, uint8_t back)
{
    Species s;
    species_get(species, &s);
    if (back) vram_copy_far(VRAM_TILES + 16 * BACK_TILE, s.back.bank, s.back.at, 16 * BACK_SIZE * BACK_SIZE);
    else vram_copy_far(VRAM_TILES, s.front.bank, s.front.at, 16 * FRONT_SIZE * FRONT_SIZE);
}

static void put_picture(uint8_t x, uint8_t y, uint8_t size, uint8_t tile)
{
    volatile uint8_t *to = wTileMap + (uint16_t)y * 20 + x;
    uint8_t row, column;
    for (row = 0; row != size; row++, to += 20 - size)
        for (column = 0; column != size; column++) *to++ = tile++;
}

void draw_front(uint8_t x, uint8_t y) { put_picture(x, y, FRONT_SIZE, 0); }

static void draw_bar(const Side *side, uint16_t hp)
{
    uint16_t max = get16(side->mon + BMON_MAX_HP);
    if (side == &foe) {
        draw_hp_bar(1, 3, hp, max);
        return;
    }
    draw_hp_bar(10, 9, hp, max);
    ui_number(11, 10, hp, 3);
    ui_text(14, 10, "/");
    ui_number(15, 10, max, 3);
}

static void draw_status_of(const Side *side, uint8_t x, uint8_t y)
{
    uint8_t hp = get16(side->mon + BMON_HP) != 0;
    draw_level(x, y, side->mon[BMON_LEVEL]);
    draw_status(x + 4, y, side->mon[BMON_STATUS], hp);
}

void draw_bars(void)
{
    draw_status_of(&foe, 1, 2);
    draw_bar(&foe, get16(foe.mon + BMON_HP));
    draw_status_of(&own, 11, 8);
    draw_bar(&own, get16(own.mon + BMON_HP));
    ui_dirty();
}

/* A ball for every creature of a trainer that can still fight. */
static void draw_team(void)
{
    uint8_t i;
    if (wIsInBattle != 2) return;
    for (i = 0; i != wEnemyPartyCount; i++)
        wTileMap[4 * 20 + 1 + i] = get16(wEnemyMons + MON_SIZE * i + MON_HP) ? T_BALL : T_SPACE;
}

void draw_foe(void)
{
    ui_fill(0, 0, 12, 5, T_SPACE);
    ui_text(1, 1, foe.name);
    draw_team();
    draw_front(FRONT_X, FRONT_Y);
}

void draw_own(void)
{
    ui_fill(9, 7, 11, 4, T_SPACE);
    ui_text(10, 7, own.name);
    put_picture(BACK_X, BACK_Y, BACK_SIZE, BACK_TILE);
}

void hide_foe(void)
{
    ui_fill(FRONT_X, FRONT_Y, FRONT_SIZE, FRONT_SIZE, T_SPACE);
    ui_dirty();
}

void hide_own(void)
{
    ui_fill(BACK_X, BACK_Y, BACK_SIZE, BACK_SIZE, T_SPACE);
    ui_dirty();
}

void battle_screen(void)
{
    screen_off();
    load_picture(foe.mon[BMON_SPECIES], 0);
    load_picture(own.mon[BMON_SPECIES], 1);
    ui_clear();
    ui_box(0, 12, 20, 6);
    draw_foe();
    draw_own();
    draw_bars();
    screen_begin();
    screen_on();
}

void blink(const Side *side)
{
    uint8_t n;
    if (!animations()) return;
    for (n = 0; n != 2; n++) {
        if (side == &foe) hide_foe();
        else hide_own();
        frames(4);
        if (side == &foe) draw_front(FRONT_X, FRONT_Y);
        else put_picture(BACK_X, BACK_Y, BACK_SIZE, BACK_TILE);
        ui_dirty();
        frames(4);
    }
}

void hp_change(Side *side, uint16_t hp)
{
    uint16_t shown = get16(side->mon + BMON_HP), step, left;
    put16(side->mon + BMON_HP, hp);
    side_sync(side);
    left = shown > hp ? shown - hp : hp - shown;
    step = left / BAR_STEPS + 1;
    if (!animations()) step = left;
    while (left) {
        if (step > left) step = left;
        left -= step;
        draw_bar(side, shown > hp ? hp + left : hp - left);
        frames(2);
    }
}

/* FIGHT BAG / TEAM RUN; the cursor starts on FIGHT and does not go round the edges. Returns MENU_* (bit 0 right, bit 1 below). */
uint8_t main_menu(void)
{
    uint8_t at = 0, to, pressed;
    volatile uint8_t *cursor;
    put("What\nnow?");
    show();
    ui_box(6, 12, 14, 6);
    ui_text(8, 14, "FIGHT  BAG\nTEAM   RUN");
    for (;;) {
        wCurrentMenuItem = at;
        cursor = wTileMap + 14 * 20 + 7 + (at & 1 ? 7 : 0) + (at & 2 ? 40 : 0);
        *cursor = T_CURSOR;
        ui_rows_dirty(14, 3);
        do {
            frame();
            pressed = hPadPressed;
        } while (!(pressed & ~(BTN_B | BTN_START | BTN_SELECT)));
        if (pressed & BTN_A) return at;
        to = at;
        if (pressed & BTN_RIGHT) to |= 1;
        else if (pressed & BTN_LEFT) to &= ~1;
        else if (pressed & BTN_DOWN) to |= 2;
        else to &= ~2;
        *cursor = T_SPACE;
        at = to;
    }
}
