; The part of bank 0 that must be in assembly: vectors, start, vertical blank, the pad, chance, and the inner loops that
; run on every step. High RAM (FF80..): see engine.h, which names the same bytes for C.

	.module home

hBank      = 0x80	; switchable ROM bank at 0x4000
hDma       = 0x81	; OAM DMA routine, 10 bytes
hFrame     = 0x90	; set by vertical blank
hWork      = 0x91	; what the next blank has to do: see engine.h
hScrollX   = 0x92
hScrollY   = 0x93
hWindowY   = 0x94
hPokeTile  = 0x95	; one tile for address hPoke
hPoke      = 0x96
hLineFrom  = 0x98	; wTileMap address of a row or column to draw
hLineTo    = 0x9A	; its place in video memory
hPlaying   = 0x9C	; play time runs
hShiftY    = 0x9D	; pixels that the people move on the screen in this frame
hShiftX    = 0x9E
hJoyPressed = 0xB3
hJoyHeld   = 0xB4
hRandomAdd = 0xD3
hRandomSub = 0xD4
hPadPressed = 0xF7	; the pad before wJoyIgnore
hPadHeld   = 0xF8

wSavedStack = 0xC100
wLine      = 0xC110	; metatiles of a row or column
wMetaTop   = 0xC000	; top left tiles of 128 metatiles, then their top right tiles
wMetaBottom = 0xC200	; bottom left, bottom right
wShadowOAM = 0xC300
wTileMap   = 0xC3A0
wTileMapEnd = 0xC508
wJoyIgnore = 0xCD6B
wPlayTimeFrames = 0xDA45

	; order of the areas in bank 0
	.area _CODE
	.area _HOME
	.area _GSINIT
	.area _GSFINAL
	.area _INITIALIZER
	.area _DATA
	.area _INITIALIZED
	.area _BSS

	.area _HEADER (ABS)
	.org 0x20
	jp (hl)
	.org 0x40
	jp vblank
	.org 0x100
	nop
	jp start
	.rept 48		; no manufacturer's logo
	.db 0
	.endm

	.org 0x150
start:
	di
	ld sp, #0xE000
	xor a
	ldh (0x26), a		; sound off
	ldh (0x0F), a
	call lcd_off
	ld hl, #0xC000		; all work RAM; nothing is on the stack yet but return addresses
	ld bc, #0x1FF0
	call clear
	ld hl, #0xFF80
	ld bc, #0x7F
	call clear
	ld hl, #0x8000
	ld bc, #0x2000
	call clear
	ld hl, #dma_routine
	ld c, #hDma
	ld b, #10
1$:	ld a, (hl+)
	ldh (c), a
	inc c
	dec b
	jr nz, 1$
	ld a, #1
	ldh (hBank), a
	ld (0x2000), a
	ld a, #0xE4
	ldh (0x47), a
	ldh (0x49), a
	ld a, #0xD0
	ldh (0x48), a
	ld a, #7
	ldh (0x4B), a
	ld a, #0x90
	ldh (hWindowY), a
	ldh (0x4A), a
	call gsinit
	ld a, #1
	ldh (0xFF), a
	ei
	call _main
2$:	jr 2$

lcd_off:
	ldh a, (0x40)
	rla
	ret nc
1$:	ldh a, (0x44)
	cp #145
	jr c, 1$
	xor a
	ldh (0x40), a
	ret

clear:
	xor a
	ld (hl+), a
	dec bc
	ld a, b
	or c
	jr nz, clear
	ret

dma_routine:
	ld a, #0xC3
	ldh (0x46), a
	ld a, #40
1$:	dec a
	jr nz, 1$
	ret

	.area _GSINIT
gsinit:
	ld bc, #l__INITIALIZER
	ld a, b
	or c
	jr z, 2$
	ld hl, #s__INITIALIZER
	ld de, #s__INITIALIZED
1$:	ld a, (hl+)
	ld (de), a
	inc de
	dec bc
	ld a, b
	or c
	jr nz, 1$
2$:
	.area _GSFINAL
	ret

	.area _HOME

; Call of a banked function: e bank, hl address. Returns what it returns in a, bc, de.
___sdcc_bcall_ehl::
	ldh a, (hBank)
	push af
	ld a, e
	ldh (hBank), a
	ld (0x2000), a
	rst 0x20
	pop hl
	ld l, a
	ld a, h
	ldh (hBank), a
	ld (0x2000), a
	ld a, l
	ret

; --- vertical blank: never touches ROM banks ---
vblank:
	push af
	push bc
	push hl
	ldh a, (hWork)
	or a
	call nz, work
	; the pad
	ld a, #0x20
	ldh (0x00), a
	ldh a, (0x00)
	ldh a, (0x00)
	cpl
	and #0x0F
	swap a
	ld b, a
	ld a, #0x10
	ldh (0x00), a
	ldh a, (0x00)
	ldh a, (0x00)
	ldh a, (0x00)
	ldh a, (0x00)
	cpl
	and #0x0F
	or b
	ld b, a
	ldh a, (hPadHeld)
	cpl
	and b
	ldh (hPadPressed), a
	ld c, a
	ld a, b
	ldh (hPadHeld), a
	ld a, (wJoyIgnore)
	cpl
	ld l, a
	and b
	ldh (hJoyHeld), a
	ld a, l
	and c
	ldh (hJoyPressed), a
	; chance
	ldh a, (0x04)
	ld b, a
	ldh a, (hRandomAdd)
	adc a, b
	ldh (hRandomAdd), a
	ldh a, (0x04)
	ld b, a
	ldh a, (hRandomSub)
	sbc a, b
	ldh (hRandomSub), a
	; play time
	ldh a, (hPlaying)
	or a
	jr z, 1$
	ld hl, #wPlayTimeFrames
	inc (hl)
	ld a, (hl)
	cp #60
	call nc, play_time
1$:	ld a, #1
	ldh (hFrame), a
	pop hl
	pop bc
	pop af
	reti

play_time:
	xor a
	ld (hl-), a		; frames, then seconds
	inc (hl)
	ld a, (hl)
	cp #60
	ret c
	xor a
	ld (hl-), a		; minutes
	inc (hl)
	ld a, (hl)
	cp #60
	ret c
	xor a
	ld (hl-), a
	dec hl			; hours
	ld a, (hl)
	cp #255
	ret z
	inc (hl)
	ret

; a: hWork. Bits: 0 sprites, 1 column, 2 row, 3 one tile, 4..6 thirds of wTileMap to the window, 7 scroll.
work:
	push de
	ld c, a
	rra
	call c, hDma + 0xFF00
	bit 7, c
	jr z, 1$
	ldh a, (hScrollX)
	ldh (0x43), a
	ldh a, (hScrollY)
	ldh (0x42), a
1$:	bit 3, c
	jr z, 2$
	ldh a, (hPoke)
	ld l, a
	ldh a, (hPoke + 1)
	ld h, a
	ldh a, (hPokeTile)
	ld (hl), a
2$:	ld a, c
	and #0x06
	call nz, line
	ld a, c
	and #0x70
	jr z, 3$
	call third
	jr nz, 4$
3$:	ldh a, (hWindowY)
	ldh (0x4A), a
4$:	ld a, c
	and #0x70
	ldh (hWork), a
	pop de
	ret

; Shows the lowest marked third of wTileMap (6 rows) in the window's map, and clears its bit in c. z: no third is left.
third:
	ld (wSavedStack), sp
	bit 4, c
	jr z, 1$
	res 4, c
	ld sp, #wTileMap
	ld hl, #0x9C00
	jr 3$
1$:	bit 5, c
	jr z, 2$
	res 5, c
	ld sp, #wTileMap + 120
	ld hl, #0x9CC0
	jr 3$
2$:	res 6, c
	ld sp, #wTileMap + 240
	ld hl, #0x9D80
3$:	ld b, #6
4$:
	.rept 9
	pop de
	ld (hl), e
	inc l
	ld (hl), d
	inc l
	.endm
	pop de
	ld (hl), e
	inc l
	ld (hl), d
	ld a, l
	add a, #13
	ld l, a
	jr nc, 5$
	inc h
5$:	dec b
	jr nz, 4$
	ld hl, #wSavedStack
	ld a, (hl+)
	ld h, (hl)
	ld l, a
	ld sp, hl
	ld a, c
	and #0x70
	ret

; The background's map at 9800 is a ring of 32 x 32 tiles. a: bit 1 column (2 x 18 tiles), else row (20 x 2).
line:
	ld d, a
	ldh a, (hLineTo)
	ld l, a
	ldh a, (hLineTo + 1)
	ld h, a
	bit 1, d
	push af
	ldh a, (hLineFrom)
	ld e, a
	ldh a, (hLineFrom + 1)
	ld d, a
	pop af
	jr z, line_row
line_column:
	ld b, #18
1$:	ld a, (de)
	ld (hl+), a
	inc de
	ld a, (de)
	ld (hl-), a
	ld a, e
	add a, #19
	ld e, a
	jr nc, 2$
	inc d
2$:	ld a, l
	add a, #32
	ld l, a
	jr nc, 3$
	inc h
	res 2, h
3$:	dec b
	jr nz, 1$
	ret
line_row:
	push hl
	call half_row
	pop hl
	ld a, l
	add a, #32
	ld l, a
half_row:
	ld b, #10
1$:	ld a, (de)
	inc de
	ld (hl+), a
	ld a, (de)
	inc de
	ld (hl), a
	inc l
	ld a, l
	and #0x1F
	jr nz, 2$
	ld a, l
	sub #0x20
	ld l, a
2$:	dec b
	jr nz, 1$
	ret

; --- for C ---

; void frame(void)
_frame::
	xor a
	ldh (hFrame), a
1$:	halt
	nop
	ldh a, (hFrame)
	or a
	jr z, 1$
	ret

; uint8_t idle(uint8_t n): frames until a button is held, n at most; returns how many of n are left
_idle::
	ld b, a
1$:	xor a
	ldh (hFrame), a
2$:	halt
	nop
	ldh a, (hFrame)
	or a
	jr z, 2$
	ldh a, (hJoyHeld)
	or a
	jr nz, 3$
	dec b
	jr nz, 1$
3$:	ld a, b
	ret

; uint8_t random8(void)
_random8::
	ldh a, (0x04)
	ld b, a
	ldh a, (hRandomAdd)
	adc a, b
	ldh (hRandomAdd), a
	ldh a, (0x04)
	ld b, a
	ldh a, (hRandomSub)
	sbc a, b
	ldh (hRandomSub), a
	ldh a, (hRandomAdd)
	ret

; uint16_t multiply(uint8_t a, uint8_t b)
_multiply::
	ld d, #0
	ld h, d
	ld l, d
	ld b, #8
1$:	add hl, hl
	rla
	jr nc, 2$
	add hl, de
2$:	dec b
	jr nz, 1$
	ld b, h
	ld c, l
	ret

; void bank_set(uint8_t bank)
_bank_set::
	ldh (hBank), a
	ld (0x2000), a
	ret

; uint8_t far_byte(uint8_t bank, const void *from)
_far_byte::
	ld b, a
	ldh a, (hBank)
	ld c, a
	ld a, b
	ldh (hBank), a
	ld (0x2000), a
	ld a, (de)
	ld b, a
	ld a, c
	ldh (hBank), a
	ld (0x2000), a
	ld a, b
	ret

; void memory_move(void *to, const void *from, uint16_t n): n > 0 is not required
_memory_move::
	pop hl
	ldh (0xA0), a
	ld a, l
	ldh (0xA0), a
	ld a, h
	ldh (0xA1), a
	pop hl			; n
	push de
	ld d, h
	ld e, l
	pop hl			; to
	ld a, d
	or e
	jr z, 3$
	inc d
	ld a, e
	or a
	jr nz, 1$
	dec d
1$:	ld a, (bc)
	ld (hl+), a
	inc bc
	dec e
	jr nz, 1$
	dec d
	jr nz, 1$
3$:	ldh a, (0xA0)
	ld l, a
	ldh a, (0xA1)
	ld h, a
	jp (hl)

; void memory_set(void *to, uint8_t value, uint16_t n)
_memory_set::
	pop hl
	pop bc
	push hl
	ld h, d
	ld l, e
	ld d, a
	ld a, b
	or c
	ret z
	inc b
	ld a, c
	or a
	jr nz, 1$
	dec b
1$:	ld a, d
2$:	ld (hl+), a
	dec c
	jr nz, 2$
	dec b
	jr nz, 2$
	ret

; void screen_off(void)
_screen_off::
	jp lcd_off

; void screen_on(void): what is marked of wTileMap is shown from the first picture on
_screen_on::
	di
	ldh a, (hWork)
	or #0x81
	ldh (hWork), a
1$:	call work
	ldh a, (hWork)
	and #0x70
	jr nz, 1$
	ei
	ld a, #0xE3
	ldh (0x40), a
	ret

; void vram_slow(uint16_t to, const void *from, uint16_t n): while the LCD is on
_vram_slow::
	pop hl
	ld a, l
	ldh (0xA0), a
	ld a, h
	ldh (0xA1), a
	pop hl			; n
	push de
	ld d, h
	ld e, l
	pop hl
1$:	ldh a, (0x41)
	and #2
	jr nz, 1$
	ld a, (bc)
	ld (hl+), a
	inc bc
	dec de
	ld a, d
	or e
	jr nz, 1$
	ldh a, (0xA0)
	ld l, a
	ldh a, (0xA1)
	ld h, a
	jp (hl)

; --- the map's picture ---

; void tiles_left(void): wTileMap moves two columns left (the player walks right)
_tiles_left::
	ld hl, #wTileMap + 2
	ld de, #wTileMap
	ld b, #18
	jr copy_up
; void tiles_up(void): two rows up (the player walks down)
_tiles_up::
	ld hl, #wTileMap + 40
	ld de, #wTileMap
	ld b, #16
copy_up:
	.rept 20
	ld a, (hl+)
	ld (de), a
	inc de
	.endm
	dec b
	jp nz, copy_up
	ret
; void tiles_right(void)
_tiles_right::
	ld hl, #wTileMapEnd - 3
	ld de, #wTileMapEnd - 1
	ld b, #18
	jr copy_down
; void tiles_down(void)
_tiles_down::
	ld hl, #wTileMapEnd - 41
	ld de, #wTileMapEnd - 1
	ld b, #16
copy_down:
	.rept 20
	ld a, (hl-)
	ld (de), a
	dec de
	.endm
	dec b
	jp nz, copy_down
	ret

; void line_copy(const uint8_t *from, uint8_t *to, uint8_t n, uint8_t stride): from in the bank that is mapped
_line_copy::
	ldhl sp, #2
	ld a, (hl+)
	ld l, (hl)
	ld h, a			; h n, l stride
1$:	ld a, (de)
	ld (bc), a
	inc bc
	ld a, e
	add a, l
	ld e, a
	jr nc, 2$
	inc d
2$:	dec h
	jr nz, 1$
	pop hl
	pop bc
	jp (hl)

; void put_row(uint8_t *to): ten metatiles of wLine as two rows of tiles
_put_row::
	ld bc, #wLine
	ld h, #>wMetaTop
	call 1$
	ld bc, #wLine
	ld h, #>wMetaBottom
1$:
	.rept 10
	ld a, (bc)
	inc bc
	ld l, a
	ld a, (hl)
	ld (de), a
	inc de
	set 7, l
	ld a, (hl)
	ld (de), a
	inc de
	.endm
	ret

; void put_column(uint8_t *to): nine metatiles as two columns
_put_column::
	ld bc, #wLine
1$:	ld a, (bc)
	inc bc
	ld l, a
	ld h, #>wMetaTop
	ld a, (hl)
	ld (de), a
	inc de
	set 7, l
	ld a, (hl)
	ld (de), a
	call 2$
	ld h, #>wMetaBottom
	ld a, (hl)		; bottom right first: l still has bit 7
	inc de
	ld (de), a
	dec de
	res 7, l
	ld a, (hl)
	ld (de), a
	inc de
	call 2$
	ld a, c
	cp #<wLine + 9
	jr nz, 1$
	ret
2$:	ld a, e
	add a, #19
	ld e, a
	ret nc
	inc d
	ret

; void line_now(uint8_t bits): what the blank does for a row (4) or column (2), at once; the LCD is off
_line_now::
	jp line

; void sprites_shift(uint8_t from, uint8_t to): OAM entries from .. to - 1 move by hShiftY, hShiftX
_sprites_shift::
	ld d, a
	ld a, e
	sub d
	ret z
	ld e, a			; how many
	ld a, d
	add a, a
	add a, a
	ld l, a
	ld h, #>wShadowOAM
	ldh a, (hShiftY)
	ld b, a
	ldh a, (hShiftX)
	ld c, a
1$:	ld a, (hl)
	add a, b
	ld (hl+), a
	ld a, (hl)
	add a, c
	ld (hl+), a
	inc l
	inc l
	dec e
	jr nz, 1$
	ld hl, #0xFF00 + hWork
	set 0, (hl)
	ret
