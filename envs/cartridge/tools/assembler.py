"""Assembler of script bytecode: opcodes, operands and jumps to labels."""

from __future__ import annotations

from dataclasses import dataclass

from envs.cartridge.tools.emit import IdRef, Output, Part, part_size, u16
from envs.cartridge.world_text.map_source import Line, MapSource

OPCODES = (
    "END", "TEXT", "GOTO", "IF_EVENT", "IFNOT_EVENT", "SET_EVENT", "CLEAR_EVENT", "GIVE_ITEM", "TAKE_ITEM",
    "IF_ITEM", "IF_RESULT", "IFNOT_RESULT", "ASK", "GIVE_MON", "HEAL", "SHOP", "TRAINER", "WILD", "WARP",
    "WALK_PLAYER", "WALK_OBJECT", "FACE_PLAYER", "FACE_OBJECT", "PLACE_OBJECT", "SHOW_OBJECT", "HIDE_OBJECT",
    "GIVE_BADGE", "IF_BADGE", "SET_BLACKOUT", "PAY", "DELAY", "SET_VAR", "IF_VAR", "FACE_TO_PLAYER",
    "STARTER_RIVAL_LOSS_OK", "IF_FIELD", "IF_BADGES", "BOX", "SET_TILE", "ENDING", "CENTRE",
)  # fmt: skip
"""In the order of the OP_* enumeration of src/world.h (a test compares them)."""
SPEAKER = 0xFF


@dataclass(frozen=True, slots=True)
class Jump:
    """Two bytes: the offset of a label from the script's first byte."""

    label: int


@dataclass(frozen=True, slots=True)
class Label:
    """A position in the code; takes no bytes."""

    label: int


@dataclass(slots=True)
class Block:
    """An open ``if``: the label for a false condition, and the one after its ``else`` branch, or None."""

    line: Line
    otherwise: int
    after: int | None = None


class Assembler:
    """Code of one script under construction; ``here`` is the map to whose objects the statements refer."""

    def __init__(self, here: MapSource, maps: dict[str, MapSource], out: Output, name: str) -> None:
        self.here, self.maps, self.out, self.name = here, maps, out, name
        self.code: list[Part | Jump | Label] = []
        self.blocks: list[Block] = []
        self.labels = 0
        self.texts = 0

    def op(self, name: str, *operands: int | Part | Jump) -> None:
        """Add an operation; plain numbers are single bytes."""
        self.code.append(bytes([OPCODES.index(name)]))
        self.code += [bytes([operand]) if isinstance(operand, int) else operand for operand in operands]

    def label(self) -> int:
        """Return a new label, not yet placed."""
        self.labels += 1
        return self.labels

    def place(self, label: int) -> None:
        """Place ``label`` here."""
        self.code.append(Label(label))

    def text(self, line: Line, text: str) -> IdRef:
        """Add a text to the game and return its ID."""
        if not text:
            raise line.error("there is nothing to say")
        name = f"{self.name}_{self.texts}"
        self.texts += 1
        self.out.texts[name] = text
        return IdRef(f"TEXT_{name}", 2, where(line))

    def object(self, line: Line, name: str) -> int:
        """Return the number of an object of the current map."""
        for i, source in enumerate(self.here.objects):
            if source.name == name:
                return i
        raise line.error(f"map {self.here.name} has no object '{name}'")

    def close(self, line: Line) -> None:
        """End the script. Raises WorldError for an open ``if``."""
        if self.blocks:
            raise self.blocks[-1].line.error("this 'if' has no 'end'")
        self.op("END")

    def parts(self) -> list[Part]:
        """Return the finished code with every jump resolved."""
        offsets: dict[int, int] = {}
        at = 0
        for item in self.code:
            if isinstance(item, Label):
                offsets[item.label] = at
            else:
                at += 2 if isinstance(item, Jump) else part_size(item)
        return [
            u16(offsets[item.label]) if isinstance(item, Jump) else item
            for item in self.code
            if not isinstance(item, Label)
        ]


def where(line: Line) -> str:
    """Return the line's name in errors of build.py."""
    return f"{line.path.parent.name}/{line.path.name}:{line.number}"
