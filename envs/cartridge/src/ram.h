/* The facts at fixed addresses. Same names, addresses and meanings as the commercial game's public symbol table, so that
 * one memory reader serves both. Multi-byte numbers are big-endian: use get16/put16. */
#ifndef RAM_H
#define RAM_H
#include <stdint.h>

#define AT(address) volatile __at(address)

AT(0xC109) uint8_t wFacing;              /* 0x0 down, 0x4 up, 0x8 left, 0xC right */
AT(0xC300) uint8_t wShadowOAM[160];      /* copied to OAM by the vertical blank routine */
AT(0xC3A0) uint8_t wTileMap[360];        /* 20 x 18 tile ids of what is on the screen */
AT(0xCC24) uint8_t wTopMenuItemY;        /* of the first entry's cursor, in tiles */
AT(0xCC25) uint8_t wTopMenuItemX;
AT(0xCC26) uint8_t wCurrentMenuItem;
AT(0xCC28) uint8_t wMaxMenuItem;         /* the last entry */
AT(0xCC29) uint8_t wMenuWatchedKeys;     /* buttons that leave the menu */
AT(0xCC2F) uint8_t wPlayerMonNumber;     /* slot in the party of the creature that fights */
AT(0xCD6B) uint8_t wJoyIgnore;
AT(0xCEE9) uint8_t wNamingScreenNameLength;
AT(0xCEEA) uint8_t wNamingScreenSubmitName;
AT(0xCEEB) uint8_t wAlphabetCase;        /* 0 upper */
AT(0xCF0B) uint8_t wBattleResult;        /* 0 won, 1 lost, 2 draw (escaped or caught) */
AT(0xCFC5) uint8_t wWalkCounter;
AT(0xCFE5) uint8_t wEnemyMon[33];        /* struct BattleMon: species, HP(2), ... see below */
AT(0xD014) uint8_t wBattleMon[33];
AT(0xD057) uint8_t wIsInBattle;          /* 0 none, 1 wild, 2 trainer, 0xFF just lost */
AT(0xD059) uint8_t wCurOpponent;         /* wild species, or trainer class + 200 */
AT(0xD05A) uint8_t wBattleType;
AT(0xD078) uint8_t wEscapedFromBattle;
AT(0xD0DB) uint8_t wRepelSteps;          /* steps for which no wild creature comes */
AT(0xD158) uint8_t wPlayerName[11];      /* game's character set, 0x50 ends */
AT(0xD163) uint8_t wPartyCount;
AT(0xD164) uint8_t wPartySpecies[7];     /* 0xFF ends */
AT(0xD16B) uint8_t wPartyMons[264];      /* six times 44 bytes */
AT(0xD273) uint8_t wPartyMonOT[66];
AT(0xD2B5) uint8_t wPartyMonNicks[66];   /* six times 11 */
AT(0xD2F7) uint8_t wPokedexOwned[19];
AT(0xD30A) uint8_t wPokedexSeen[19];
AT(0xD31D) uint8_t wNumBagItems;
AT(0xD31E) uint8_t wBagItems[41];        /* (id, quantity) pairs, 0xFF ends */
AT(0xD347) uint8_t wPlayerMoney[3];      /* BCD, most significant first */
AT(0xD34A) uint8_t wRivalName[11];
AT(0xD355) uint8_t wOptions;             /* low bits text speed 1/3/5, bit 6 style set, bit 7 animations off */
AT(0xD356) uint8_t wObtainedBadges;
AT(0xD35E) uint8_t wCurMap;
AT(0xD361) uint8_t wYCoord;
AT(0xD362) uint8_t wXCoord;
AT(0xD365) uint8_t wLastMap;             /* the outdoor map that an indoor exit leads back to */
AT(0xD367) uint8_t wCurMapTileset;
AT(0xD368) uint8_t wCurMapHeight;        /* blocks of 2 x 2 steps */
AT(0xD369) uint8_t wCurMapWidth;
AT(0xD700) uint8_t wWalkBikeSurfState;
AT(0xD70B) uint8_t wTownVisitedFlag[2];
AT(0xD719) uint8_t wLastBlackoutMap;
AT(0xD732) uint8_t wStatusFlags6;        /* TIME_COUNTS: play time counts, a game has begun */
#define TIME_COUNTS 0x01
AT(0xD747) uint8_t wEventFlags[320];     /* event n: bit n mod 8 (least significant first) of byte n div 8 */
AT(0xD89C) uint8_t wEnemyPartyCount;
AT(0xD89D) uint8_t wEnemyPartySpecies[7];
AT(0xD8A4) uint8_t wEnemyMons[264];
AT(0xDBC0) uint8_t wBoxCount;            /* the box is this game's own: count, then party structures */
AT(0xDBC1) uint8_t wBoxMons[528];        /* twelve times 44 */
AT(0xDA41) uint8_t wPlayTimeHours;
AT(0xDA43) uint8_t wPlayTimeMinutes;
AT(0xDA44) uint8_t wPlayTimeSeconds;
AT(0xDA45) uint8_t wPlayTimeFrames;
/* High RAM: as macros, because SDCC 4.2 writes wrong code for stores to __at() variables there. */
#define HIGH(address) (*(volatile uint8_t *)(address))
#define hJoyHeld HIGH(0xFFB4)            /* bit 0 A, 1 B, 2 select, 3 start, 4 right, 5 left, 6 up, 7 down */
#define hJoyPressed HIGH(0xFFB3)         /* the same bits, newly down in this frame */
#define hRandomAdd HIGH(0xFFD3)
#define hRandomSub HIGH(0xFFD4)

/* Status byte: bits 0-2 sleep turns left, then one bit each. */
#define STATUS_SLEEP 0x07
#define STATUS_POISON 0x08
#define STATUS_BURN 0x10
#define STATUS_PARALYZED 0x40

/* Offsets in a 44-byte party structure (wPartyMons, wEnemyMons). */
#define MON_SIZE 44
#define BOX_SIZE 12
#define MON_SPECIES 0
#define MON_HP 1
#define MON_STATUS 4
#define MON_TYPE1 5
#define MON_TYPE2 6
#define MON_MOVES 8
#define MON_EXP 14
#define MON_STAT_EXP 17
#define MON_IVS 27
#define MON_PP 29
#define MON_LEVEL 33
#define MON_MAX_HP 34
#define MON_ATTACK 36
#define MON_DEFENSE 38
#define MON_SPEED 40
#define MON_SPECIAL 42

/* Offsets in a battle structure (wEnemyMon at 0xCFE5, wBattleMon at 0xD014): species 0, HP 1, status 4, types 5/6,
 * moves 8, IVs 12, level 14 (0xCFF3 / 0xD022), max HP 15 (0xCFF4 / 0xD023), attack 17, defence 19, speed 21, special 23, PP 25. */
#define BMON_SPECIES 0
#define BMON_HP 1
#define BMON_STATUS 4
#define BMON_TYPE1 5
#define BMON_TYPE2 6
#define BMON_MOVES 8
#define BMON_LEVEL 14
#define BMON_MAX_HP 15
#define BMON_ATTACK 17
#define BMON_DEFENSE 19
#define BMON_SPEED 21
#define BMON_SPECIAL 23
#define BMON_PP 25
#endif
