"""Benchmark of the history page: ``python training/benchmark_history.py --runs 1000 --points 10000``.

It makes runs in a temporary folder, serves them, and requests the list and a comparison over HTTP as a
browser would. Then it trains a run and reports the cost of writing its history.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training.cli.parsing import UsageError, parse, run_program

KEYS = (
    "train/episode_return_mean", "train/episode_battles_won_mean", "train/episode_map_progress_max",
    "train/approx_kl", "train/clip_fraction", "train/explained_variance", "perf/env_steps_per_s",
)  # fmt: skip
COMPARED = 10  # runs
TRIES = 15


@dataclass(frozen=True)
class BenchmarkFlags:
    """Measure the history page with many synthetic runs, and the cost of writing a run's history.

    Prints the median and the slowest of 15 requests.
    """

    runs: int = 1000
    """Runs in the history."""
    points: int = 10_000
    """Points in each of a run's seven curves."""
    port: int = 5174
    """Port of the measured server."""
    train_steps: int = 61_440
    """Steps of a training run with the default config (0: none)."""


def make_runs(root: Path, runs: int, points: int) -> Path:
    """Fill ``root`` with run folders and a database of ``runs`` rows. Returns the database's path."""
    import numpy as np

    from training.history_db.curves import POINT, CurveWriter
    from training.history_db.importing import figures, new_row, refresh
    from training.history_db.run_facts import run_facts, state_of
    from training.history_db.store import Store

    store = Store(root / "history.sqlite")
    random = np.random.default_rng(0)
    steps = np.arange(1, points + 1) * 2048
    for number in range(runs):
        folder = root / f"run-{number:04d}"
        folder.mkdir()
        config = {
            "agent_id": f"agent_{number % 7}",
            "sweep_variant": f"variant_{number % 11}",
            "seed": number % 5,
            "tags": [f"tag_{number % 4}"],
            "total_steps": points * 2048,
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "history.json").write_text(json.dumps({"status": "finished", "steps": points * 2048}))
        curves = {}
        for key in KEYS:
            curve = np.zeros(points, POINT)
            curve["step"], curve["seconds"] = steps, steps / 500
            curve["value"] = np.cumsum(random.normal(0.01, 1, points))
            curves[key] = curve
        latest = {key: float(curve["value"][-1]) for key, curve in curves.items()}
        with store.write() as connection:
            run_id = new_row(connection, run_facts(folder) | state_of(folder) | figures(latest))
            CurveWriter(run_id).add(connection, curves)
            refresh(connection, run_id, folder)
    store.close()
    return store.path


@contextmanager
def served(root: Path, port: int) -> Iterator[str]:
    """Serve the page over ``root`` in its own process. Yields its address once it answers."""
    program = Path(__file__).with_name("history.py")
    environment = {**os.environ, "POKERED_RUNS": str(root)}
    server = subprocess.Popen([sys.executable, str(program), "--port", str(port)], env=environment)
    address = f"http://127.0.0.1:{port}/training"
    try:
        for _ in range(200):
            if server.poll() is not None:
                raise UsageError(f"--port {port}: the server did not start")
            try:
                fetch(address)
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(5)  # until it has scanned the folders once
        yield address
    finally:
        server.terminate()
        server.wait()


def fetch(address: str) -> int:
    """Request a page. Returns its size in bytes."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - on this machine
        return len(answer.read())


def measure(address: str) -> tuple[float, float, int]:
    """Return the median and the slowest time in ms, and the size in bytes."""
    times, size = [], 0
    for _ in range(TRIES):
        begin = time.perf_counter()
        size = fetch(address)
        times.append((time.perf_counter() - begin) * 1000)
    return median(times), max(times), size


def writing_cost(root: Path, steps: int) -> str:
    """Train a run in ``root`` and describe the share of its time spent on its history."""
    program = Path(__file__).with_name("train_ppo.py")
    flags = ("--run-name", "written", "--total-steps", str(steps))
    subprocess.run(
        [sys.executable, str(program), *flags],
        env={**os.environ, "POKERED_RUNS": str(root)}, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    state = json.loads((root / "written" / "history.json").read_text(encoding="utf-8"))
    seconds, writing = state["session_seconds"], state["writing_seconds"]
    return (
        f"a run of {state['steps']:,} steps: {writing:.2f} of {seconds:.1f} s spent on its history,"
        f" {100 * writing / seconds:.2f} %"
    )


def main(arguments: Sequence[str]) -> int:
    """Make the runs, serve them, and print the measurements."""
    flags = parse(BenchmarkFlags, arguments, "benchmark_history.py")
    for name in ("runs", "points"):
        if getattr(flags, name) < COMPARED:
            raise UsageError(f"--{name} {getattr(flags, name)} is out of range: must be at least {COMPARED}")
    from training.cli.table import table

    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        begin = time.perf_counter()
        size = make_runs(Path(folder), flags.runs, flags.points).stat().st_size
        print(f"{flags.runs:,} runs of {len(KEYS)} curves of {flags.points:,} points, made in"
              f" {time.perf_counter() - begin:.0f} s: {size / 1e6:,.0f} MB")  # fmt: skip
        ten = "&".join(f"run=run-{number * flags.runs // COMPARED:04d}" for number in range(COMPARED))
        keys = "&".join(f"key={key}" for key in KEYS[1:])
        with served(Path(folder), flags.port) as address:
            asked = {
                "list": address,
                "list, filtered and sorted": f"{address}?q=run-0&agent=agent_3&tag=tag_1&sort=episode_return",
                "comparison of ten: page": f"{address}/compare?{ten}",
                "comparison of ten: large chart": f"{address}/api/curves?{ten}&key={KEYS[0]}&points=1000",
                "comparison of ten: small charts": f"{address}/api/curves?{ten}&{keys}&points=400",
                "one run: page": f"{address}/run/run-0000",
            }
            rows = [("", "median", "slowest", "kB")]
            for name, url in asked.items():
                middle, slowest, size = measure(url)
                rows.append((name, f"{middle:.0f} ms", f"{slowest:.0f} ms", f"{size / 1000:,.0f}"))
        print(table(rows), flush=True)
        if flags.train_steps:
            print(writing_cost(Path(folder), flags.train_steps))
    return 0


if __name__ == "__main__":
    run_program(main)
