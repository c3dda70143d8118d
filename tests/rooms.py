"""The table of rooms in CONTRIBUTING.md, made from the code: ``python -m tests.rooms`` writes it anew.

Rooms and their order are those of the import-linter contracts in pyproject.toml, which ``make lint`` holds
against the code; what a room holds is the first sentence of its docstring, and what it imports is read from
its files.
"""

from __future__ import annotations

import ast
import re
import tomllib

import grimp

from tests.paths import ROOT

PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- rooms: python -m tests.rooms -->", "<!-- end of rooms -->"
PACKAGES = ("envs", "rewards", "callbacks", "training")


def floors() -> list[list[str]]:
    """The rooms from the top floor down; those of one floor do not import each other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    house, inside = (c["layers"] for c in contracts if c["type"] == "layers")
    rooms = [re.split(r"\s*\|\s*", layer) for layer in [*house[:-1], *inside]]
    return [["training/*.py"], *rooms[1:]]  # the programs are one floor, not nineteen rooms


def held_by(room: str) -> str:
    """The first sentence of a room's docstring."""
    if "*" in room:
        return "The programs that people run: flags, one call, what is printed."
    path = ROOT / room.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def table() -> str:
    """The rooms as a table in Markdown."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    rooms = [room for floor in floors()[1:] for room in floor]

    def room_of(module: str) -> str | None:
        return next((room for room in rooms if module == room or module.startswith(f"{room}.")), None)

    def imports(room: str) -> str:
        modules = {module for module in graph.modules if room_of(module) == room}
        found = {
            room_of(other) for module in modules for other in graph.find_modules_directly_imported_by(module)
        }
        return ", ".join(other for other in rooms if other in found and other != room) or "-"

    lines = ["| floor | room | holds | imports |", "|---|---|---|---|"]
    for number, floor in enumerate(floors()):
        for room in floor:
            below = "all rooms below" if "*" in room else imports(room)
            lines.append(f"| {len(floors()) - number} | `{room}` | {held_by(room)} | {below} |")
    return "\n".join(lines)


def page_with_table(page: str) -> str:
    """The page with the table of today between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text("utf-8")), "utf-8")
