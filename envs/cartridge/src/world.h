/* What the world compiler (tools/) generates from world/ and the engine reads. Everything big lives in data banks and is
 * fetched with far_copy(); the tables of far pointers and the small tables below are generated into gen/. */
#ifndef WORLD_H
#define WORLD_H
#include <stdint.h>

typedef struct { uint8_t bank; const uint8_t *at; } Far;

/* --- attributes of a metatile (one step = 16 x 16 pixels = 2 x 2 tiles) --- */
#define TILE_WALK    0x01  /* the player may stand here */
#define TILE_GRASS   0x02  /* encounter roll on each step onto it (tall grass, cave floor) */
#define TILE_WATER   0x04  /* needs surfing */
#define TILE_LEDGE   0x08  /* may be jumped over downwards only */
#define TILE_COUNTER 0x10  /* A talks to the object behind it */
#define TILE_CUT     0x20  /* a small tree */

typedef struct {
    Far tiles;              /* n_tiles * 16 bytes of 2 bits-per-pixel data, loaded to ids 0x00.. (at most 96) */
    uint8_t n_tiles;
    Far metatiles;          /* n_metatiles * 4 tile ids: top left, top right, bottom left, bottom right */
    Far attributes;         /* n_metatiles bytes of TILE_* flags */
    uint8_t n_metatiles;    /* at most 128 */
} Tileset;

#define NO_MAP 0xFF
#define LAST_MAP 0xFF       /* destination of a warp: wLastMap (dest_x, dest_y then still hold) */
#define NO_SCRIPT 0
#define NO_EVENT 0xFFFF
typedef struct { uint8_t map; int8_t offset; } Connection;   /* walking off at x arrives at x - offset (north, south) or y - offset (west, east) */

#define MAP_OUTDOOR 0x01    /* sets wLastMap when left by a warp */
#define MAP_DARK    0x02
#define MAP_TOWN    0x04    /* sets its wTownVisitedFlag bit */
typedef struct {
    uint8_t tileset, height, width;      /* blocks of 2 x 2 steps */
    uint8_t border;                      /* metatile drawn outside */
    uint8_t flags;
    Connection north, south, west, east; /* map NO_MAP: none */
    Far steps;                           /* (2 * height) * (2 * width) metatile indices, row by row */
    uint8_t n_warps;    Far warps;
    uint8_t n_objects;  Far objects;     /* at most 15 */
    uint8_t n_signs;    Far signs;
    uint8_t n_triggers; Far triggers;
    uint8_t wild_rate;                   /* encounter when a random byte < rate; 0: never */
    Far wild;                            /* 10 WildSlot; chances 51,51,39,25,25,25,13,13,11,3 of 256 */
    uint16_t entry_script;               /* runs when the map was entered, after the first picture */
} MapHeader;

typedef struct { uint8_t x, y, map, dest_x, dest_y, dest_facing; } Warp;  /* fires when a step ends on it */
typedef struct { uint8_t x, y; uint16_t script; } Sign;                 /* A while facing it */
typedef struct { uint8_t x, y, w, h; uint16_t unless_event, script; } Trigger; /* fires when a step ends inside, event not set */
typedef struct { uint8_t level, species; } WildSlot;

#define OBJ_SCRIPT  0       /* A while facing: run script `arg` */
#define OBJ_BOULDER 2       /* pushed by walking against it, once somebody has been asked to */
#define OBJ_TRAINER 1       /* sees the player within `sight` steps in its facing line; trainer id `arg` */
#define OBJ_STILL  0x00     /* movement */
#define OBJ_WANDER 0x01     /* random steps within 2 of its place, never onto warps or triggers */
#define OBJ_SPIN   0x02
typedef struct {
    uint8_t x, y, sprite, facing, movement, kind, sight;
    uint16_t arg;
    uint16_t show_event, hide_event;     /* NO_EVENT: always; shown only if show_event is set and hide_event is not */
} Object;

/* --- creatures, moves, items, trainers: tables.c; fetched with the *_get functions of creature.h --- */
typedef struct { uint8_t species, dex, type1, type2, hp, attack, defense, speed, special, catch_rate, base_exp, machines; /* bit FIELD_*: can be taught it */
                 uint8_t evolve_level, evolve_species;         /* 0: never */
                 uint8_t start_moves[4]; uint8_t n_learn; uint8_t learn[16]; /* (level, move) pairs */
                 uint8_t name[11]; Far front, back; } Species; /* front 5 x 5 tiles, back 4 x 4 tiles, row by row */
enum { FIELD_CUT, FIELD_SWIM, FIELD_PUSH, FIELD_LIGHT, FIELD_MOVES };   /* moves that help on the map */
typedef struct { uint8_t id, effect, power, type, accuracy, pp; uint8_t name[13]; uint8_t chance; } Move;   /* accuracy of 255; chance of 256 of a side effect */
typedef struct { uint8_t id, effect, arg; uint16_t price; uint8_t flags; uint8_t name[13]; } Item;
typedef struct { uint8_t class_id; uint8_t sprite; uint16_t money; uint16_t event; /* set when beaten */
                 uint16_t text_before, text_lost, text_after;  /* said before, when the trainer loses, when talked to later */
                 uint16_t script_after;                        /* runs after a win, NO_SCRIPT: none */
                 uint8_t n; uint8_t party[12];                 /* (level, species) pairs */
                 uint8_t ai; uint8_t name[13]; } Trainer;

/* --- generated tables: gen/tables_*.c; all indexed from 0 --- */
extern const Far far_tilesets[];   /* Tileset */
extern const Far far_maps[256];    /* MapHeader by map id; bank 0: no such map */
extern const Far far_scripts[];    /* bytecode by script id; id 0 is NO_SCRIPT */
extern const Far far_texts[];      /* text by text id, ASCII with the control codes below */
extern const Far far_shops[];      /* n, item ids */
extern const Far far_sprites[];    /* 16 x 16 people: 6 frames of 4 tiles: down, down walk, up, up walk, left, left walk (right is left mirrored) */
extern const Far far_font;         /* 128 tiles for ids 0x80..0xFF, 2 bits per pixel */
extern const Far far_misc;         /* 32 tiles for ids 0x60..0x7F: text box and battle screen pieces */
extern const Far far_title;        /* title picture, see world/tiles/title.txt: n_tiles (1), then 20 x 8 tile ids, then the tiles */
extern const Far far_trainers[];   /* Trainer */
extern const Far far_species[];    /* Species by position; use species_get() */
extern const Far far_moves[];      /* Move by position; use move_get() */
extern const Far far_items[];      /* Item by position; use item_get() */
extern const Far far_types;        /* triples attacking, defending, factor in tenths; 0xFF ends */
extern const uint8_t n_species, n_moves, n_items, n_trainers;
/* gen/ids.h has #defines of ids by name: MAP_*, SCRIPT_*, TEXT_*, TRAINER_*, SHOP_*, SPECIES_*, MOVE_*, ITEM_*, EVENT_*, SPRITE_*, TILESET_* */

/* --- text control codes; text is ASCII (pound sign is '$') and ends with 0 --- */
#define TXT_NEXT  '\n'      /* next line of the box */
#define TXT_PAGE  '\f'      /* wait for A or B, then clear the box */
#define TXT_PLAYER 0x01     /* insert the player's name */
#define TXT_RIVAL  0x02
#define TXT_BUFFER 0x03     /* insert text_buffer (ASCII, 0 ends) */

/* --- tiles of far_misc --- */
#define T_BAR_HP    0x60    /* "HP" label left of a bar */
#define T_BAR_LEFT  0x61
#define T_BAR_FILL  0x62    /* +0 .. +8: that many of 8 pixels filled */
#define T_BAR_RIGHT 0x6B
#define T_LEVEL     0x6C    /* ":L" */
#define T_BALL      0x6D
#define T_BADGE     0x6E
#define T_LINE      0x71
#define T_BOX       0x79    /* corner, 0x7A edge, 0x7B corner, 0x7C side, 0x7D corner, 0x7E corner */
#define T_SPACE     0x7F
#define T_END       0xE1    /* ends a name that is typed */

/* --- script bytecode. u16 little-endian. Jump targets are offsets from the script's first byte --- */
enum {
    OP_END, OP_TEXT,        /* TEXT u16 text: box, pages, waits for A or B at the end */
    OP_GOTO,                /* u16 offset */
    OP_IF_EVENT, OP_IFNOT_EVENT,   /* u16 event, u16 offset */
    OP_SET_EVENT, OP_CLEAR_EVENT,  /* u16 event; objects are shown or hidden anew at once */
    OP_GIVE_ITEM, OP_TAKE_ITEM,    /* u8 item, u8 quantity; result 1 if it went */
    OP_IF_ITEM,             /* u8 item, u16 offset */
    OP_IF_RESULT, OP_IFNOT_RESULT, /* u16 offset */
    OP_ASK,                 /* u16 text, then YES / NO; result 1 for yes */
    OP_GIVE_MON,            /* u8 species, u8 level; result 1 if there was room */
    OP_HEAL, OP_SHOP,       /* - ; u8 shop */
    OP_TRAINER,             /* u8 trainer: battle without text_before; when lost the script ends in a blackout */
    OP_WILD,                /* u8 species, u8 level */
    OP_WARP,                /* u8 map, u8 x, u8 y, u8 facing */
    OP_WALK_PLAYER,         /* u8 n, n directions (0 down, 1 up, 2 left, 3 right) */
    OP_WALK_OBJECT,         /* u8 object, u8 n, n directions */
    OP_FACE_PLAYER, OP_FACE_OBJECT, /* u8 direction ; u8 object, u8 direction */
    OP_PLACE_OBJECT,        /* u8 object, u8 x, u8 y: put it there now */
    OP_SHOW_OBJECT, OP_HIDE_OBJECT, /* u8 object, until the map is loaded again */
    OP_GIVE_BADGE,          /* u8 bit 0..7 */
    OP_IF_BADGE,            /* u8 bit, u16 offset */
    OP_SET_BLACKOUT,        /* u8 map of the healing centre */
    OP_PAY,                 /* u16 money (plain number): result 1 if it could be paid */
    OP_DELAY,               /* u8 frames */
    OP_SET_VAR, OP_IF_VAR,  /* u8 var 0..15, u8 value ; u8 var, u8 value, u16 offset. Vars live in story RAM 0xD5F0 + var */
    OP_FACE_TO_PLAYER,      /* u8 object turns to the player (0xFF: the object that was spoken to) */
    OP_STARTER_RIVAL_LOSS_OK, /* u8 trainer: like TRAINER but losing heals the team and the script goes on (the first rival battle) */
    OP_IF_FIELD,            /* u8 FIELD_*, u16 offset: somebody knows the move and the badge is there */
    OP_IF_BADGES,           /* u8 n, u16 offset: n badges or more */
    OP_BOX,                 /* the machine that stores creatures */
    OP_SET_TILE,            /* u8 x, u8 y, u8 metatile, until the map is loaded again */
    OP_ENDING,              /* end screen; the script goes on after it */
    OP_CENTRE,              /* to the last healing centre */
};
#endif
