/* Bank 0: start of the game. home.s has cleared all memory. */
#include "engine.h"

void main(void) {
    vram_copy_far(0x8800, far_font.bank, far_font.at, 128 * 16);
    vram_copy_far(0x9600, far_misc.bank, far_misc.at, 32 * 16);
    wOptions = 3;
    title();
    overworld();
}
