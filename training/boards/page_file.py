"""The file of a board's page, whose text around the results stays."""

from __future__ import annotations

from pathlib import Path

from envs.errors import UserError
from envs.files import write_atomically

BEGIN, END = "<!-- board -->", "<!-- end of board -->"
"""Marks between which the results of a page stand; what is around them stays."""


def write_page(path: Path, name: str, text: str) -> None:
    """Write the results between the marks of the page, which is made if it does not exist.

    Raises UserError if it exists without the marks or cannot be written.
    """
    around = page_around(path, name)
    try:
        write_atomically(path, around.replace(BEGIN + END, f"{BEGIN}\n{text}\n{END}").encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def page_around(path: Path, name: str) -> str:
    """Return the page with nothing between its marks. Raises UserError if it has no marks."""
    try:
        page = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return f"# Board {name}\n\n{BEGIN}{END}\n"
    except OSError as error:
        raise UserError(f"{path}: cannot be read as a page of a board ({error.strerror})") from error
    except UnicodeDecodeError:
        raise UserError(f"{path}: cannot be read as a page of a board (not a text file in UTF-8)") from None
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(f"{path}: is not the page of a board: it needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}{END}{after}"
