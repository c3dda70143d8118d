"""Small sets of demonstrations: the scripted player from outside the laboratory to the second town."""

from __future__ import annotations

import pytest

from training.demonstrations.demo_set import DemonstrationSet
from training.demonstrations.making import make_scripted_set
from training.demonstrations.scripted import ScriptedPlay


@pytest.fixture(scope="session")
def short_set(tmp_path_factory: pytest.TempPathFactory) -> DemonstrationSet:
    """Three episodes of about 80 steps, with noise. Tests must not change it."""
    out = tmp_path_factory.mktemp("demonstrations") / "short"
    return make_scripted_set(out, ScriptedPlay(3, until="second town", noise=0.2), lambda _: None)
