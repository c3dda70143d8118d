; Bank 0: the vertical blank: pictures, pad, chance and play time. It never touches ROM banks.

	.module blank
	.include "home.inc"
	.area _HOME

vblank::
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
	ld a, (wStatusFlags6)
	rra
	jr nc, 1$
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
work::
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
line::
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
