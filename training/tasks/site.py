"""The documentation as a site: ``python -m training.tasks.site`` builds build/site/html, which works offline.

The pages keep their places in the checkout, so that links between them hold, and a page of reference for each
room is added, from its docstrings. A broken link or anchor ends the build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from envs.installation import ROOT

SITE = ROOT / "build" / "site"
SOURCE = SITE / "source"
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*", "envs/cartridge/README.md",
         "envs/cartridge/docs/*")  # fmt: skip
REFERENCE = {
    "Environments": ("envs.red_env", "envs.vec_env", "envs.env_config", "envs.observations", "envs.errors",
                     "training.make_env", "training.gymnasium_envs.registration"),
    "Game": ("envs.ram", "envs.game.catalog", "envs.game.goals",
             "envs.game.milestones", "envs.start_library", "envs.game_boy.emulator"),
    "Rewards": ("rewards.base", "rewards.stack", "rewards.coefficients", "rewards.dense", "rewards.sparse",
                "rewards.very_sparse"),
    "Learning": ("training.config.loading", "training.config.schema", "training.ppo.build",
                 "training.policies.interface", "training.policies.registry",
                 "training.learned_rewards.interface", "training.checkpoints.reading"),
    "Callbacks": ("callbacks.episode_metrics", "callbacks.exploration", "callbacks.graceful_stop",
                  "callbacks.schedules", "callbacks.update_state"),
    "Runs": ("training.runs.folder", "training.runs.lookup", "training.runs.export_sb3",
             "training.evaluation.protocol", "training.event_logs.reader"),
}  # fmt: skip
"""Pages of the reference: the modules that scripts and notebooks use."""


def main() -> int:
    """Copy the pages, write those of the reference, and build. Returns the exit status of mkdocs."""
    shutil.rmtree(SITE, ignore_errors=True)
    for page in pages():
        target = SOURCE / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, target)
    (SOURCE / "reference").mkdir()
    for title, modules in REFERENCE.items():
        (SOURCE / "reference" / f"{title.lower()}.md").write_text(reference(title, modules), "utf-8")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # an advertisement of the theme
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if not status:
        print(f"documentation: {SITE / 'html' / 'index.html'}")
    return status


def pages() -> Iterator[Path]:
    """Yield the pages and pictures of the checkout."""
    for pattern in PAGES:
        yield from (path for path in sorted(ROOT.glob(pattern)) if path.is_file())


def reference(title: str, modules: tuple[str, ...]) -> str:
    """Return the page ``title``: the public names of ``modules``, from their docstrings."""
    return "\n\n".join([f"# {title}", *(f"::: {module}" for module in modules)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
