; Bank 0: the inner loops of the map's picture, which run on every step.

	.module picture
	.include "home.inc"
	.area _HOME

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
