"""Time a whole run from files to report, processor time and peak memory stage by stage: `python benchmarks/bench_run.py [FOLDER]`.

Without a folder it takes the monthly UN Comtrade set of 2008 to 2018 beside the repository, where that is.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tradeflow.lake import Lake
from tradeflow.pipeline import P, T, run_pipeline
from tradeflow.settings import load_settings, read_only_input

REAL = Path(__file__).parents[2] / "shared" / "data" / "comtrade_monthly_2008_2018"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL
    if not folder.exists():
        print(f"bench_run: skipped, there is no {folder}")
        return
    measured: dict[str, tuple[float, float]] = {}

    def measure(name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        begun = time.process_time()
        made = function(*args, **kwargs)
        measured[name] = time.process_time() - begun, peak_memory_mb()
        return made

    with tempfile.TemporaryDirectory() as scratch:
        begun, cpu = time.perf_counter(), time.process_time()
        result = run_pipeline(read_only_input(load_settings(), folder), Lake(Path(scratch) / "lake"), run_step=measure)
        wall, used = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {folder.name}")
    print(f"{result.counts['rows_in']:,} rows: {wall:.1f} s wall, {used:.1f} s CPU, {peak_memory_mb():,.0f} MB at the peak")
    for stage, (seconds, peak_mb) in measured.items():
        stage_wall = result.stage_seconds[stage]
        print(f"  {stage:<10}{seconds:>7.1f} s CPU {seconds / used:>4.0%}{stage_wall:>8.1f} s wall{peak_mb:>8,.0f} MB so far")


def peak_memory_mb() -> float:
    """Return the most memory that this process has held so far; Linux counts it in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
