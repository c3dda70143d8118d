; Bank 0: waiting, chance, arithmetic and copying, as C calls them (first arguments in a, de, bc; results in a, bc).

	.module memory
	.include "home.inc"
	.area _HOME

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

; void memory_move(void *to, const void *from, uint16_t n)
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
