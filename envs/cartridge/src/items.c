/* The bag: pairs (item id, quantity) at wBagItems, 0xFF ends; 20 kinds, 99 of each. */
#pragma bank 3
#include "game.h"

#define BAG_KINDS 20
#define BAG_STACK 99

/* Index of the pair, or wNumBagItems when the item is not there. */
static uint8_t bag_find(uint8_t item)
{
    uint8_t i;
    for (i = 0; i != wNumBagItems; i++)
        if (wBagItems[2 * i] == item) break;
    return i;
}

uint8_t bag_count(uint8_t item) BANKED
{
    uint8_t i = bag_find(item);
    return i == wNumBagItems ? 0 : wBagItems[2 * i + 1];
}

uint8_t bag_add(uint8_t item, uint8_t quantity) BANKED
{
    uint8_t i = bag_find(item);
    uint8_t had = i == wNumBagItems ? 0 : wBagItems[2 * i + 1];
    if (i == BAG_KINDS || quantity > BAG_STACK - had) return 0;
    wBagItems[2 * i + 1] = had + quantity;
    if (i != wNumBagItems) return 1;
    wBagItems[2 * i] = item;
    wBagItems[2 * i + 2] = 0xFF;
    wNumBagItems++;
    return 1;
}

uint8_t bag_remove(uint8_t item, uint8_t quantity) BANKED
{
    uint8_t i = bag_find(item);
    if (i == wNumBagItems || wBagItems[2 * i + 1] < quantity) return 0;
    wBagItems[2 * i + 1] -= quantity;
    if (wBagItems[2 * i + 1]) return 1;
    for (; i != wNumBagItems; i++) {
        wBagItems[2 * i] = wBagItems[2 * i + 2];
        if (i + 1 != wNumBagItems) wBagItems[2 * i + 1] = wBagItems[2 * i + 3];
    }
    wNumBagItems--;
    return 1;
}
