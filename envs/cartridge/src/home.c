/* Bank 0: memory, chance, events and money, for every other bank. */
#include "engine.h"

const int8_t step_x[4] = {0, 0, -1, 1}, step_y[4] = {1, -1, 0, 0};
static const uint8_t bit_of[8] = {1, 2, 4, 8, 16, 32, 64, 128};

static const uint8_t field_moves[FIELD_MOVES] = {MOVE_SNIP, MOVE_RIDE_WAVE, MOVE_HEAVE, MOVE_GLOW};

uint8_t field_of(uint8_t move) {
    uint8_t i = 0;
    while (i < FIELD_MOVES && field_moves[i] != move)
        i++;
    return i;
}

void frames(uint8_t n) {
    for (; n; n--)
        frame();
}

/* The high byte of random * n: no division, and every value gets nearly the same share. */
uint8_t random_below(uint8_t n) {
    return multiply(random8(), n) >> 8;
}

void far_copy(void *to, uint8_t bank, const void *from, uint16_t n) {
    uint8_t old = hBank;
    bank_set(bank);
    memory_move(to, from, n);
    bank_set(old);
}

void vram_copy_far(uint16_t vram, uint8_t bank, const void *from, uint16_t n) {
    uint8_t old = hBank;
    if (!n)
        return;
    bank_set(bank);
    if (HIGH(0xFF40) & 0x80)
        vram_slow(vram, from, n);
    else
        memory_move((void *)vram, from, n);
    bank_set(old);
}

uint16_t get16(const volatile uint8_t *p) {
    return ((uint16_t)p[0] << 8) | p[1];
}

void put16(volatile uint8_t *p, uint16_t v) {
    p[0] = v >> 8;
    p[1] = (uint8_t)v;
}

uint8_t has_event(uint16_t e) {
    return (wEventFlags[e >> 3] & bit_of[e & 7]) != 0;
}

void set_event(uint16_t e) {
    wEventFlags[e >> 3] |= bit_of[e & 7];
}

void clear_event(uint16_t e) {
    wEventFlags[e >> 3] &= ~bit_of[e & 7];
}

/* --- money: three bytes of binary coded decimal --- */
uint32_t money_get(void) {
    uint32_t sum = 0;
    for (uint8_t i = 0; i < 3; i++)
        sum = sum * 100 + (wPlayerMoney[i] >> 4) * 10 + (wPlayerMoney[i] & 15);
    return sum;
}

static void money_set(uint32_t amount) {
    for (uint8_t i = 3; i-- > 0; amount /= 100) {
        uint8_t pair = amount % 100;
        wPlayerMoney[i] = ((pair / 10) << 4) | (pair % 10);
    }
}

uint8_t money_pay(uint32_t amount) {
    uint32_t have = money_get();
    if (have < amount)
        return 0;
    money_set(have - amount);
    return 1;
}

void money_give(uint32_t amount) {
    uint32_t sum = money_get() + amount;
    money_set(sum > 999999UL ? 999999UL : sum);
}

void money_halve(void) {
    money_set(money_get() / 2);
}
