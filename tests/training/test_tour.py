"""docs/tour.ipynb: a kernel executes it from top to bottom, and its cells show what they say."""

from __future__ import annotations

import base64
import io
import os
import shutil
from typing import Any

import av
import nbformat
import pytest
from nbclient import NotebookClient

from tests.paths import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"
FULL, SHORT = 'STEPS = "8192"', 'STEPS = "2048"'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The outputs of each cell of code by the heading above, from a folder outside of the repository."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copy(TOUR, folder)
    notebook = nbformat.read(folder / TOUR.name, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(FULL, SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        )
        patch.delenv("POKERED_RUNS", raising=False)
        NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    assert (folder / "runs" / "tour" / "summary.json").is_file()
    found: dict[str, list[Any]] = {}
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found.setdefault(heading, []).extend(cell.outputs)
        elif cell.source.startswith("## "):
            heading = cell.source.splitlines()[0].removeprefix("## ")
    return found


def text(outputs: list[Any]) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream")


def pictures(outputs: list[Any]) -> list[str]:
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def test_the_game_shows_its_observations_rewards_and_screen(outputs: dict[str, list[Any]]) -> None:
    said = text(outputs["The game"])
    assert "screen           uint8" in said
    assert "'exploration'" in said
    assert len(pictures(outputs["The game"])) == 1


def test_training_ends_with_its_table(outputs: dict[str, list[Any]]) -> None:
    assert "2,048" in text(outputs["Training"])


@pytest.mark.parametrize("heading", ["Curves", "A map"])
def test_a_picture_is_drawn(outputs: dict[str, list[Any]], heading: str) -> None:
    (picture,) = pictures(outputs[heading])
    assert len(base64.b64decode(picture)) > 5_000


def test_the_film_is_part_of_the_page(outputs: dict[str, list[Any]]) -> None:
    (html,) = [output.data["text/html"] for output in outputs["An episode as a film"] if "data" in output
               and "text/html" in output.data]  # fmt: skip
    film = base64.b64decode(html.split("base64,")[1].split('"')[0])
    with av.open(io.BytesIO(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 20


def test_the_policy_is_measured_beside_random_buttons(outputs: dict[str, list[Any]]) -> None:
    assert "random" in text(outputs["Measuring"])


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(TOUR, as_version=4).cells
    assert [cell.id for cell in cells if cell.get("outputs")] == []
    assert any(FULL in cell.source for cell in cells)
