/* What the engine's own files share. The HIGH() names are those of home.s. */
#ifndef ENGINE_H
#define ENGINE_H
#include "game.h"

#define hBank HIGH(0xFF80)
#define hWork HIGH(0xFF91)       /* for the next vertical blank: */
#define WORK_SPRITES 0x01        /*   copy wShadowOAM */
#define WORK_COLUMN 0x02         /*   draw 2 x 18 tiles from hLineFrom at hLineTo */
#define WORK_ROW 0x04            /*   draw 20 x 2 tiles */
#define WORK_POKE 0x08           /*   one tile */
#define WORK_THIRDS 0x70         /*   copy thirds of wTileMap to the window, one a blank; then hWindowY holds */
#define WORK_SCROLL 0x80         /*   hScrollX, hScrollY, hWindowY */
#define hScrollX HIGH(0xFF92)
#define hScrollY HIGH(0xFF93)
#define hWindowY HIGH(0xFF94)
#define WINDOW_SHOWN 0
#define WINDOW_HIDDEN 144
#define hPokeTile HIGH(0xFF95)
#define hPoke (*(volatile uint16_t *)0xFF96)
#define hLineFrom (*(volatile uint16_t *)0xFF98)
#define hLineTo (*(volatile uint16_t *)0xFF9A)
#define hShiftY HIGH(0xFF9D)
#define hShiftX HIGH(0xFF9E)
#define hPadPressed HIGH(0xFFF7) /* the pad before wJoyIgnore: text and menus listen even while a script runs */
#define hPadHeld HIGH(0xFFF8)

AT(0xC110) uint8_t wLine[16];
AT(0xC180) uint8_t wAttributes[128];     /* TILE_* flags of the metatiles */
AT(0xDA50) uint8_t wSavedTiles[360];     /* ui_save */
AT(0xD5F0) uint8_t wScriptVars[16];

/* home.s */
uint8_t idle(uint8_t n);
uint16_t multiply(uint8_t a, uint8_t b);
void bank_set(uint8_t bank);
void vram_slow(uint16_t to, const void *from, uint16_t n);
void tiles_left(void);
void tiles_right(void);
void tiles_up(void);
void tiles_down(void);
void line_copy(const uint8_t *from, uint8_t *to, uint8_t n, uint8_t stride);
void put_row(uint8_t *to);
void put_column(uint8_t *to);
void line_now(uint8_t bits);
void sprites_shift(uint8_t from, uint8_t to);

/* ui.c */
void ui_rows_dirty(uint8_t y, uint8_t h);
uint8_t *ui_at(uint8_t x, uint8_t y);    /* place in wTileMap */
void ui_poke(uint8_t x, uint8_t y, uint8_t tile);        /* one tile of a box that is shown, in the next blank; one a frame */
void ui_close(void);                     /* the window goes: the map is seen again */
void sprites_cover(void);                /* hides the people that a box lies on */
void ui_say_far(uint8_t bank, const char *text);

/* map.c (home): the map where it lies in ROM */
typedef struct { uint8_t map, offset, width, height; Far steps; } Neighbour;
#define OUTSIDE 0xE0                     /* coordinates from here on are north or west of the map */
enum { NORTH, SOUTH, WEST, EAST };
extern MapHeader map;
extern uint8_t map_steps_w, map_steps_h; /* in steps */
extern Neighbour neighbours[4];
void map_header(uint8_t id);             /* wCurMap and all that is known about it */
void tileset_load(uint8_t id);           /* tiles to video memory (LCD off), metatiles and attributes to work RAM */
uint8_t metatile_at(uint8_t x, uint8_t y);       /* coordinates wrap: 0xFF is one step north or west of the map */
uint8_t step_outside(uint8_t x, uint8_t y);      /* the same for what is known to lie outside the map */
void view_tiles(void);                   /* wTileMap anew from the player's place */
void view_draw(void);                    /* wTileMap to the whole background (LCD off), scroll */
void view_show(void);                    /* takes boxes away: wTileMap and the people as the map has them */
void view_scroll(uint8_t direction);     /* wTileMap one step on; the next blank draws the new edge */
#define NO_WARP 0xFF
uint8_t warp_at(uint8_t x, uint8_t y);           /* its index */
void warp_get(uint8_t i, Warp *to);
uint16_t trigger_at(uint8_t x, uint8_t y, uint8_t any);  /* script, or NO_SCRIPT; any: even those that are over */
uint16_t sign_at(uint8_t x, uint8_t y);
uint8_t wild_slot(WildSlot *to);                 /* draws one of the ten */
void tile_change(uint8_t x, uint8_t y, uint8_t metatile);        /* until the map is loaded again */
void line_change(uint8_t x, uint8_t y, uint8_t vertical, uint8_t n);     /* wLine, as tile_change has it */
extern uint8_t n_changes;
void view_change(uint8_t x, uint8_t y);          /* that step of the picture anew */
#define map_attribute(x, y) (wAttributes[metatile_at(x, y)])

/* objects.c (bank 1) */
#define MAX_OBJECTS 15
#define NO_OBJECT 0xFF
extern Object objects[MAX_OBJECTS];
extern uint8_t object_count, object_shown[MAX_OBJECTS];
extern uint8_t object_sight[MAX_OBJECTS];        /* of trainers still to be fought, else 0 */
extern uint8_t people_timer;                     /* frames until somebody may wander; 0: nobody does */
extern uint8_t people_walker, walker_direction, walker_left;     /* who is taking a step, pixels left */
extern uint8_t player_next_x, player_next_y;     /* where the player's step leads */
void objects_load(uint8_t reload) BANKED;        /* those of the map; reload: all sprite tiles anew */
void objects_refresh(void) BANKED;               /* shown or hidden by events */
void object_force(uint8_t i, uint8_t how) BANKED;        /* 1 show, 2 hide, until the map is loaded again */
void object_place(uint8_t i, uint8_t x, uint8_t y) BANKED;
void object_face(uint8_t i, uint8_t direction) BANKED;
uint8_t object_at(uint8_t x, uint8_t y) BANKED;
void object_step(uint8_t i, uint8_t direction) BANKED;   /* one step, 16 frames, nobody is asked */
void people_tick(void) BANKED;                   /* wandering; once a frame */
void people_settle(void) BANKED;                 /* lets a step that is under way end */

/* sprites.c (bank 1) */
extern uint8_t people_end;                       /* OAM entries in use */
extern uint8_t moved_x, moved_y;                 /* pixels that the view has gone in the player's step */
extern uint8_t first_entry[MAX_OBJECTS];         /* of an object's four OAM entries; 0: not on the screen */
void sprites_assign(uint8_t reload);             /* tiles for the people of the map */
void sprites_player(void) BANKED;                /* the player's tiles anew: walking or swimming */
void objects_reload_tiles(void) BANKED;          /* after a screen that used their tiles */
void sprites_draw(void) BANKED;                  /* wShadowOAM anew */
void player_draw(uint8_t walking, uint8_t lift) BANKED;  /* walking: 0, or 1 and 2 for the two legs; lift in pixels */
void object_frame(uint8_t i, uint8_t walking);
void object_bubble(uint8_t i) BANKED;            /* an exclamation mark for a moment */

/* overworld.c, travel.c, encounter.c, script.c (bank 1) */
void player_step(uint8_t direction) BANKED;      /* one step with its animation, nobody is asked */
void player_face(uint8_t direction) BANKED;
void map_enter(void) BANKED;                     /* entry scripts of maps that were loaded meanwhile */
extern uint8_t map_entered;                      /* the map's entry script has still to run */
uint8_t map_leave(void) BANKED;                  /* over an edge, or through a warp: then 1 */
uint8_t step_hazards(void) BANKED;               /* poison, wild creatures */
void blackout_set(uint8_t id) BANKED;
uint8_t trainers_look(void) BANKED;              /* 1 if one fought */
void trainer_talk(uint8_t i) BANKED;
uint8_t trainer_beaten(uint8_t trainer) BANKED;
void after_battle(uint8_t result) BANKED;        /* the map again, or a blackout */
/* field.c (bank 1) */
#define WALKING 0                                /* wWalkBikeSurfState */
#define SWIMMING 2
extern uint8_t pushing;                          /* boulders of this map give way */
uint8_t field_ask(uint8_t x, uint8_t y) BANKED;  /* A in front of a tree or water: 1 if something was said or done */
void boulder_ask(void) BANKED;
uint8_t boulder_push(uint8_t x, uint8_t y, uint8_t direction) BANKED;
void field_land(void) BANKED;                    /* out of the water when the player stands on land */
void field_light(void) BANKED;                   /* the palette: dark maps */
#define PALETTE HIGH(0xFF47)
#define BRIGHT 0xE4
/* startmenu.c, naming.c (bank 4) */
void options_screen(void) BANKED;
void choose_player_name(void) BANKED;
void choose_rival_name(void) BANKED;

extern const int8_t step_x[4], step_y[4];        /* home.c, by direction */
extern uint8_t spoken_to;                        /* object that the running script was started by */
#endif
