"""Where the checkout is, for tests in whatever folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
RUN_CONFIGS = sorted(path for path in CONFIGS.glob("*.json") if path.stem not in ("board", "curriculum"))
"""Configs of a run; a curriculum and a board consist of such configs, but are of another kind."""
