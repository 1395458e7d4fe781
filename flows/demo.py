"""`make run`: a simulated world, the Prefect flow on it, and what it found of the diversions that were planted there.

Prefect runs inside this process, with its database below `demo/`; a server that the user has is neither asked nor told.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tradeflow.exceptions import TradeflowError
from tradeflow.lake import Lake, read_table
from tradeflow.sample import write_world

if TYPE_CHECKING:
    from tradeflow.pipeline import RunResult

DEMO = Path("demo")
SIZE, SEED, TOP = 150_000, 1, 50
_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def main(folder: Path = DEMO, size: int = SIZE) -> int:
    """Run the demonstration in `folder`; return the exit code."""
    isolate_prefect(folder / "prefect")
    world, lake = folder / "world", Lake(folder / "lake")
    if not world.exists():
        print(f"Simulating a world of {size:,} trade rows in {world}", flush=True)
        write_world(world, size=size, seed=SEED)
    try:
        result = run_flow(world, lake)
    except TradeflowError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 2
    print_findings(result, world, lake)
    return 0


def isolate_prefect(home: Path) -> None:
    """Set what Prefect reads when it is imported, so that only `home` is written and nothing is sent."""
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.pop("PREFECT_PROFILE", None)
    os.environ |= _ENVIRONMENT | {"PREFECT_HOME": str(home.resolve())}


def run_flow(world: Path, lake: Lake) -> RunResult:
    """Run the flow in this process; a user's mistake comes out as a TradeflowError of one line."""
    print("Starting Prefect; its first start in a folder takes up to a minute", flush=True)
    from flows.monitor import StepFailedError, monitor

    quieten_console()
    try:
        return monitor(lake=str(lake.root), input=str(world / "answers"))
    except StepFailedError as failure:
        if not failure.reason:
            raise
        raise TradeflowError(failure.reason) from None


def quieten_console() -> None:
    """Leave tracebacks to the interpreter: Prefect logs those of an ordinary failure and of its own shutdown."""
    for handler in logging.getLogger("prefect").handlers:
        handler.addFilter(lambda record: not record.exc_info and record.levelno < logging.ERROR)


def print_findings(result: RunResult, world: Path, lake: Lake) -> None:
    """Print the ranked table, how much of the truth it shows, and where to read on."""
    from tradeflow.cli import print_result

    print_result(result)
    cases = read_cases(world)
    found = find_cases(cases, read_table(lake, "signal").filter(pl.col("lead_rank") <= TOP).collect())
    missed = cases.join(found, on="case_id", how="anti")
    print(f"\n{found.height} of {cases.height} planted diversions stand in the top {TOP} leads.")
    for case in missed.iter_rows(named=True):
        print(
            "  missed: {case_id} {typology}: {commodity_code} from {exporter_code} into {importer_code}, "
            "{first_period} to {last_period}".format(**case)
        )
    print(f"\nReport: {result.release_folder / 'report.html'}")


def read_cases(world: Path) -> pl.DataFrame:
    """Read the truth table of a simulated world."""
    return pl.read_csv(world / "planted_case.csv", schema_overrides={"commodity_code": pl.String})


def find_cases(cases: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Return the ids of the cases that a signal names: the code, the areas (0 stands for all), a month of the case."""
    pairs = cases.lazy().join_where(
        signals.lazy().select(pl.col("importer_code", "exporter_code", "commodity_code", "period").name.suffix("_seen")),
        pl.col("commodity_code") == pl.col("commodity_code_seen"),
        pl.col("first_period") <= pl.col("period_seen"),
        pl.col("last_period") >= pl.col("period_seen"),
    )
    same_areas = [
        (pl.col(area) == pl.col(f"{area}_seen")) | (pl.col(area) == 0) | (pl.col(f"{area}_seen") == 0)
        for area in ("importer_code", "exporter_code")
    ]
    return pairs.filter(*same_areas).select("case_id").unique().sort("case_id").collect()


if __name__ == "__main__":
    sys.exit(main())
