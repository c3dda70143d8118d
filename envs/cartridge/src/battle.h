/* What the files of the battle (bank 2) share. */
#ifndef BATTLE_H
#define BATTLE_H
#include "game.h"

/* Move effects: the order of EFFECTS in tools/tables.py. From EFFECT_STATS on: stat (attack, defence, speed, special,
 * accuracy) + 5 * (0 target down, 1 user up, 2 target down twice, 3 user up twice). */
enum { EFFECT_NONE, EFFECT_QUICK, EFFECT_HIGH_CRIT, EFFECT_DRAIN, EFFECT_RECOIL, EFFECT_POISON, EFFECT_SLEEP, EFFECT_PARALYZE,
       EFFECT_BURN, EFFECT_STATS };
enum { STAGE_ATTACK, STAGE_DEFENSE, STAGE_SPEED, STAGE_SPECIAL, STAGE_ACCURACY, STAGES };
#define EFFECT_MEND (EFFECT_STATS + 4 * STAGES)
#define STAGE_NEUTRAL 6      /* 0..12 */
#define NO_SLOT 0xFF         /* a move that costs no power points */
#define NOT_OVER 0xFF

/* One of the two that fight. The battle structure and the party structure are kept the same after every change. */
typedef struct {
    volatile uint8_t *mon;       /* battle structure, BMON_* */
    volatile uint8_t *party;     /* its party structure, MON_* */
    uint8_t index;               /* in its party */
    uint8_t stage[STAGES];
    uint8_t crit;                /* a random byte below it is a critical hit: half the base speed */
    uint8_t slot;                /* of the move it is about to use, or NO_SLOT */
    Move move;
    char name[11];
} Side;

extern Side own, foe;
extern uint8_t over;             /* RESULT_* or NOT_OVER */
extern uint8_t fought;           /* bit per party index: faced this enemy, shares its experience */
extern uint8_t grew;             /* bit per party index: gained a level in this battle */

/* battle_draw.c: messages are put together in one buffer, then shown at once */
void put(const char *text);
void put_name(const Side *side);
void put_encoded(const volatile uint8_t *name);
void put_number(uint16_t n);
void tell(void);                 /* shows the buffer for some frames (A or B: on) and empties it */
void say(void);                  /* shows the buffer until A or B */
void say_text(const char *text);
void battle_screen(void);        /* everything anew, pictures too */
void draw_foe(void);
void draw_own(void);
void draw_bars(void);
uint8_t main_menu(void);
void hide_foe(void);
void hide_own(void);
void draw_front(uint8_t x, uint8_t y);      /* the front picture that is loaded */
void load_picture(uint8_t species, uint8_t back);
void blink(const Side *side);
void hp_change(Side *side, uint16_t hp);    /* sets it, then lets the bar follow */
uint8_t animations(void);

/* battle_side.c */
void side_enter(Side *side, uint8_t index);
void side_sync(Side *side);      /* battle structure to party structure */
void side_reload(Side *side);    /* party structure to battle structure */
uint16_t side_stat(const Side *side, uint8_t offset, uint8_t stage);
uint16_t side_speed(const Side *side);
uint8_t type_factor(uint8_t attack, const Side *target);   /* quarters: 4 is neutral */

/* battle_move.c */
void move_load(Side *side, uint8_t slot);   /* NO_SLOT: the last gasp */
uint8_t has_pp(const Side *side);
void foe_choose(uint8_t ai);       /* 0 by chance, 1 prefers what works */
void attack(Side *user, Side *target);
void residual(Side *side);

/* battle_grow.c */
void gain_exp(void);
void grow_after_battle(void);    /* evolutions */
void throw_ball(void);
#endif
