"""Time a whole run from files to report, stage by stage: `python benchmarks/bench_run.py [FOLDER]`.

Without a folder it takes the monthly UN Comtrade set of 2008 to 2018 beside the repository, where that is.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tradeflow.lake import Lake
from tradeflow.pipeline import run_pipeline
from tradeflow.settings import load_settings, read_only_input

REAL = Path(__file__).parents[2] / "shared" / "data" / "comtrade_monthly_2008_2018"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL
    if not folder.exists():
        print(f"bench_run: skipped, there is no {folder}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        begun, cpu = time.perf_counter(), time.process_time()
        result = run_pipeline(read_only_input(load_settings(), folder), Lake(Path(scratch) / "lake"))
        wall, used = time.perf_counter() - begun, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {folder.name}")
    print(f"{result.counts['rows_in']:,} rows: {wall:.1f} s wall, {used:.1f} s CPU, {peak_mb:,.0f} MB at the peak")
    for stage, seconds in result.stage_seconds.items():
        print(f"  {stage:<10}{seconds:>7.1f} s  {seconds / wall:>4.0%}")


if __name__ == "__main__":
    main()
