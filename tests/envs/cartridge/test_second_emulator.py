"""Tests of the cartridge on another emulator, if Debian's package libretro-gambatte is installed."""

from __future__ import annotations

import pytest

from envs.cartridge.second_emulator import CORE, compare
from envs.errors import UserError

pytestmark = pytest.mark.slow

installed = pytest.mark.skipif(not CORE.exists(), reason="libretro-gambatte is not installed")


@installed
def test_the_other_emulator_shows_the_same_images_and_reaches_the_starter(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert compare(CORE, "starter") == 0
    printed = capfd.readouterr().out
    assert "same pictures: 12 of 12" in printed
    assert "starter" in printed


def test_a_missing_core_gives_one_line() -> None:
    with pytest.raises(UserError, match=r"core .*nowhere\.so: cannot be loaded"):
        compare(CORE.with_name("nowhere.so"), "starter")
