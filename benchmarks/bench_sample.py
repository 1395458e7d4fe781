"""Time the simulated world at growing sizes, each in a process of its own: `python benchmarks/bench_sample.py [SIZE ...]`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime

SIZES = (10_000, 150_000, 1_000_000)
ONE_SIZE = """
import resource, sys, time
from pathlib import Path
from tradeflow.sample import write_world
begun = time.process_time()
summary = write_world(Path(sys.argv[1]), size=int(sys.argv[2]), seed=1)
cpu, peak = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{int(sys.argv[2]):>12,} asked: {summary.rows:>11,} rows, {cpu:.1f} CPU s, {summary.rows / cpu:,.0f} per CPU s, {peak:,.0f} MB")
"""


def main() -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for size in [int(each) for each in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run([sys.executable, "-c", ONE_SIZE, f"{scratch}/world", str(size)], check=True)


if __name__ == "__main__":
    main()
