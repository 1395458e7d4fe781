"""Runs `tradeflow reconcile` as a user does, in a process of its own, and says what it cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.exceptions import TradeflowError


@dataclass(frozen=True)
class CommandRun:
    """What came out, and what it cost: CPU seconds and the highest resident memory in GB of the whole process, its start included."""

    pairs: pl.DataFrame
    rows_in: int
    cpu_seconds: float
    peak_gb: float


def reconcile_by_command(reports: pl.DataFrame, distances: pl.DataFrame | None = None) -> CommandRun:
    """Write the reports (and distances) to Parquet, run the command on them, and read what it wrote."""
    with tempfile.TemporaryDirectory(prefix="tradeflow-evaluate-") as scratch:
        folder = Path(scratch)
        reports.write_parquet(folder / "in.parquet")
        options = []
        if distances is not None:
            distances.write_parquet(folder / "distances.parquet")
            options = ["--distances", str(folder / "distances.parquet")]
        usage = _run(["reconcile", str(folder / "in.parquet"), str(folder / "out.parquet"), *options])
        pairs = pl.read_parquet(folder / "out.parquet")
    return CommandRun(pairs, reports.height, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def _run(arguments: list[str]) -> resource.struct_rusage:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "-c", "from tradeflow.cli import main; main()", *arguments], stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise TradeflowError(
                f"tradeflow {arguments[0]} ended with code {process.returncode}: {said.read()[-500:].decode(errors='replace')}"
            )
    return usage
