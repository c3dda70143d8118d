"""Which recorded episode is the quickest to a milestone."""

from __future__ import annotations

from pathlib import Path

from training.replays.episode_folder import Entry, EpisodeFolder


def entry(name: str, time: int, *milestones: tuple[int, str], archived: bool = False) -> Entry:
    return Entry(Path(name), time, 100, 1.0, milestones, "0" * 64, archived)


def test_episodes_from_the_archive_count_only_where_no_other_got_to(tmp_path: Path) -> None:
    folder = EpisodeFolder(tmp_path)
    found = [
        entry("a", 1, (3, "forest"), (9, "badge1"), archived=True),
        entry("b", 2, (400, "forest")),
        entry("c", 3, (300, "forest")),
        entry("d", 4, (7, "badge1"), archived=True),
    ]
    folder.entries = {one.path.name: one for one in found}
    assert {name: one.path.name for name, one in folder.quickest().items()} == {"forest": "c", "badge1": "d"}
