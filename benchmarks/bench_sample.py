"""Time the simulated world at growing sizes, each in a process of its own.

`python benchmarks/bench_sample.py [SIZE ...]` counts trade rows, `python benchmarks/bench_sample.py --declarations [ITEMS ...]` declared
items beside 150,000 trade rows.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime

SIZES = (10_000, 150_000, 1_000_000)
DECLARED_ITEMS = (10_000, 100_000, 1_000_000, 10_000_000)
ONE_SIZE = """
import resource, sys, time
from pathlib import Path
from tradeflow.sample import write_world
begun = time.process_time()
summary = write_world(Path(sys.argv[1]), size=int(sys.argv[2]), seed=1, declared_items=int(sys.argv[3]))
cpu, peak = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
items = summary.declared.items if summary.declared else 0
print(f"{int(sys.argv[2]):>12,} and {int(sys.argv[3]):,} asked: {summary.rows:>11,} rows, {items:,} items, {cpu:.1f} CPU s, {peak:,.0f} MB")
"""


def main() -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    is_declared = sys.argv[1:2] == ["--declarations"]
    asked = [int(each) for each in sys.argv[1 + is_declared :]] or (DECLARED_ITEMS if is_declared else SIZES)
    for number in asked:
        size, items = (150_000, number) if is_declared else (number, 0)
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run([sys.executable, "-c", ONE_SIZE, f"{scratch}/world", str(size), str(items)], check=True)


if __name__ == "__main__":
    main()
