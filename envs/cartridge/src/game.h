/* What the modules of the game offer each other. Home functions (bank 0) can be called from everywhere; BANKED ones go
 * through the trampoline. Code banks: 1 overworld and scripts, 2 battle, 3 creatures, items and their screens, 4 title,
 * start menu, shop. Data banks: 5 and up. */
#ifndef GAME_H
#define GAME_H
#include "ram.h"
#include "world.h"
#include "ids.h"
#define BANKED __banked

enum { DOWN, UP, LEFT, RIGHT };
enum { BTN_A = 1, BTN_B = 2, BTN_SELECT = 4, BTN_START = 8, BTN_RIGHT = 16, BTN_LEFT = 32, BTN_UP = 64, BTN_DOWN = 128 };

/* --- home.s, home.c (bank 0): time, pad, chance, memory --- */
void frame(void);                       /* HALT until the next vertical blank; then joypad, random bytes, play time are new */
void frames(uint8_t n);
uint8_t random8(void);                  /* stirs hRandomAdd / hRandomSub once more and gives a byte */
uint8_t random_below(uint8_t n);
void far_copy(void *to, uint8_t bank, const void *from, uint16_t n);
uint8_t far_byte(uint8_t bank, const void *from);
void vram_copy_far(uint16_t vram, uint8_t bank, const void *from, uint16_t n); /* LCD may be on: waits for blanks; quick when it is off */
void screen_off(void);                  /* waits for vertical blank, LCD off */
void screen_on(void);
uint16_t get16(const volatile uint8_t *p);   /* big-endian */
void put16(volatile uint8_t *p, uint16_t v);
uint8_t has_event(uint16_t e);
void set_event(uint16_t e);
void clear_event(uint16_t e);
void memory_set(void *to, uint8_t value, uint16_t n);
void memory_move(void *to, const void *from, uint16_t n);   /* non-overlapping */
uint8_t money_pay(uint32_t amount);     /* 1 and subtracts (BCD), or 0 */
void money_give(uint32_t amount);       /* caps at 999999 */
uint32_t money_get(void);
void money_halve(void);

/* --- ui.c (bank 0): everything writes wTileMap; the vertical blank routine shows it --- */
extern char text_buffer[24];            /* what TXT_BUFFER inserts */
void ui_dirty(void);                    /* wTileMap changed: copy it to video memory during the next blanks (3 frames) */
void ui_clear(void);                    /* all T_SPACE */
void ui_box(uint8_t x, uint8_t y, uint8_t w, uint8_t h);          /* outer size in tiles, with border, inside cleared */
void ui_fill(uint8_t x, uint8_t y, uint8_t w, uint8_t h, uint8_t tile);
void ui_text(uint8_t x, uint8_t y, const char *ascii);            /* no waiting; TXT_NEXT goes two rows down */
void ui_name(uint8_t x, uint8_t y, const volatile uint8_t *name);          /* a name in the game's character set, 0x50 ends */
void ui_number(uint8_t x, uint8_t y, uint16_t n, uint8_t width);  /* right aligned in width */
void ui_say(const char *ascii);         /* text box at the bottom (20 x 6), letter by letter at the option's speed, pages, waits for A or B at the end */
void ui_say_nowait(const char *ascii);  /* the same, but returns when the last letter is printed */
void ui_say_id(uint16_t text_id);       /* ui_say for a text of the world data */
void ui_wait_button(void);              /* blinking arrow until A or B is newly pressed */
uint8_t ui_yes_no(void);                /* 1 yes; B is no */
#define MENU_CANCEL 0xFF
/* Cursor over n entries that are already drawn, two tile rows (step 2) or one (step 1) apart; keeps wCurrentMenuItem;
 * returns the index, or MENU_CANCEL for B when cancel is set. `first` is where the cursor starts. START also cancels when
 * cancel is 2. With MENU_STOPS it is left by A alone, and the cursor does not go round the ends. */
#define MENU_STOPS 4
uint8_t ui_menu(uint8_t x, uint8_t y, uint8_t n, uint8_t step, uint8_t first, uint8_t cancel);
uint8_t ui_tile(char ascii);            /* game's character set: 'A' 0x80, 'a' 0xA0, '0' 0xF6, ' ' 0x7F */
void ui_save(void);                     /* remember wTileMap (one level), for a menu on top of the map */
void ui_restore(void);
/* Screens that replace the map (battle, team, bag): begin hides sprites, sets scroll to 0 and shows wTileMap as it is;
 * the overworld calls map_redraw() itself when such a screen returns. */
void screen_begin(void);
void sprites_hide(void);                /* all of wShadowOAM off the screen */

/* --- creature.c (bank 3): species, party, growth --- */
void species_get(uint8_t species, Species *to) BANKED;
void move_get(uint8_t move, Move *to) BANKED;
void item_get(uint8_t item, Item *to) BANKED;
void mon_make(volatile uint8_t *mon, uint8_t species, uint8_t level) BANKED;   /* fills 44 bytes: random IVs, moves of the level, stats, full HP */
void mon_stats(volatile uint8_t *mon) BANKED;                      /* stats anew from species, level, IVs, stat experience */
uint8_t party_add(uint8_t species, uint8_t level) BANKED;          /* 1, or 0 when six are there; Pokedex bits, nickname too */
void party_heal(void) BANKED;
uint8_t party_alive(void) BANKED;                                  /* how many have HP left */
uint8_t party_poison_step(void) BANKED;                            /* every 4 steps: 1 HP off the poisoned; 1 if the last one fainted */
void dex_seen(uint8_t species) BANKED;
void dex_owned(uint8_t species) BANKED;
void species_name(uint8_t species, char *to) BANKED;               /* 11 bytes, 0 ends */
void mon_exp_set(volatile uint8_t *mon, uint32_t exp) BANKED;
uint8_t party_take(volatile uint8_t *mon) BANKED;                  /* a creature that is there already (44 bytes) joins: 1, or 0 when six are there */
void party_rename(uint8_t i) BANKED;                               /* nickname = name of its species */
void party_swap(uint8_t i, uint8_t j) BANKED;
uint8_t field_able(uint8_t kind) BANKED;                           /* FIELD_*: somebody knows the move and the badge is there: its place + 1 */
uint8_t field_of(uint8_t move);                                    /* home: FIELD_* of a move, or FIELD_MOVES */
void party_remove(uint8_t i) BANKED;
uint8_t box_add(volatile uint8_t *mon) BANKED;                     /* 1, or 0 when the box is full */
uint8_t box_take(uint8_t i) BANKED;                                /* out of the box into the team: 1, or 0 when six are there */
/* --- items.c (bank 3) --- */
uint8_t bag_add(uint8_t item, uint8_t quantity) BANKED;            /* 1 if it fitted; stacks to 99, 20 kinds */
uint8_t bag_remove(uint8_t item, uint8_t quantity) BANKED;         /* 1 if it was there */
uint8_t bag_count(uint8_t item) BANKED;
/* --- screens.c (bank 3): whole screens, also used by the start menu --- */
uint8_t team_screen(uint8_t choose) BANKED;    /* choose 0: look at it and change the order; 1: pick one (MENU_CANCEL allowed); 2: must pick one alive; 3: as 1, for a switch */
uint8_t bag_screen(uint8_t in_battle) BANKED;  /* uses items; returns 0 nothing was used, 1 used, 2 ball thrown (item id in battle_item), 3 way out */
extern uint8_t battle_item;
void draw_hp_bar(uint8_t x, uint8_t y, uint16_t hp, uint16_t max) BANKED;  /* 9 tiles wide */
void draw_status(uint8_t x, uint8_t y, uint8_t status, uint16_t hp) BANKED; /* 3 tiles wide */
void draw_level(uint8_t x, uint8_t y, uint8_t level) BANKED;               /* 4 tiles wide */

/* --- battle.c (bank 2): returns RESULT_*; sets wIsInBattle and the rest, and puts wIsInBattle back to 0, or 0xFF when lost --- */
enum { RESULT_WON, RESULT_LOST, RESULT_DRAW };
uint8_t battle_wild(uint8_t species, uint8_t level) BANKED;
uint8_t battle_trainer(uint8_t trainer_id) BANKED;   /* pays money, says text_lost, sets the event; script_after is the caller's */

/* --- overworld (bank 1) --- */
void overworld(void) BANKED;                    /* never returns */
void map_load(uint8_t map, uint8_t x, uint8_t y, uint8_t facing) BANKED;
void map_redraw(void) BANKED;                   /* tiles, tile map, sprites, scroll; after a battle or a screen */
uint8_t way_out_here(void);                     /* home: a place of wild creatures without roads into it */
void way_out(void) BANKED;                      /* to wLastBlackoutMap */
void blackout(void) BANKED;                     /* wIsInBattle stays 0xFF while its text is shown; half the money, heal, to wLastBlackoutMap */
void script_run(uint16_t script) BANKED;        /* sets wJoyIgnore while it walks people about */

/* --- title.c, startmenu.c, shop.c (bank 4) --- */
void title(void) BANKED;                        /* title, menu, intro boxes, names; leaves a new game ready in the bedroom */
void start_menu(void) BANKED;
void shop(uint8_t shop_id) BANKED;
void box(void) BANKED;                          /* box.c: the machine that stores creatures */
void ending(void) BANKED;                       /* title.c: the end screen */
#endif
