"""What pyproject.toml cannot say: a wheel holds the configs and the policies that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("configs", "policies")


class BuildWithShippedFiles(build_py):
    """Copies the folders to training/shipped, where envs/installation.py looks for them."""

    def run(self) -> None:
        """Build the packages, then copy; an editable install finds the folders in the checkout."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "training" / "shipped"
        shutil.rmtree(target, ignore_errors=True)
        for name in SHIPPED:
            shutil.copytree(name, target / name)


setup(cmdclass={"build_py": BuildWithShippedFiles})
