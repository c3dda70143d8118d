"""Compiler of ``world/`` to C: ``python3 -m envs.cartridge.tools.build``.

Run it from the project root (standard library only). It writes ``build/gen/ids.h`` (IDs by name),
``tables.c`` (far pointers, bank 0), one ``data_NN.c`` per data bank, and ``banks.mk`` (``DATA_BANKS``, their
decimal numbers). The same world always gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from envs.cartridge.tools import art, maps, scripts, tables
from envs.cartridge.tools.emit import BANK_SIZE, Blob, FarRef, IdRef, Output, Table
from envs.cartridge.tools.texts import encode
from envs.errors import UserError

CARTRIDGE = Path(__file__).resolve().parent.parent
FIRST_BANK = 5
LAWN = "METATILE_OUTDOOR_2C"
"""Metatile that replaces a cut tree."""
WINDOW = 0x4000
"""Address of the switchable bank."""


def main() -> int:
    """Build; on an error, print one line and return 2."""
    try:
        build(CARTRIDGE / "world", CARTRIDGE / "build" / "gen")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build(world: Path, target: Path) -> None:
    """Compile ``world`` and write the C sources to ``target``. Raises UserError."""
    merged = collect(world)
    places = pack(merged.blobs)
    images = lay_out(merged, places)
    files = {"ids.h": ids_header(merged.ids), "tables.c": tables_source(merged, places)}
    files |= {f"data_{bank:02d}.c": bank_source(bank, image) for bank, image in images.items()}
    files["banks.mk"] = "DATA_BANKS := " + " ".join(str(bank) for bank in images) + "\n"
    write(target, files)


def collect(world: Path) -> Output:
    """Merge the outputs of all parts, with texts as blobs. Raises UserError for a name used twice."""
    merged = Output()
    for output in (part.compile(world) for part in (tables, art, maps, scripts)):
        merged.blobs += output.blobs
        merged.tables += output.tables
        for mine, new in ((merged.ids, output.ids), (merged.numbers, output.numbers)):
            add(mine, new)
        for name in output.texts:
            if name in merged.texts:
                raise UserError(f"two parts of the world have a text {name}")
        merged.texts |= output.texts
    add_texts(merged)
    return merged


def add(mine: dict[str, int], new: dict[str, int]) -> None:
    """Merge names. Raises UserError if a name has two numbers."""
    for name, value in new.items():
        if mine.setdefault(name, value) != value:
            raise UserError(f"{name} is {mine[name]} in one part of the world and {value} in another")


def add_texts(merged: Output) -> None:
    """Number the texts and add them as blobs; equal texts share one."""
    seen: dict[bytes, str] = {}
    symbols: list[str | None] = []
    for number, (name, text) in enumerate(merged.texts.items()):
        try:
            data = encode(text)
        except ValueError as error:
            raise UserError(f"text {name}: {error}") from None
        if data not in seen:
            seen[data] = f"text_{name.lower()}"
            merged.blob(seen[data], data)
        merged.ids[f"TEXT_{name}"] = number
        symbols.append(seen[data])
    merged.tables.append(Table("far_texts", symbols))


def pack(blobs: Iterable[Blob]) -> dict[str, tuple[int, int]]:
    """Return bank and address of every blob; each is placed in the first bank with room for it."""
    used: list[int] = []
    places: dict[str, tuple[int, int]] = {}
    for blob in blobs:
        size = blob.size()
        if blob.symbol in places or not 0 < size <= BANK_SIZE:
            raise UserError(
                f"blob {blob.symbol} of {size} bytes: names must be unique, sizes 1 to {BANK_SIZE} bytes"
            )
        bank = next((i for i, full in enumerate(used) if full + size <= BANK_SIZE), len(used))
        if bank == len(used):
            used.append(0)
        places[blob.symbol] = (FIRST_BANK + bank, WINDOW + used[bank])
        used[bank] += size
    return places


def lay_out(merged: Output, places: dict[str, tuple[int, int]]) -> dict[int, bytes]:
    """Return the bytes of every data bank, with references and IDs resolved."""
    images: dict[int, bytearray] = {}
    for blob in merged.blobs:
        image = images.setdefault(places[blob.symbol][0], bytearray())
        for part in blob.parts():
            if isinstance(part, FarRef):
                image += far_bytes(blob.symbol, part, places)
            else:
                image += id_bytes(blob.symbol, part, merged.ids) if isinstance(part, IdRef) else part
    return {bank: bytes(images[bank]) for bank in sorted(images)}


def far_bytes(owner: str, ref: FarRef, places: dict[str, tuple[int, int]]) -> bytes:
    """Return a struct Far."""
    if ref.symbol is None:
        return bytes(3)
    if ref.symbol not in places:
        raise UserError(f"{owner} refers to {ref.symbol}, which is not defined")
    bank, address = places[ref.symbol]
    return bytes([bank]) + address.to_bytes(2, "little")


def id_bytes(owner: str, ref: IdRef, ids: dict[str, int]) -> bytes:
    """Return the value of an ID, little-endian."""
    place = ref.where or owner
    if ref.name not in ids:
        raise UserError(f"{place}: no {ref.name}")
    if not 0 <= ids[ref.name] < 256**ref.size:
        raise UserError(f"{place}: {ref.name} is {ids[ref.name]}, which does not fit {ref.size} byte(s)")
    return ids[ref.name].to_bytes(ref.size, "little")


def ids_header(ids: dict[str, int]) -> str:
    """Return ids.h; metatiles and attributes, which only the compiler needs, are left out except LAWN."""
    lines = [
        f"#define {n} {v}"
        for n, v in sorted(ids.items())
        if n == LAWN or not n.startswith(("METATILE_", "ATTRIBUTE_"))
    ]
    return (
        "/* Made by tools/build.py from world/. */\n#ifndef IDS_H\n#define IDS_H\n"
        + "\n".join(lines)
        + "\n#endif\n"
    )


def tables_source(merged: Output, places: dict[str, tuple[int, int]]) -> str:
    """Return tables.c: far pointers and numbers, in bank 0."""
    text = '/* Made by tools/build.py from world/. */\n#include "world.h"\n'
    for table in merged.tables:
        entries = [entry(symbol, places) for symbol in table.symbols]
        body = entries[0] if table.single else "{\n" + ",\n".join(entries) + "\n}"
        text += f"const Far {table.name}{'' if table.single else f'[{len(entries)}]'} = {body};\n"
    return text + "".join(
        f"const uint8_t {name} = {value};\n" for name, value in sorted(merged.numbers.items())
    )


def entry(symbol: str | None, places: dict[str, tuple[int, int]]) -> str:
    """Return the C initialiser of a Far."""
    if symbol is None:
        return "{0, 0}"
    if symbol not in places:
        raise UserError(f"a table names {symbol}, which is not defined")
    bank, address = places[symbol]
    return f"{{{bank}, (const uint8_t *)0x{address:04X}}}"


def bank_source(bank: int, image: bytes) -> str:
    """Return data_NN.c: one array at the start of its bank, so that offsets are addresses from 0x4000 on."""
    rows = [", ".join(str(byte) for byte in image[i : i + 24]) for i in range(0, len(image), 24)]
    head = f"/* Made by tools/build.py from world/. */\n#include <stdint.h>\n#pragma constseg CODE_{bank}\n"
    return head + f"const uint8_t data_{bank:02d}[{len(image)}] = {{\n" + ",\n".join(rows) + "\n};\n"


def write(target: Path, files: dict[str, str]) -> None:
    """Write changed files and remove unused data banks."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("data_*.c"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        path = target / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
