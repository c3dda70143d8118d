/* A battle from beginning to end. Everything that memory readers see (wIsInBattle, wBattleResult ...) is set here. */
#pragma bank 2
#include "battle.h"

#define TRAINER_OFFSET 200    /* wCurOpponent of a trainer: class + 200 */
#define RIVAL_CLASS 25
enum { MENU_FIGHT, MENU_BAG, MENU_TEAM, MENU_RUN };

Side own, foe;
uint8_t over, fought, grew;
static uint8_t run_tries;
static Trainer trainer;

static uint8_t alive(const Side *side) { return get16(side->mon + BMON_HP) != 0; }

static uint8_t first_alive(void)
{
    uint8_t i;
    for (i = 0; i + 1 != wPartyCount; i++)
        if (get16(wPartyMons + MON_SIZE * i + MON_HP)) break;
    return i;
}

static void put_trainer(void)
{
    if (trainer.class_id == RIVAL_CLASS) put_encoded(wRivalName);
    else put((const char *)trainer.name);
}

/* Memory is complete before wIsInBattle says that there is a battle. */
static void begin(uint8_t kind, uint8_t opponent)
{
    over = NOT_OVER;
    grew = run_tries = 0;
    side_enter(&foe, 0);
    side_enter(&own, first_alive());
    fought = 1 << own.index;
    wEscapedFromBattle = 0;
    wBattleType = 0;
    wCurOpponent = opponent;
    wIsInBattle = kind;
    dex_seen(foe.mon[BMON_SPECIES]);
    battle_screen();
}

static void own_send(uint8_t i)
{
    side_enter(&own, i);
    fought |= 1 << i;
    battle_screen();
    put("Go, ");
    put(own.name);
    put("!");
    tell();
}

static void foe_send(uint8_t i)
{
    side_enter(&foe, i);
    fought = 1 << own.index;
    dex_seen(foe.mon[BMON_SPECIES]);
    battle_screen();
    put_trainer();
    put("\nsends ");
    put(foe.name);
    put("!");
    tell();
}

/* Speed * 16 / (enemy speed / 4) + 30 for every try before, against a random byte: the first generation has 32 for 16. */
static uint8_t try_to_run(void)
{
    uint16_t slow, chance;
    if (wIsInBattle == 2) {
        say_text("You cannot run from\na trainer!");
        return 0;
    }
    slow = side_speed(&foe) / 4;
    chance = slow ? side_speed(&own) * 16 / slow + 30 * (uint16_t)run_tries : 256;
    run_tries++;
    if (chance < 256 && random8() >= chance) {
        put("Could not get away!");
        tell();
        return 1;
    }
    put("Got away!");
    tell();
    wEscapedFromBattle = 1;
    over = RESULT_DRAW;
    return 1;
}

/* 1 when a move was chosen. */
static uint8_t choose_move(void)
{
    uint8_t i, n, first = own.slot < 4 ? own.slot : 0;
    Move m;
    if (!has_pp(&own)) {
        move_load(&own, NO_SLOT);
        return 1;
    }
    for (;;) {
        ui_box(0, 12, 20, 6);
        for (n = 0; n != 4 && own.mon[BMON_MOVES + n]; n++) {
            move_get(own.mon[BMON_MOVES + n], &m);
            ui_text(2, 13 + n, (const char *)m.name);
            ui_number(14, 13 + n, own.mon[BMON_PP + n] & 63, 2);
            ui_text(16, 13 + n, "/");
            ui_number(17, 13 + n, m.pp, 2);
        }
        ui_dirty();
        i = ui_menu(1, 13, n, 1, first < n ? first : 0, 1);
        if (i == MENU_CANCEL) return 0;
        if (own.mon[BMON_PP + i] & 63) {
            move_load(&own, i);
            return 1;
        }
        say_text("No points left for\nthat move!");
    }
}

/* 1 when the turn was used up. */
static uint8_t open_bag(void)
{
    uint8_t used = bag_screen(wIsInBattle);
    side_reload(&own);
    battle_screen();
    if (used == 2) throw_ball();
    return used;
}

static uint8_t open_team(void)
{
    uint8_t i = team_screen(3);
    if (i == MENU_CANCEL || i == own.index) {
        battle_screen();
        return 0;
    }
    if (!get16(wPartyMons + MON_SIZE * i + MON_HP)) {
        battle_screen();
        say_text("It cannot fight!");
        return 0;
    }
    own_send(i);
    return 1;
}

/* What a menu entry leads to; 0 when the player thinks better of it. */
static uint8_t follow(uint8_t entry)
{
    if (entry == MENU_FIGHT) return choose_move();
    if (entry == MENU_BAG) return open_bag();
    if (entry == MENU_TEAM) return open_team();
    return try_to_run();
}

/* 1 when a move was chosen, 0 when the turn was used up otherwise. */
static uint8_t choose(void)
{
    uint8_t entry;
    do {
        entry = main_menu();
    } while (!follow(entry));
    return entry == MENU_FIGHT;
}

/* A quick move first, then the faster one, a tie by chance. */
static uint8_t own_first(void)
{
    uint8_t own_quick = own.move.effect == EFFECT_QUICK, foe_quick = foe.move.effect == EFFECT_QUICK;
    uint16_t own_speed = side_speed(&own), foe_speed = side_speed(&foe);
    if (own_quick != foe_quick) return own_quick;
    if (own_speed == foe_speed) return random8() & 1;
    return own_speed > foe_speed;
}

static void clash(Side *first, Side *second)
{
    attack(first, second);
    if (alive(first) && alive(second)) attack(second, first);
}

static void foe_fainted(void)
{
    uint8_t next = foe.index + 1;
    put_name(&foe);
    put("\nfainted!");
    hide_foe();
    tell();
    gain_exp();
    if (wIsInBattle == 1 || next == wEnemyPartyCount || !party_alive()) {
        over = RESULT_WON;
        return;
    }
    if (!alive(&own)) own_send(team_screen(2));
    foe_send(next);
}

static void settle(void)
{
    uint8_t own_out = !alive(&own);
    if (own_out) {
        hide_own();
        put_name(&own);
        put("\nfainted!");
        tell();
    }
    if (!alive(&foe)) foe_fainted();
    if (!party_alive()) over = RESULT_LOST;
    else if (over == NOT_OVER && !alive(&own)) own_send(team_screen(2));
}

static void fight(void)
{
    while (over == NOT_OVER) {
        uint8_t moves = choose();
        if (over != NOT_OVER) return;
        foe_choose(wIsInBattle == 2 ? trainer.ai : 0);
        if (!moves) attack(&foe, &own);
        else if (own_first()) clash(&own, &foe);
        else clash(&foe, &own);
        if (alive(&foe)) residual(&own);
        if (alive(&own)) residual(&foe);
        settle();
    }
}

static void trainer_beaten(void)
{
    put_trainer();
    put(" is\nbeaten!");
    say();
    ui_say_id(trainer.text_lost);
    money_give(trainer.money);
    set_event(trainer.event);
    put("You got $");
    put_number(trainer.money);
    put("!");
    say();
}

/* The result is in memory before wIsInBattle says that the battle has ended. */
static uint8_t finish(void)
{
    if (over == RESULT_LOST) say_text("Nobody is left\nto fight!");
    else {
        if (over == RESULT_WON && wIsInBattle == 2) trainer_beaten();
        grow_after_battle();
    }
    wBattleResult = over;
    wIsInBattle = over == RESULT_LOST ? 0xFF : 0;
    return over;
}

uint8_t battle_wild(uint8_t species, uint8_t level) BANKED
{
    mon_make(wEnemyMons, species, level);
    wEnemyPartySpecies[0] = species;
    wEnemyPartySpecies[1] = 0xFF;
    wEnemyPartyCount = 1;
    begin(1, species);
    put("A wild ");
    put(foe.name);
    put("\nappears!");
    say();
    fight();
    return finish();
}

/* A trainer's creatures have the same, middling individual values. */
static void make_team(void)
{
    uint8_t i;
    volatile uint8_t *mon = wEnemyMons;
    for (i = 0; i != trainer.n; i++, mon += MON_SIZE) {
        mon_make(mon, trainer.party[2 * i + 1], trainer.party[2 * i]);
        mon[MON_IVS] = 0x98;
        mon[MON_IVS + 1] = 0x88;
        mon_stats(mon);
        put16(mon + MON_HP, get16(mon + MON_MAX_HP));
        wEnemyPartySpecies[i] = mon[MON_SPECIES];
    }
    wEnemyPartySpecies[i] = 0xFF;
    wEnemyPartyCount = i;
}

uint8_t battle_trainer(uint8_t trainer_id) BANKED
{
    far_copy(&trainer, far_trainers[trainer_id].bank, far_trainers[trainer_id].at, sizeof(Trainer));
    make_team();
    begin(2, trainer.class_id + TRAINER_OFFSET);
    put_trainer();
    put("\nwants to fight!");
    say();
    put_trainer();
    put("\nsends ");
    put(foe.name);
    put("!");
    tell();
    fight();
    return finish();
}
