"""Compiler of the scripts in map files to the bytecode of src/world.h.

Statements, one per line (indented; a line that starts with ``#`` is a comment)::

    say TEXT                  a text box; lines and pages break automatically (texts.py)
    ask TEXT                  the same with YES / NO, followed by ``if yes`` or ``if not yes``
    if CONDITION ... else ... end      event E, item I, badge BIT, var N VALUE, yes, done, each also with
    ``not``; badges N (at least N), field cut|swim|push|light (a creature knows it and the badge is there)
    stop
    set EVENT / clear EVENT
    give ITEM N / take ITEM N / pay MONEY / give_mon SPECIES LEVEL      then ``if done``
    heal / shop NAME / badge BIT / blackout MAP / delay FRAMES / var N VALUE
    battle TRAINER            a lost battle ends the script in a blackout
    first_battle TRAINER      losing heals the team and the script continues
    wild_battle SPECIES LEVEL
    warp MAP x y facing       later statements refer to that map's objects
    walk player|OBJECT up up*3 left
    face player|OBJECT DIRECTION / face_player OBJECT|speaker
    place OBJECT x y / show OBJECT / hide OBJECT
    found ITEM EVENT          an item lying here: taken once, if the bag has room
    box                       the healing centre's machine that stores creatures
    tile x y CHARACTER        changes a step of the map until the map is loaded again
    ending                    the end screen, after which the script continues
    goto_centre               go to the last healing centre
"""

from __future__ import annotations

from pathlib import Path

from envs.cartridge.tools.assembler import Assembler
from envs.cartridge.tools.emit import Output, Part, Table
from envs.cartridge.tools.ops import statement
from envs.cartridge.world_text.map_source import MapSource
from envs.cartridge.world_text.maps import load_maps


def compile(world: Path) -> Output:
    """Compile the scripts of every map, by map number; script 0 is NO_SCRIPT. Raises WorldError."""
    maps = load_maps(world)
    out = Output()
    symbols: list[str | None] = [None]
    for source in maps.values():
        for name in source.scripts:
            identity = source.script_id(name)
            out.ids[identity] = len(symbols)
            symbols.append(identity.lower())
            out.blob(identity.lower(), compile_script(source, name, maps, out))
    out.tables.append(Table("far_scripts", symbols))
    return out


def compile_script(source: MapSource, name: str, maps: dict[str, MapSource], out: Output) -> list[Part]:
    """Compile one script. Raises WorldError."""
    code = Assembler(source, maps, out, source.script_id(name).removeprefix("SCRIPT_"))
    for line in source.scripts[name]:
        if line.text.strip() and not line.words[0].startswith("#"):
            statement(code, line)
    code.close(source.script_lines[name])
    return code.parts()
