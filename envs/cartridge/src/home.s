; Bank 0: vectors and header, start, and the call of functions in other banks. Linked first: it sets the order of the areas.

	.module home
	.include "home.inc"

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

lcd_off::
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
